"""ACLED exports (csv): one row per event, or one row per actor.

In the second shape an event has one row for each of its actors and no `actor2` column; rows
are put together on `event_id_cnty`. Dates are ISO or "31 December 2019". `timestamp` is the
day of the last revision, not of the first report, so `known_on` is the event date plus a lag.
"""

from __future__ import annotations

from typing import Any

from features.errors import SourceError
from features.vocabulary import EventType
from pipelines.places import Gazetteer, MatchReport, Place
from pipelines.sources.countries import iso3
from pipelines.sources.files import Sheet, SourceFile, read_csv
from pipelines.sources.incidents import Incidents, Sighting, make
from pipelines.sources.kinds import Acled
from pipelines.sources.rows import BadRowError, Quarantine, Row, parse, refuse_if_none

VERSION = 2

_NEEDED = (
    *("event_id_cnty", "event_date", "event_type", "actor1", "admin1", "admin2"),
    *("latitude", "longitude", "geo_precision", "fatalities"),
)
_DAYS = ("%Y-%m-%d", "%d %B %Y", "%d-%B-%Y")

EVENT_TYPES: dict[str, EventType] = {
    "battles": EventType.BATTLE,
    "explosions/remote violence": EventType.EXPLOSION,
    "violence against civilians": EventType.VIOLENCE_AGAINST_CIVILIANS,
    "riots": EventType.RIOT,
    "protests": EventType.PROTEST,
    "strategic developments": EventType.STRATEGIC_DEVELOPMENT,
    # The codebooks before 2019.
    "battle-no change of territory": EventType.BATTLE,
    "battle-government regains territory": EventType.BATTLE,
    "battle-non-state actor overtakes territory": EventType.BATTLE,
    "remote violence": EventType.EXPLOSION,
    "strategic development": EventType.STRATEGIC_DEVELOPMENT,
    "non-violent transfer of territory": EventType.STRATEGIC_DEVELOPMENT,
    "headquarters or base established": EventType.STRATEGIC_DEVELOPMENT,
}
"""ACLED's event types, lower case, as of the codebook of 2019 and earlier ones."""


def read(
    file: SourceFile,
    options: Acled,
    gazetteer: Gazetteer,
    countries: frozenset[str],
    quarantine: Quarantine,
) -> Incidents:
    """Read an ACLED export.

    Args:
        file: the csv file.
        options: lag and admin level of the units.
        gazetteer: finds units.
        countries: alpha-3 codes of the registry; rows of others are counted as outside.
        quarantine: takes bad rows.

    Raises:
        SourceError: the file is cut, in another encoding, lacks a column or has no good row.
    """
    unit_column = f"admin{options.unit_level}"
    sheet = read_csv(file, (*_NEEDED, unit_column), quarantine)
    country = _country_column(file, sheet)
    parsed = parse(sheet.rows, quarantine, lambda row: _event(row, country, countries))
    ours = [(row, event) for row, event in parsed if event]
    if "actor2" not in sheet.columns:
        ours = _one_per_event(ours, quarantine)
    sightings = [
        Sighting(row, _place(row, event, unit_column), event, notes=row.optional("notes"))
        for row, event in ours
    ]
    report = MatchReport(file.label)
    outside = len(parsed) - sum(1 for _, event in parsed if event)
    made = make(sightings, gazetteer, options.reporting_lag_days, quarantine, report, outside)
    refuse_if_none(len(made.table) + outside, quarantine)
    return made


def _country_column(file: SourceFile, sheet: Sheet) -> str:
    for column in ("iso3", "iso"):
        if column in sheet.columns:
            return column
    shown = ", ".join(sheet.columns)
    raise SourceError(file.label, row=1, column="iso3", expected="iso3 or iso", got=shown)


def _event(row: Row, country_column: str, countries: frozenset[str]) -> dict[str, Any]:
    """What the row says, or nothing where it is of another country."""
    code = row.text(country_column)
    country = iso3(code)
    if country is None:
        raise BadRowError(
            "unknown_country",
            column=country_column,
            expected="an ISO 3166-1 country code",
            got=code,
        )
    if country not in countries:
        return {}
    return {
        "incident_id": row.text("event_id_cnty"),
        "event_date": row.day("event_date", _DAYS),
        "event_type": str(_event_type(row)),
        "sub_event_type": row.optional("sub_event_type"),
        "electoral": False,
        "fatalities": row.number_in("fatalities", 0, 1e6),
        "geo_precision": row.whole_in("geo_precision", 1, 3),
        "actor1": row.optional("actor1"),
        "actor2": row.optional("actor2"),
        "lat": row.number_in("latitude", -90, 90),
        "lon": row.number_in("longitude", -180, 180),
    }


def _event_type(row: Row) -> EventType:
    said = row.text("event_type").lower()
    if said in EVENT_TYPES:
        return EVENT_TYPES[said]
    if said == "riots/protests":
        # Before 2019 one type held both; the actors tell them apart.
        actors = f"{row.optional('actor1')} {row.optional('actor2')}".lower()
        if "rioters" in actors:
            return EventType.RIOT
        if "protesters" in actors:
            return EventType.PROTEST
    raise BadRowError(
        "unknown_event_type",
        column="event_type",
        expected="one of ACLED's event types (Riots/Protests with Rioters or Protesters)",
        got=row.text("event_type"),
    )


def _place(row: Row, event: dict[str, Any], unit_column: str) -> Place:
    parent_column = f"admin{int(unit_column[-1]) - 1}"
    return Place(
        name=row.optional(unit_column),
        parent_name=row.optional(parent_column),
        region_name=row.optional("admin1"),
        lon=event["lon"],
        lat=event["lat"],
    )


def _one_per_event(
    events: list[tuple[Row, dict[str, Any]]], quarantine: Quarantine
) -> list[tuple[Row, dict[str, Any]]]:
    """Put the rows of each event together: the second row's actor becomes `actor2`."""
    firsts: dict[str, tuple[Row, dict[str, Any]]] = {}
    for row, event in events:
        first_row, first = firsts.setdefault(event["incident_id"], (row, event))
        if first is event:
            continue
        differs = [k for k in ("event_date", "lon", "lat") if event[k] != first[k]]
        if differs:
            column, expected = differs[0], f"{first[differs[0]]}, as in row {first_row.number}"
            got = str(event[differs[0]])
            bad = BadRowError("conflicting_rows", column=column, expected=expected, got=got)
            quarantine.add(row, bad)
        elif first["actor2"] is not None:
            bad = BadRowError(
                "extra_actor",
                column="actor1",
                expected=f"two rows for one event (first in row {first_row.number})",
                got=event["actor1"] or "a third",
            )
            quarantine.add(row, bad)
        else:
            first["actor2"] = event["actor1"]
    return list(firsts.values())
