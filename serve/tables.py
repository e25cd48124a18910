"""Scores as JSON, GeoJSON, CSV and Parquet: plain rows in, bytes out."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from features.vocabulary import STARTING_POINT
from serve.formats import Format
from serve.schemas import BulletinOut, ScoreLine

HXL: dict[str, str] = {
    "bulletin_id": "#meta+id+bulletin",
    "as_of": "#date+known",
    "synthetic": "#meta+synthetic",
    "unit_id": "#adm3+code",
    "name": "#adm3+name",
    "parent_id": "#adm2+code",
    "parent_name": "#adm2+name",
    "region_id": "#adm1+code",
    "region_name": "#adm1+name",
    "rank": "#indicator+rank+num",
    "probability": "#indicator+probability+num",
    "lower": "#indicator+probability+lower+num",
    "upper": "#indicator+probability+upper+num",
    "expected_incidents": "#indicator+incidents+expected+num",
    "incidents_p50": "#indicator+incidents+p50+num",
    "incidents_p90": "#indicator+incidents+p90+num",
    "two_or_more": "#indicator+probability+two_or_more+num",
    "five_or_more": "#indicator+probability+five_or_more+num",
    "band": "#severity+band",
    "baseline_probability": "#indicator+probability+baseline+num",
    "coverage": "#meta+coverage",
    "coverage_says": "#description+coverage",
    "main_drivers": "#description+drivers",
}
"""The HXL hashtag of each column of the CSV (Humanitarian Exchange Language 1.1)."""

_LINE = tuple(ScoreLine.model_fields)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_MAIN_DRIVERS = 3
_OPTIONS = orjson.OPT_UTC_Z


@dataclass(frozen=True)
class Table:
    """A page of a bulletin's scores.

    Attributes:
        rows: as `store.selecting.score_rows` gives them, in one language.
        matched: how many units the question holds, on all pages.
        following: address of the next page; None on the last.
    """

    bulletin: BulletinOut
    rows: Sequence[Mapping[str, Any]]
    matched: int
    following: str | None


def written(table: Table, format_: Format) -> bytes:
    """A page in a format."""
    return _WRITERS[format_](table)


def _head(table: Table) -> dict[str, Any]:
    return {
        "synthetic": table.bulletin.synthetic,
        "bulletin": table.bulletin.model_dump(),
        "matched": table.matched,
        "next": table.following,
    }


def _line(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in _LINE}


def _json(table: Table) -> bytes:
    scores = [{**_line(row), "drivers": row["drivers"]} for row in table.rows]
    return orjson.dumps({**_head(table), "scores": scores}, option=_OPTIONS)


def _geojson(table: Table) -> bytes:
    features = [
        {
            "type": "Feature",
            "id": row["unit_id"],
            # Kept as GeoJSON text: it goes out as it is.
            "geometry": orjson.Fragment(row["geometry"]) if row["geometry"] else None,
            "properties": _line(row),
        }
        for row in table.rows
    ]
    whole = {"type": "FeatureCollection", **_head(table), "features": features}
    return orjson.dumps(whole, option=_OPTIONS)


def _flat(table: Table) -> list[dict[str, Any]]:
    same = {
        "bulletin_id": table.bulletin.bulletin_id,
        "as_of": table.bulletin.as_of,
        "synthetic": table.bulletin.synthetic,
    }
    return [{**same, **_line(row), "main_drivers": _main(row["drivers"])} for row in table.rows]


def _main(drivers: Sequence[dict[str, Any]]) -> str:
    moving = [d for d in drivers if d["feature"] != STARTING_POINT]
    moving.sort(key=lambda d: -abs(d["contribution"]))
    return " | ".join(driver["says"] for driver in moving[:_MAIN_DRIVERS])


def _csv(table: Table) -> bytes:
    """For a spreadsheet: with a byte order mark, without which Excel garbles accents.

    The second row has the HXL hashtags. No cell of text can start a formula.
    """
    out = io.StringIO()
    writer = csv.DictWriter(out, list(HXL))
    writer.writeheader()
    writer.writerow(HXL)
    writer.writerows({key: safe(value) for key, value in row.items()} for row in _flat(table))
    return ("\ufeff" + out.getvalue()).encode()


def safe(value: object) -> object:
    """`value`, but text that a spreadsheet would run as a formula is made plain text."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return value


def _parquet(table: Table) -> bytes:
    """The columns of the CSV with their types, and all drivers as JSON text."""
    import pyarrow as pa  # heavy, and asked for seldom
    from pyarrow import parquet

    numbers = (
        "probability",
        "lower",
        "upper",
        "expected_incidents",
        "baseline_probability",
        "incidents_p50",
        "incidents_p90",
        "two_or_more",
        "five_or_more",
    )
    kinds = dict.fromkeys(numbers, pa.float64())
    kinds |= {"rank": pa.int32(), "as_of": pa.date32(), "synthetic": pa.bool_()}
    fields = [pa.field(name, kinds.get(name, pa.string())) for name in [*HXL, "drivers"]]
    says = {"bulletin": orjson.dumps(table.bulletin.model_dump(), option=_OPTIONS)}
    rows = [
        {**flat, "drivers": orjson.dumps(row["drivers"]).decode()}
        for flat, row in zip(_flat(table), table.rows, strict=True)
    ]
    out = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(rows, pa.schema(fields, metadata=says)), out)
    return out.getvalue()


_WRITERS: dict[Format, Callable[[Table], bytes]] = {
    Format.JSON: _json,
    Format.GEOJSON: _geojson,
    Format.CSV: _csv,
    Format.PARQUET: _parquet,
}
