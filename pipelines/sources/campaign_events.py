"""Campaign events (csv): rallies, caravan marches and meetings, planned or held."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd

from features.vocabulary import CampaignKind
from pipelines.places import Gazetteer, MatchReport
from pipelines.sources.files import SourceFile, read_csv
from pipelines.sources.generic_incidents import place_of
from pipelines.sources.kinds import CampaignEvents
from pipelines.sources.rows import BadRowError, Quarantine, Row, parse, refuse_if_none, settle

VERSION = 1

_NEEDED = ("campaign_event_id", "kind", "party", "event_date")


def read(
    file: SourceFile, options: CampaignEvents, gazetteer: Gazetteer, quarantine: Quarantine
) -> tuple[pd.DataFrame, MatchReport]:
    """Read campaign events.

    Args:
        file: the csv file, with the columns that `CampaignEvents` names.
        options: how long ahead an event is known where `announced_on` is blank.
        gazetteer: finds units.
        quarantine: takes bad rows.

    Returns:
        The table under the `campaign_events` contract, and how its rows were placed.

    Raises:
        SourceError: the file is cut, in another encoding, lacks a column or has no good row.
    """
    sheet = read_csv(file, _NEEDED, quarantine)
    report = MatchReport(file.label)

    def one(row: Row) -> dict[str, Any]:
        record = _event(row, options.known_lead_days)
        place = place_of(row, "unit_name")
        try:
            record["unit_id"], way = gazetteer.find(place)
        except BadRowError:
            report.add_unplaced(place)
            raise
        report.add(way)
        return record

    records = parse(sheet.rows, quarantine, one)
    table = settle(records, "campaign_events", ["campaign_event_id"], quarantine)
    refuse_if_none(len(table), quarantine)
    return table, report


def _event(row: Row, lead_days: int) -> dict[str, Any]:
    kind = row.text("kind").lower()
    if kind not in set(CampaignKind):
        raise BadRowError(
            "unknown_kind", column="kind", expected=", ".join(CampaignKind), got=row.text("kind")
        )
    day = row.day("event_date")
    announced = row.optional_day("announced_on")
    return {
        "campaign_event_id": row.text("campaign_event_id"),
        "kind": kind,
        "party": row.text("party"),
        "event_date": day,
        "known_on": day - timedelta(days=lead_days) if announced is None else announced,
    }
