"""The questions of a backtest: every round, and regular days between the rounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

import pandas as pd

from features.days import day_number, day_numbers
from features.errors import ConfigError
from features.tables import Tables
from pipelines.pack import Pack
from pipelines.question import Question, ask, settle_days, target_class, windows

Kind = Literal["round", "regular"]
WARM_UP_DAYS = 2 * 365
"""Days from the start of training to the first origin: a year to learn from, a year held out."""


@dataclass(frozen=True)
class Origin:
    """One question of a backtest.

    Attributes:
        question: what is asked, as of which day.
        kind: whether the window is a round's or a regular one.
        lead_weeks: weeks between the asking and the eve of the window.
    """

    question: Question
    kind: Kind
    lead_weeks: int

    @property
    def name(self) -> str:
        """The round, or the eve of the regular window."""
        return self.question.election_id


@dataclass(frozen=True)
class LeftOut:
    """A question that could not be put or answered, and why."""

    origin: str
    lead_weeks: int
    why: str


@dataclass(frozen=True)
class Protocol:
    """Which origins a backtest has.

    Attributes:
        rounds: whether every round that the data cover is one.
        names: more rounds, by id; the only ones where `rounds` is not set.
        days: more days, each the eve of a regular window.
        regular: whether there are regular windows.
        first: eve of the first regular window; that of the earliest round when None.
        last: no regular window has its eve later; that of the latest round when None.
        every_weeks: weeks between regular windows.
        window_days: length of regular windows.
        leads: weeks between `as_of` and the eve of the window.
    """

    rounds: bool = True
    names: tuple[str, ...] = ()
    days: tuple[date, ...] = ()
    regular: bool = True
    first: date | None = None
    last: date | None = None
    every_weeks: int = 8
    window_days: int = 42
    leads: tuple[int, ...] = (0, 4, 8, 12)


def protocol_of(origins: str, leads: str, **options: object) -> Protocol:
    """Read `--origins` and `--leads`.

    Args:
        origins: comma-separated: `rounds`, `regular`, ids of rounds, days.
        leads: comma-separated whole weeks.
        options: what else `Protocol` takes.

    Raises:
        ConfigError: a lead is not a whole number of weeks, 0 or more.
    """
    words = [w.strip() for w in origins.split(",") if w.strip()]
    days, names = [], []
    for word in words:
        try:
            days.append(date.fromisoformat(word))
        except ValueError:
            names.append(word)
    try:
        weeks = tuple(sorted({int(w) for w in leads.split(",")}))
    except ValueError:
        weeks = ()
    if not weeks or weeks[0] < 0:
        raise ConfigError(f"leads: expected weeks such as 0,4,8,12, got {leads!r}")
    return replace(
        Protocol(**options),  # type: ignore[arg-type]
        rounds="rounds" in names,
        regular="regular" in names,
        names=tuple(n for n in names if n not in ("rounds", "regular")),
        days=tuple(days),
        leads=weeks,
    )


def origins(
    pack: Pack, tables: Tables, target: str, protocol: Protocol
) -> tuple[list[Origin], list[LeftOut]]:
    """Put every question of a protocol that the data can answer.

    Returns:
        The origins by window and lead, and what was left out.

    Raises:
        ConfigError: there is no origin, or regular days have no first and last.
        NotFoundError: a round that was named is not in the calendar.
    """
    put, left = _rounds(pack, tables, target, protocol)
    over, refused = _answerable(pack, tables, put)
    regular = _regular(pack, target, protocol, over)
    more, also = _answerable(pack, tables, regular)
    over, left = over + more, left + refused + also
    if not over:
        raise ConfigError(
            "backtest: expected at least one origin with a window that is over in the data and two "
            f"years of training before it, got none of {len(put + regular)}; name other origins"
        )
    return sorted(over, key=lambda o: (o.question.window_start, o.lead_weeks, o.name)), left


def _answerable(
    pack: Pack, tables: Tables, put: list[Origin]
) -> tuple[list[Origin], list[LeftOut]]:
    """The origins whose windows are over and that have a past to train on; and the rest."""
    newest = day_numbers(tables.incidents["event_date"]).max(initial=0)
    earliest = day_number(pack.training.start) + WARM_UP_DAYS
    kept: list[Origin] = []
    left: list[LeftOut] = []
    for origin in put:
        question = origin.question
        if day_number(question.window_end) + settle_days(pack) > newest:
            why = "its window is not over, and reported, in the data"
        elif day_number(question.as_of) < earliest:
            why = "there are not two years to train on and hold out before it"
        else:
            kept.append(origin)
            continue
        left.append(LeftOut(origin.name, origin.lead_weeks, why))
    return kept, left


def _rounds(
    pack: Pack, tables: Tables, target: str, protocol: Protocol
) -> tuple[list[Origin], list[LeftOut]]:
    """The rounds at every lead; one not known on its eve is asked about once it is."""
    calendar = windows(pack, tables.elections).sort_values("polling_date")
    names = list(calendar["election_id"]) if protocol.rounds else []
    put: list[Origin] = []
    left: list[LeftOut] = []
    for name in dict.fromkeys([*names, *protocol.names]):
        for weeks in protocol.leads:
            found = _round(pack, tables.elections, calendar, name, weeks, target)
            if isinstance(found, Origin):
                put.append(found)
            else:
                left.append(found)
    return put, left


def _round(
    pack: Pack, elections: pd.DataFrame, calendar: pd.DataFrame, name: str, weeks: int, target: str
) -> Origin | LeftOut:
    rows = calendar.loc[calendar["election_id"] == name]
    if rows.empty:
        ask(pack, elections, name, None, target)  # which says what is wrong
    row = rows.iloc[0]
    start, end, known_on = (row[c].date() for c in ("window_start", "window_end", "known_on"))
    day = start - timedelta(days=1 + 7 * weeks)
    if known_on > day and weeks == 0:
        day = known_on
    if known_on > day or day >= end:
        return LeftOut(name, weeks, f"the round was not known before {known_on}")
    return Origin(ask(pack, elections, name, day, target), "round", weeks)


def _regular(pack: Pack, target: str, protocol: Protocol, rounds: Sequence[Origin]) -> list[Origin]:
    """Regular windows, but for those that a round's window starts with."""
    eves = set(protocol.days)
    if protocol.regular:
        starts = [o.question.window_start - timedelta(days=1) for o in rounds]
        first = protocol.first or min(starts, default=None)
        last = protocol.last or max(starts, default=None)
        if first is None or last is None:
            raise ConfigError(
                "backtest: expected a first and a last regular day, got no round to take them "
                "from; give --first and --last, or --origins without 'regular'"
            )
        while first <= last:
            eves.add(first)
            first += timedelta(weeks=protocol.every_weeks)
    return [
        Origin(regular_question(pack, target, eve, weeks, protocol.window_days), "regular", weeks)
        for eve in sorted(eves - {o.question.window_start - timedelta(days=1) for o in rounds})
        for weeks in protocol.leads
    ]


def regular_question(pack: Pack, target: str, eve: date, weeks: int, length_days: int) -> Question:
    """A window of `length_days` that starts the day after `eve`, asked `weeks` before."""
    return Question(
        election_id=f"regular {eve.isoformat()}",
        target=target_class(pack.target(target)),
        as_of=eve - timedelta(weeks=weeks),
        window_start=eve + timedelta(days=1),
        window_end=eve + timedelta(days=length_days),
    )
