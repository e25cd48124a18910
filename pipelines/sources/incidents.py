"""What the incident connectors share: placing rows, dating what was known, making the table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from features.vocabulary import KnownOnRule
from pipelines.places import Gazetteer, MatchReport, Place
from pipelines.sources.rows import BadRowError, Quarantine, Row, settle

RETROSPECTIVE = "retrospective vintage"
"""A table whose `known_on` is a guess: the file was fetched long after, and revised since."""


@dataclass(frozen=True)
class Sighting:
    """One incident as its file tells it, not yet placed.

    Attributes:
        row: its row in the file.
        place: where, in the file's words.
        says: values under the contract's column names but for place and `known_on`.
        known_on: the day it was reported, where the file can be trusted on it.
        notes: what the file tells of it; read by the electoral rule, and kept nowhere.
    """

    row: Row
    place: Place
    says: dict[str, Any]
    known_on: datetime | None = None
    notes: str | None = None


@dataclass(frozen=True)
class Incidents:
    """The incidents of one file.

    Attributes:
        table: under the `incidents` contract, sorted by `incident_id`.
        outside: rows of other countries.
        report: how the rows were placed.
        known_on_rule: in words, for the manifest.
        vintage: `RETROSPECTIVE` or nothing.
        notes: what the file tells of each incident, by `incident_id`.
    """

    table: pd.DataFrame
    outside: int
    report: MatchReport
    known_on_rule: str
    vintage: str
    notes: pd.Series[str]


def make(
    sightings: list[Sighting],
    gazetteer: Gazetteer,
    lag_days: int,
    quarantine: Quarantine,
    report: MatchReport,
    outside: int,
) -> Incidents:
    """Place the sightings and make the table; rows without a unit are set aside.

    A row whose file says when it was known keeps that day; the others are known `lag_days`
    after they happened.
    """
    records = []
    for sighting in sightings:
        try:
            known_on, rule = _known_on(sighting, lag_days)
            unit_id, placed_by = gazetteer.find(sighting.place)
        except BadRowError as bad:
            if bad.rule == "unplaced":
                report.add_unplaced(sighting.place)
            quarantine.add(sighting.row, bad)
            continue
        report.add(placed_by)
        record = {
            **sighting.says,
            "unit_id": unit_id,
            "placed_by": str(placed_by),
            "known_on": known_on,
            "known_on_rule": str(rule),
            "lon": sighting.place.lon,
            "lat": sighting.place.lat,
        }
        records.append((sighting.row, record))
    table = settle(records, "incidents", ["incident_id"], quarantine)
    lagged = bool((table["known_on_rule"] == str(KnownOnRule.LAG)).any())
    by_lag = f"event date + {lag_days} days"
    words = {True: by_lag, False: "as the file says"}
    if len(table["known_on_rule"].unique()) > 1:
        words[True] = f"as the file says, else {by_lag}"
    vintage = RETROSPECTIVE if lagged else ""
    notes = {s.says["incident_id"]: s.notes for s in sightings if s.notes is not None}
    told = pd.Series(notes, dtype=str)
    return Incidents(table, outside, report, words[lagged], vintage, told)


def _known_on(sighting: Sighting, lag_days: int) -> tuple[datetime, KnownOnRule]:
    happened: datetime = sighting.says["event_date"]
    if sighting.known_on is None:
        return happened + timedelta(days=lag_days), KnownOnRule.LAG
    if sighting.known_on < happened:
        raise BadRowError(
            "known_before_event",
            column="known_on",
            expected=f"a day from {happened:%Y-%m-%d} on, when it happened",
            got=f"{sighting.known_on:%Y-%m-%d}",
        )
    return sighting.known_on, KnownOnRule.REPORTED
