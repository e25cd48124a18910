"""Sources → snapshots: read every source of a country pack, or find it already in the lake."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pandas as pd

from features.contracts import empty, require
from features.errors import ConfigError
from features.tables import Tables
from pipelines import electoral, places, registry
from pipelines.pack import ElectoralRule, Pack
from pipelines.places import Gazetteer, MatchReport
from pipelines.sources import (
    acled,
    area_table,
    campaign_events,
    cod_ab,
    cod_ps,
    elections,
    generic_incidents,
    kinds,
    polygons,
    reign,
    ucdp_ged,
    watch_places,
)
from pipelines.sources.files import SourceFile
from pipelines.sources.incidents import Incidents
from pipelines.sources.rows import Quarantine
from pipelines.staging import Progress, Read, Stage
from store.lake import Lake, Manifest

_Connector = Callable[[SourceFile, Quarantine], Read]
_VERSIONS = {
    "cod_ab_table": cod_ab.VERSION,
    "cod_ab_polygons": cod_ab.VERSION,
    "polygons": polygons.VERSION,
    "cod_ps": cod_ps.VERSION,
    "area_table": area_table.VERSION,
    "elections": elections.VERSION,
    "reign_elections": reign.VERSION,
    "campaign_events": campaign_events.VERSION,
    "watch_places": watch_places.VERSION,
    "acled": acled.VERSION,
    "ucdp_ged": ucdp_ged.VERSION,
    "incidents": generic_incidents.VERSION,
}
_OF_REGISTRY = kinds.CodAbTable | kinds.CodAbPolygons | kinds.Polygons
_CALENDARS = kinds.Elections | kinds.ReignElections
_INCIDENTS = kinds.Acled | kinds.UcdpGed | kinds.GenericIncidents
_PLACED = _INCIDENTS | kinds.CampaignEvents | kinds.WatchPlaces
_KEYS = {
    "incidents": ["incident_id"],
    "elections": ["election_id"],
    "campaign_events": ["campaign_event_id"],
    "watch_places": ["place_id"],
    "demographics": ["area_id", "variable", "known_on"],
}


@dataclass(frozen=True)
class Ingested:
    """All that is known of a country, and where it comes from.

    Attributes:
        tables: the tables of the country.
        watch_places: lasting places to watch, under the contract of that name.
        polygons: outlines of the units, under the `polygons` contract.
        manifests: source name -> manifest; "registry" is the registry made of them.
        reports: how the rows of each placed source found their units.
        data_digest: SHA-256 over the sorted ids of the snapshots.
        synthetic: whether the data are made up.
    """

    tables: Tables
    watch_places: pd.DataFrame
    polygons: pd.DataFrame
    manifests: dict[str, Manifest]
    reports: list[MatchReport]
    data_digest: str
    synthetic: bool


def ingest(pack: Pack, lake: Lake, *, now: datetime, progress: Progress | None = None) -> Ingested:
    """Read every source of a country pack into the lake.

    Unchanged files are not read again: their snapshots are. Nothing is written unless every
    file can be used.

    Args:
        pack: the country pack.
        lake: where snapshots are kept.
        now: the caller's clock, for the manifests.
        progress: told one line per source.

    Raises:
        SourceError: a file is refused whole.
        ConfigError: the pack has no polygons, or an alias points nowhere.
        ConflictError: the lake holds real data and the pack is synthetic, or the reverse.
        CorruptSnapshotError: a snapshot was changed after it was written.
    """
    lake.refuse_mixing(pack.synthetic)
    stage = Stage(pack, lake, progress or (lambda _: None))
    units, outlines = _registry(stage)
    places.check_areas(pack.places.coarse_areas, units)
    gazetteer = Gazetteer(units, outlines, pack.places)
    made = _sources(stage, units, gazetteer)
    return _ingested(stage.write(now), units, outlines, made, pack.synthetic)


def reopen(pack: Pack, lake: Lake, ids: Mapping[str, str]) -> Ingested:
    """What an ingest made, from its snapshots alone: the files may have changed since.

    Args:
        pack: the country pack.
        lake: where the snapshots are.
        ids: source name -> snapshot id, as the ingest's manifests said.

    Raises:
        NotFoundError: a snapshot is gone.
        CorruptSnapshotError: a snapshot was changed after it was written.
    """
    manifests = {name: lake.manifest(id_) for name, id_ in ids.items()}
    found: dict[str, list[tuple[str, pd.DataFrame]]] = {}
    for name, manifest in manifests.items():
        for table in sorted(set(manifest.tables) & set(_KEYS)):
            found.setdefault(table, []).append((name, lake.read(ids[name], table)))
    units, outlines = (
        require(lake.read(ids["registry"], table), table) for table in ("units", "polygons")
    )
    made = {table: _joined(found.get(table, []), table, keys) for table, keys in _KEYS.items()}
    return _ingested(manifests, units, outlines, made, pack.synthetic)


def _ingested(
    manifests: dict[str, Manifest],
    units: pd.DataFrame,
    outlines: pd.DataFrame,
    made: dict[str, pd.DataFrame],
    synthetic: bool,
) -> Ingested:
    reports = [
        MatchReport(name, dict(m.placed), dict(m.unplaced))
        for name, m in manifests.items()
        if m.placed or m.unplaced
    ]
    ids = "\n".join(sorted(m.snapshot_id for m in manifests.values()))
    return Ingested(
        tables=Tables.of(
            units=units, **{name: table for name, table in made.items() if name != "watch_places"}
        ),
        watch_places=made["watch_places"],
        polygons=outlines,
        manifests=manifests,
        reports=reports,
        data_digest=hashlib.sha256(ids.encode()).hexdigest(),
        synthetic=synthetic,
    )


def _registry(stage: Stage) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Units and polygons; their snapshot is called "registry"."""
    pack = stage.pack
    named: list[pd.DataFrame] = []
    drawn: list[pd.DataFrame] = []
    for name, source in pack.sources.items():
        if not isinstance(source, _OF_REGISTRY):
            continue
        context = {"iso3": pack.iso3} if isinstance(source, kinds.Polygons) else None
        read = _area_reader(source, pack.iso3)
        version = _VERSIONS[source.kind]
        areas = stage.take(name, source, version, read, context=context)["areas"]
        (named if isinstance(source, kinds.CodAbTable) else drawn).append(areas)
    strange = sorted({c for t in (*named, *drawn) for c in t["iso3"]} - set(pack.country_names))
    if strange:
        raise ConfigError(
            f"{pack.file}: expected units of {', '.join(pack.country_names)}, got some of "
            f"{', '.join(strange)}; mend 'iso3', 'countries' or the columns of the source"
        )
    if not drawn:
        raise ConfigError(
            f"{pack.file}: expected a source of kind cod_ab_polygons or polygons, got none; "
            "units have no place without their outlines"
        )

    def build() -> Read:
        quarantine = Quarantine("registry")
        table = pd.concat(named, ignore_index=True) if named else None
        units, outlines = registry.build(table, pd.concat(drawn, ignore_index=True), quarantine)
        return Read({"units": units, "polygons": outlines}, quarantine)

    says = {
        "source": "registry",
        "kind": "registry",
        "connector_version": registry.VERSION,
        "publisher": "",
        "licence": "as the sources it is made of",
        "retrieved": None,
        "files": {},
        "options": {},
        "upstream": tuple(sorted(stage.ids.values())),
    }
    tables = stage.put("registry", says, build)
    return require(tables["units"], "units"), require(tables["polygons"], "polygons")


