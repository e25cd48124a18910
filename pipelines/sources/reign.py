"""The REIGN election list (csv, world-wide; Bell 2016).

One row per step of an election (`elecnum`): it is announced, put off, voided, held. A vote with
a full date is a round; the step before it says when the round became known.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import datetime
from itertools import groupby
from typing import Any

import pandas as pd

from features.vocabulary import ElectionType
from pipelines.sources.countries import state_iso3
from pipelines.sources.elections import date_knowledge
from pipelines.sources.files import SourceFile, read_csv
from pipelines.sources.kinds import ReignElections
from pipelines.sources.rows import BadRowError, Quarantine, Row, parse, refuse_if_none, settle

VERSION = 1

_NEEDED = (
    *("ccode", "elec_year", "elec_month", "elec_day", "sequence", "event", "elecnum"),
    *("type", "runoff"),
)
_TYPES = {
    "x": (ElectionType.PRESIDENTIAL, "PRES"),
    "l": (ElectionType.LEGISLATIVE, "LEG"),
    "r": (ElectionType.REFERENDUM, "REF"),
}
"""X: the executive is elected directly; L: through a legislature; R: a referendum."""

_VOTES = frozenset({"vote as scheduled", "vote early", "upcoming scheduled"})
_NOTICES = frozenset(
    {"announced", "announcement", "announcement assumed", "delay announced", "delay"}
)
_AFTERWARDS = frozenset({"deadline met"})
"""A date by which a vote was due, after one was held: it says nothing more."""

_NEVER_HELD = {
    "voided": "voided",
    "voided by regime change": "voided",
    "anulled": "voided",
    "annulled": "voided",
    "regime failure": "voided",
    "deadline not met": "not_held",
    "upcoming deadline": "no_date_yet",
}


def read(
    file: SourceFile, options: ReignElections, countries: frozenset[str], quarantine: Quarantine
) -> tuple[pd.DataFrame, int]:
    """Read the rounds of our countries.

    Steps before a vote are used for when it was known, and are no rows of their own. A vote
    without a day, and the last step of an election that was never held, are set aside.

    Args:
        file: the csv file.
        options: how long ahead a round is known that no step announces.
        countries: alpha-3 codes of the registry; rows of others are outside.
        quarantine: takes bad rows.

    Returns:
        The table under the `elections` contract, and the number of rows of other countries.

    Raises:
        SourceError: the file is cut, in another encoding, lacks a column or has no good row.
    """
    sheet = read_csv(file, _NEEDED, quarantine)
    parsed = parse(sheet.rows, quarantine, _step)
    ours = [(row, step) for row, step in parsed if step["iso3"] in countries]
    ours.sort(key=lambda s: (s[1]["elecnum"], s[1]["sequence"], s[0].number))
    rounds = []
    for _, steps in groupby(ours, key=lambda s: s[1]["elecnum"]):
        rounds += _rounds(list(steps), quarantine)
    rounds.sort(key=lambda r: (r[1]["polling_date"], r[0].number))
    _name([record for _, record in rounds])
    date_knowledge([record for _, record in rounds], options.known_lead_days)
    table = settle(rounds, "elections", ["election_id"], quarantine)
    outside = len(parsed) - len(ours)
    refuse_if_none(len(table) + outside, quarantine)
    return table, outside


def _step(row: Row) -> dict[str, Any]:
    number = row.whole_in("ccode", 1, 999)
    iso3 = state_iso3(number)
    if iso3 is None:
        raise BadRowError(
            "unknown_country", column="ccode", expected="a state number", got=str(number)
        )
    said = row.text("event")
    event = " ".join(said.lower().replace(",", " ").split())
    if event not in _VOTES | _NOTICES | _AFTERWARDS | set(_NEVER_HELD):
        raise BadRowError(
            "unknown_event",
            column="event",
            expected="a vote, announcement, delay, deadline, annulment or fall of the regime",
            got=said,
        )
    return {
        "iso3": iso3,
        "event": event,
        "elecnum": row.text("elecnum"),
        "sequence": row.whole_in("sequence", 1, 99),
    }


def _rounds(
    steps: list[tuple[Row, dict[str, Any]]], quarantine: Quarantine
) -> list[tuple[Row, dict[str, Any]]]:
    """The votes of one election; what cannot be a round is set aside."""
    notice: Row | None = None
    found: list[tuple[Row, dict[str, Any]]] = []
    voted = False
    for row, step in steps:
        if step["event"] in _NOTICES:
            notice = row
        if step["event"] not in _VOTES:
            continue
        voted = True
        try:
            found.append((row, _round(row, step["iso3"], notice)))
        except BadRowError as bad:
            quarantine.add(row, bad)
    if not voted:
        row, step = steps[-1]
        rule = _NEVER_HELD.get(step["event"], "not_held")
        quarantine.add(
            row, BadRowError(rule, column="event", expected="a vote", got=row.text("event"))
        )
    return found


def _round(row: Row, iso3: str, notice: Row | None) -> dict[str, Any]:
    letter = row.text("type").lower()
    if letter not in _TYPES:
        raise BadRowError("unknown_type", column="type", expected="X, L or R", got=row.text("type"))
    if row.optional("elec_day") is None:
        raise BadRowError(
            "undated_vote", column="elec_day", expected="the day of the vote", got="nothing"
        )
    polling = _day(row)
    known = None if notice is None else _day(notice)
    if known == polling:
        # Said of rounds whose announcement the list's authors did not find.
        known = None
    if known is not None and known > polling:
        raise BadRowError(
            "after_polling_day",
            column="elec_day",
            expected=f"an announcement up to polling day, {polling:%Y-%m-%d}",
            got=f"{known:%Y-%m-%d}",
        )
    return {
        "iso3": iso3,
        "election_type": str(_TYPES[letter][0]),
        # "1" and "2" are rounds of an election that has two; "N" one that has one.
        "round": 2 if row.optional("runoff") == "2" else 1,
        "polling_date": polling,
        "campaign_start": None,
        "campaign_end": None,
        "known_on": known,
        "note": None,
    }


def _day(row: Row) -> datetime:
    """The day of a step; the last of its month where the day is blank, since it was known then.

    Raises:
        BadRowError: there is no such day.
    """
    year, month = row.whole_in("elec_year", 1900, 2099), row.whole_in("elec_month", 1, 12)
    last = monthrange(year, month)[1]
    if row.optional("elec_day") is None:
        return datetime(year, month, last)  # noqa: DTZ001 - days have no zone
    return datetime(year, month, row.whole_in("elec_day", 1, last))  # noqa: DTZ001


def _name(rounds: list[dict[str, Any]]) -> None:
    """Ids such as NGA-2011-PRES-1; a second vote of the kind in a year gets its month too."""
    taken: set[str] = set()
    words = {str(kind): word for kind, word in _TYPES.values()}
    for r in rounds:
        head = f"{r['iso3']}-{r['polling_date']:%Y}"
        name = f"{head}-{words[r['election_type']]}-{r['round']}"
        if name in taken:
            name = f"{head}-{words[r['election_type']]}-{r['polling_date']:%m}-{r['round']}"
        taken.add(name)
        r["election_id"] = name
