"""The synthetic country's files, in publishers' formats, with the same bytes each time."""

from __future__ import annotations

import json
from datetime import date, timedelta
from importlib import resources
from pathlib import Path

import pandas as pd
import shapely
import shapely.geometry

from pipelines.synthetic.campaigns import KINDS, PARTIES, CampaignEvents
from pipelines.synthetic.geography import Geography
from pipelines.synthetic.rounds import Round

_TEMPLATE_FOLDER = "../../var/demo/country/"
_TEMPLATE_START = "start = 2018-01-01"


def write_country(
    folder: Path,
    start: date,
    land: Geography,
    rounds: list[Round],
    campaigns: CampaignEvents,
    incidents: pd.DataFrame,
    truth: pd.DataFrame,
) -> Path:
    """Write all files into `folder`; the pack comes last, once all that it names is there.

    Returns:
        The path of the country pack.
    """
    _write(folder / "communes.geojson", communes_geojson(land))
    for name, table in {
        "population": _population(land),
        "elections": _elections(rounds, start),
        "campaign_events": _campaign_events(campaigns, land, start),
        "voting_centers": _voting_centers(land),
        "incidents": incidents,
        "truth": truth,
    }.items():
        text = table.to_csv(index=False, lineterminator="\n", float_format="%.6f")
        _write(folder / f"{name}.csv", text)
    return _write(folder / "country.toml", pack_text(start))


def pack_text(start: date) -> str:
    """The shipped pack of the synthetic country, with its files beside it.

    Args:
        start: first day of the data; training starts a year later.
    """
    template = resources.files("pipelines").joinpath("configs/synthetic.toml")
    text = template.read_text(encoding="utf-8").replace(_TEMPLATE_FOLDER, "")
    return text.replace(_TEMPLATE_START, f"start = {start.replace(year=start.year + 1)}")


def communes_geojson(land: Geography) -> str:
    """The communes as COD-AB publishes admin level 3, one feature a line."""
    lines = []
    for unit, code in enumerate(land.unit_ids):
        feature = {
            "type": "Feature",
            "properties": {
                "ADM0_FR": "Vigilia",
                "ADM0_PCODE": "XV",
                "ADM1_FR": land.region_names[unit],
                "ADM1_PCODE": code[:4],
                "ADM2_FR": land.parent_names[unit],
                "ADM2_PCODE": code[:6],
                "ADM3_FR": land.names[unit],
                "ADM3_PCODE": code,
                "date": "2010-01-01",
                "validOn": "2010-01-01",
                "validTo": None,
            },
            "geometry": shapely.geometry.mapping(shapely.orient_polygons(land.polygons[unit])),
        }
        lines.append(json.dumps(feature, ensure_ascii=False))
    head = {
        "type": "FeatureCollection",
        "name": "xvg_admbnda_adm3",
        "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}},
    }
    return f'{json.dumps(head)[:-1]}, "features": [\n' + ",\n".join(lines) + "\n]}\n"


def _population(land: Geography) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "ADM3_PCODE": land.unit_ids,
            "ADM3_FR": land.names,
            "population": land.population,
            "share_urban": [f"{share:.3f}" for share in land.share_urban],
        }
    )


def _elections(rounds: list[Round], start: date) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "election_id": held.election_id,
            "iso3": "XVG",
            "type": held.election_type,
            "round": held.number,
            "polling_date": start + timedelta(days=held.polling_day),
            "campaign_start": start + timedelta(days=held.campaign_start),
            "campaign_end": start + timedelta(days=held.campaign_end),
            "announced_on": start + timedelta(days=held.announced),
            "note": "synthetic",
        }
        for held in rounds
    )


def _campaign_events(events: CampaignEvents, land: Geography, start: date) -> pd.DataFrame:
    first = pd.Timestamp(start)
    return pd.DataFrame(
        {
            "campaign_event_id": [f"XVG-C{n:05d}" for n in range(1, len(events.day) + 1)],
            "unit_id": [land.unit_ids[u] for u in events.unit],
            "kind": [KINDS[k] for k in events.kind],
            "party": [PARTIES[p] for p in events.party],
            "event_date": first + pd.to_timedelta(events.day, unit="D"),
            "announced_on": first + pd.to_timedelta(events.announced, unit="D"),
        }
    )


def _voting_centers(land: Geography) -> pd.DataFrame:
    """Two schools in every commune."""
    rows = [
        (f"{unit_id}-{n}", f"École {name} {n}", "voting_center", unit_id)
        for unit_id, name in zip(land.unit_ids, land.names, strict=True)
        for n in (1, 2)
    ]
    return pd.DataFrame(rows, columns=["place_id", "name", "kind", "unit_id"])


def _write(file: Path, text: str) -> Path:
    file.write_text(text, encoding="utf-8", newline="\n")
    return file