def _area_reader(source: _OF_REGISTRY, country: str | None) -> _Connector:
    """The connector of a source of units or polygons."""

    def read(file: SourceFile, q: Quarantine) -> Read:
        match source:
            case kinds.CodAbTable():
                return Read({"areas": cod_ab.read_units(file, q, source.sheet)}, q)
            case kinds.CodAbPolygons():
                return Read({"areas": cod_ab.read_polygons(file, q)}, q)
            case kinds.Polygons():
                areas, outside = polygons.read(file, source, country, q)
                return Read({"areas": areas}, q, outside)

    return read


def _sources(stage: Stage, units: pd.DataFrame, gazetteer: Gazetteer) -> dict[str, pd.DataFrame]:
    """Every table but the registry, each from all of its sources."""
    found: dict[str, list[tuple[str, pd.DataFrame]]] = {}
    upstream = (stage.ids["registry"],)
    matching = {
        "places": stage.pack.places.model_dump(mode="json", exclude={"coarse_areas"}),
        "places_version": places.VERSION,
    }
    rule = stage.pack.electoral
    # The rule looks at the calendar, so that calendars are read first.
    ordered = sorted(
        stage.pack.sources.items(), key=lambda item: not isinstance(item[1], _CALENDARS)
    )
    for name, source in ordered:
        if isinstance(source, _OF_REGISTRY):
            continue
        context: dict[str, Any] | None = matching if isinstance(source, _PLACED) else None
        read = _reader(source, units, gazetteer)
        calendar: tuple[str, ...] = ()
        if rule is not None and isinstance(source, _INCIDENTS):
            rounds = found.get("elections", [])
            calendar = tuple(stage.ids[calendar_name] for calendar_name, _ in rounds)
            context = {
                **matching,
                "electoral": rule.model_dump(mode="json"),
                "electoral_version": electoral.VERSION,
            }
            read = _linked(read, rule, _joined(rounds, "elections", _KEYS["elections"]), units)
        version = _VERSIONS[source.kind]
        tables = stage.take(name, source, version, read, (*upstream, *calendar), context)
        for table, rows in tables.items():
            found.setdefault(table, []).append((name, rows))
    return {table: _joined(found.get(table, []), table, keys) for table, keys in _KEYS.items()}


