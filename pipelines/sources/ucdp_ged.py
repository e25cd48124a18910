"""UCDP GED and DECO (csv, world-wide).

GED dates are ISO, DECO's m/d/Y; codes may hold several values (`1;3`), of which the first
counts. DECO (Deadly Electoral Conflict, Fjelde and Höglund 2022, doi 10.1177/00220027211021620)
adds `electoral_vio` and has no `where_prec`.
"""

from __future__ import annotations

import re
from typing import Any

from features.vocabulary import EventType
from pipelines.places import Gazetteer, MatchReport, Place
from pipelines.sources.files import SourceFile, read_csv
from pipelines.sources.incidents import Incidents, Sighting, make
from pipelines.sources.kinds import UcdpGed
from pipelines.sources.rows import BadRowError, Quarantine, Row, parse, refuse_if_none

VERSION = 1

_NEEDED = ("id", "type_of_violence", "side_a", "side_b", "country_id", "date_start", "best")
_POINT = ("latitude", "longitude")
_DAYS = ("%Y-%m-%d", "%m/%d/%Y", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f")

TYPES: dict[str, EventType] = {
    "1": EventType.BATTLE,
    "2": EventType.BATTLE,
    "3": EventType.VIOLENCE_AGAINST_CIVILIANS,
    "4": EventType.VIOLENCE_AGAINST_CIVILIANS,
}
"""`type_of_violence`: state-based, non-state, one-sided (UCDP GED codebook). DECO alone has 4:
in all of its rows a government's forces kill that government's opponents at a demonstration."""

COARSEST = 5
"""`where_prec` above this names a country or more, which says nothing of a unit."""

PRECISION_UNKNOWN = 3
"""Taken for DECO rows, which have no `where_prec`: known to the second admin level."""


def read(
    file: SourceFile, options: UcdpGed, gazetteer: Gazetteer, quarantine: Quarantine
) -> Incidents:
    """Read UCDP GED or DECO.

    Args:
        file: the csv file.
        options: lag and the UCDP numbers of our countries.
        gazetteer: finds units.
        quarantine: takes bad rows.

    Raises:
        SourceError: the file is cut, in another encoding, lacks a column or has no good row.
    """
    sheet = read_csv(file, (*_NEEDED, *_POINT), quarantine)
    rows = []
    outside = 0
    for row in sheet.rows:
        ours = _is_ours(row, options, gazetteer)
        outside += not ours
        if ours:
            rows.append(row)
    parsed = parse(rows, quarantine, _event)
    sightings = [Sighting(row, _place(row, event), event) for row, event in parsed]
    report = MatchReport(file.label)
    made = make(sightings, gazetteer, options.reporting_lag_days, quarantine, report, outside)
    refuse_if_none(len(made.table) + outside, quarantine)
    return made


def _is_ours(row: Row, options: UcdpGed, gazetteer: Gazetteer) -> bool:
    if options.country_ids:
        code = row.optional("country_id")
        return code is None or _first(code) in {str(i) for i in options.country_ids}
    try:
        lat, lon = (float(row.cells[column]) for column in _POINT)
    except ValueError:
        # Without a point or a list of countries nothing says that the row is ours.
        return False
    return gazetteer.holds(lon, lat)


def _event(row: Row) -> dict[str, Any]:
    kind = _first(row.text("type_of_violence"))
    if kind not in TYPES:
        raise BadRowError(
            "unknown_event_type", column="type_of_violence", expected="1, 2, 3 or 4", got=kind
        )
    precision = PRECISION_UNKNOWN
    if row.optional("where_prec") is not None:
        precision = row.whole_in("where_prec", 1, 7)
    if precision > COARSEST:
        raise BadRowError(
            "too_coarse",
            column="where_prec",
            expected=f"1 to {COARSEST}, a place within the country",
            got=str(precision),
        )
    return {
        "incident_id": row.text("id"),
        "event_date": row.day("date_start", _DAYS),
        "event_type": str(TYPES[kind]),
        "sub_event_type": None,
        "electoral": _first(row.optional("electoral_vio") or "0") == "1",
        "fatalities": row.number_in("best", 0, 1e7),
        "geo_precision": precision,
        "actor1": row.optional("side_a"),
        "actor2": row.optional("side_b"),
        "lat": row.number_in("latitude", -90, 90),
        "lon": row.number_in("longitude", -180, 180),
    }


def _place(row: Row, event: dict[str, Any]) -> Place:
    return Place(
        parent_name=row.optional("adm_2"),
        region_name=row.optional("adm_1"),
        lon=event["lon"],
        lat=event["lat"],
    )


def _first(code: str) -> str:
    """The first of several codes: "1;3" and "1,3" -> "1"."""
    return re.split(r"[;,]", code)[0].strip()
