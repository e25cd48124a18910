"""The election calendar (csv), one row per round."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd

from features.vocabulary import ElectionType
from pipelines.sources.countries import iso3
from pipelines.sources.files import SourceFile, read_csv
from pipelines.sources.kinds import Elections
from pipelines.sources.rows import BadRowError, Quarantine, Row, parse, refuse_if_none, settle

VERSION = 1

_SAME_ELECTION = timedelta(days=183)
"""A run-off comes within half a year of the round before it, be it over New Year."""
_NEEDED = ("election_id", "iso3", "type", "round", "polling_date")


def read(
    file: SourceFile, options: Elections, countries: frozenset[str], quarantine: Quarantine
) -> tuple[pd.DataFrame, int]:
    """Read the calendar.

    Args:
        file: the csv file: `election_id`, `iso3`, `type`, `round`, `polling_date` and perhaps
            `campaign_start`, `campaign_end`, `announced_on`, `note`.
        options: how long ahead a round is known where `announced_on` is blank.
        countries: alpha-3 codes of the registry; rows of others are outside.
        quarantine: takes bad rows.

    Returns:
        The table under the `elections` contract, and the number of rows of other countries.

    Raises:
        SourceError: the file is cut, in another encoding, lacks a column or has no good row.
    """
    sheet = read_csv(file, _NEEDED, quarantine)
    parsed = parse(sheet.rows, quarantine, _round)
    ours = [(row, record) for row, record in parsed if record["iso3"] in countries]
    date_knowledge([record for _, record in ours], options.known_lead_days)
    table = settle(ours, "elections", ["election_id"], quarantine)
    outside = len(parsed) - len(ours)
    refuse_if_none(len(table) + outside, quarantine)
    return table, outside


def _round(row: Row) -> dict[str, Any]:
    kind = row.text("type").lower()
    if kind not in set(ElectionType):
        raise BadRowError(
            "unknown_type", column="type", expected=", ".join(ElectionType), got=row.text("type")
        )
    country = iso3(row.text("iso3"))
    if country is None:
        raise BadRowError(
            "unknown_country",
            column="iso3",
            expected="an ISO 3166-1 country code",
            got=row.text("iso3"),
        )
    record: dict[str, Any] = {
        "election_id": row.text("election_id"),
        "iso3": country,
        "election_type": kind,
        "round": row.whole_in("round", 1, 9),
        "polling_date": row.day("polling_date"),
        "campaign_start": row.optional_day("campaign_start"),
        "campaign_end": row.optional_day("campaign_end"),
        "known_on": row.optional_day("announced_on"),
        "note": row.optional("note"),
    }
    for column in ("campaign_start", "campaign_end", "known_on"):
        day = record[column]
        if day is not None and day > record["polling_date"]:
            raise BadRowError(
                "after_polling_day",
                column="announced_on" if column == "known_on" else column,
                expected=f"a day up to polling day, {record['polling_date']:%Y-%m-%d}",
                got=f"{day:%Y-%m-%d}",
            )
    return record


def date_knowledge(rounds: list[dict[str, Any]], lead_days: int) -> None:
    """Give each round without an announcement the day on which it was known.

    That is `lead_days` before polling day; but that there will be a run-off is not known
    before the round that it follows.
    """
    for r in rounds:
        if r["known_on"] is not None:
            continue
        ahead = r["polling_date"] - timedelta(days=lead_days)
        before = [
            e["polling_date"]
            for e in rounds
            if (e["iso3"], e["election_type"]) == (r["iso3"], r["election_type"])
            and e["round"] == r["round"] - 1
            and timedelta() < r["polling_date"] - e["polling_date"] <= _SAME_ELECTION
        ]
        r["known_on"] = max([ahead, *before])