def _reader(
    source: kinds.CodPs | kinds.AreaTable | _CALENDARS | _PLACED,
    units: pd.DataFrame,
    gazetteer: Gazetteer,
) -> _Connector:
    """The connector of a source, closed over what it needs."""
    countries = frozenset(units["iso3"])

    def read(file: SourceFile, q: Quarantine) -> Read:
        match source:
            case kinds.Elections():
                table, outside = elections.read(file, source, countries, q)
                rule = f"announced_on, else polling_date - {source.known_lead_days} days"
                return Read({"elections": table}, q, outside, rule)
            case kinds.ReignElections():
                table, outside = reign.read(file, source, countries, q)
                rule = f"as announced, else polling_date - {source.known_lead_days} days"
                return Read({"elections": table}, q, outside, rule)
            case kinds.CodPs():
                rule = f"declared: {source.known_on}"
                return Read({"demographics": cod_ps.read(file, source, units, q)}, q, 0, rule)
            case kinds.AreaTable():
                table, outside = area_table.read(file, source, units, q)
                rule = f"declared: {source.known_on or source.known_on_column}"
                return Read({"demographics": table}, q, outside, rule)
            case kinds.CampaignEvents():
                table, report = campaign_events.read(file, source, gazetteer, q)
                rule = f"announced_on, else event_date - {source.known_lead_days} days"
                return Read({"campaign_events": table}, q, 0, rule, report=report)
            case kinds.WatchPlaces():
                table, report = watch_places.read(file, source, gazetteer, q)
                rule = f"declared: {source.known_on}"
                return Read({"watch_places": table}, q, 0, rule, report=report)
            case _:
                return _incidents(file, source, gazetteer, countries, q)

    return read


def _incidents(
    file: SourceFile,
    source: _INCIDENTS,
    gazetteer: Gazetteer,
    countries: frozenset[str],
    q: Quarantine,
) -> Read:
    match source:
        case kinds.Acled():
            made = acled.read(file, source, gazetteer, countries, q)
        case kinds.UcdpGed():
            made = ucdp_ged.read(file, source, gazetteer, q)
        case kinds.GenericIncidents():
            made = generic_incidents.read(file, source, gazetteer, q)
    return _as_read(made, q)


def _as_read(made: Incidents, quarantine: Quarantine) -> Read:
    said = int(made.table["electoral"].sum())
    return Read(
        {"incidents": made.table},
        quarantine,
        made.outside,
        made.known_on_rule,
        made.vintage,
        made.report,
        {"by source": said, "by rule": 0},
        made.notes,
    )


def _linked(
    read: _Connector, rule: ElectoralRule, rounds: pd.DataFrame, units: pd.DataFrame
) -> _Connector:
    """The connector, whose incidents are also held against the electoral rule."""

    def linked(file: SourceFile, q: Quarantine) -> Read:
        made = read(file, q)
        incidents = made.tables["incidents"]
        by_rule = electoral.electoral(incidents, made.notes, rounds, units, rule)
        by_rule &= ~incidents["electoral"].to_numpy(dtype=bool)
        flagged = incidents.assign(electoral=incidents["electoral"] | by_rule)
        caught = {**made.electoral, "by rule": int(by_rule.sum())}
        return replace(made, tables={"incidents": flagged}, electoral=caught)

    return linked


def _joined(parts: list[tuple[str, pd.DataFrame]], table: str, keys: list[str]) -> pd.DataFrame:
    """One table of several sources. Ids that clash get the name of their source in front."""
    if not parts:
        return empty(table)
    if len(keys) == 1:
        key = keys[0]
        ids = pd.concat([rows[key] for _, rows in parts])
        clashing = set(ids[ids.duplicated()])
        if clashing:
            parts = [
                (
                    name,
                    rows.assign(
                        **{key: rows[key].where(~rows[key].isin(clashing), name + ":" + rows[key])}
                    ),
                )
                for name, rows in parts
            ]
    joined = pd.concat([rows for _, rows in parts], ignore_index=True)
    return joined.sort_values(keys, kind="stable", ignore_index=True)
