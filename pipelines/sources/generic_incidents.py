"""Incidents in any csv, with the column map of the country pack."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from features.vocabulary import EventType
from pipelines.places import Gazetteer, MatchReport, Place
from pipelines.sources.files import SourceFile, read_csv
from pipelines.sources.incidents import Incidents, Sighting, make
from pipelines.sources.kinds import GenericIncidents
from pipelines.sources.rows import BadRowError, Quarantine, Row, parse, refuse_if_none

VERSION = 2

_TRUE, _FALSE = frozenset({"1", "true", "yes", "oui"}), frozenset({"0", "false", "no", "non"})


def read(
    file: SourceFile, options: GenericIncidents, gazetteer: Gazetteer, quarantine: Quarantine
) -> Incidents:
    """Read incidents.

    Args:
        file: the csv file.
        options: column map, event types, date format, encoding and lag.
        gazetteer: finds units.
        quarantine: takes bad rows.

    Raises:
        SourceError: the file is cut, in another encoding, lacks a column or has no good row.
    """
    sheet = read_csv(file, tuple(options.columns.values()), quarantine, options.encoding)
    parsed = parse(sheet.rows, quarantine, lambda row: _incident(_renamed(row, options), options))
    sightings = []
    for row, said in parsed:
        known_on: datetime | None = said.pop("known_on")
        place: Place = said.pop("place")
        notes = row.cells.get(options.columns.get("notes", ""))
        sightings.append(Sighting(row, place, said, known_on, notes))
    report = MatchReport(file.label)
    made = make(sightings, gazetteer, options.reporting_lag_days, quarantine, report, outside=0)
    refuse_if_none(len(made.table), quarantine)
    return made


def _renamed(row: Row, options: GenericIncidents) -> Row:
    return Row(row.number, {ours: row.cells[theirs] for ours, theirs in options.columns.items()})


def _incident(row: Row, options: GenericIncidents) -> dict[str, Any]:
    days = (options.date_format,)
    has_fatalities = row.optional("fatalities") is not None
    has_precision = row.optional("geo_precision") is not None
    return {
        "incident_id": row.text("incident_id"),
        "event_date": row.day("event_date", days),
        "event_type": str(_event_type(row, options.event_types)),
        "sub_event_type": row.optional("sub_event_type"),
        "electoral": _flag(row, "electoral"),
        "fatalities": row.number_in("fatalities", 0, 1e7) if has_fatalities else 0.0,
        "geo_precision": row.whole_in("geo_precision", 1, 7) if has_precision else 1,
        "actor1": row.optional("actor1"),
        "actor2": row.optional("actor2"),
        "known_on": row.optional_day("known_on", days),
        "place": place_of(row, "name"),
    }


def place_of(row: Row, name_column: str) -> Place:
    """What a row with our own column names says about its place.

    Raises:
        BadRowError: a longitude or latitude that is none.
    """
    has_point = row.optional("lon") is not None and row.optional("lat") is not None
    return Place(
        unit_id=row.optional("unit_id"),
        name=row.optional(name_column),
        parent_name=row.optional("parent_name"),
        region_name=row.optional("region_name"),
        lon=row.number_in("lon", -180, 180) if has_point else None,
        lat=row.number_in("lat", -90, 90) if has_point else None,
    )


def _event_type(row: Row, types: dict[str, EventType]) -> EventType:
    said = row.text("event_type")
    if said in types:
        return types[said]
    raise BadRowError(
        "unknown_event_type",
        column="event_type",
        expected=f"one of {', '.join(sorted(types))} (event_types in the country pack)",
        got=said,
    )


def _flag(row: Row, column: str) -> bool:
    said = (row.optional(column) or "0").lower()
    if said in _TRUE or said in _FALSE:
        return said in _TRUE
    raise BadRowError("not_a_flag", column=column, expected="1, 0, true or false", got=said)
