"""What is asked of the models: which round, as of which day, over which window."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.calendar import window_days
from features.context import Context
from features.days import Days, day_number, day_numbers, timestamps
from features.demographics import POPULATION
from features.errors import ConfigError, NotFoundError
from features.horizon import Horizon, TargetClass
from features.tables import Tables, known
from features.vocabulary import ElectionType
from pipelines.pack import Pack, Target


@dataclass(frozen=True)
class Question:
    """One forecast to be made.

    Attributes:
        election_id: the round.
        target: the incidents that count.
        as_of: the day whose knowledge may be used.
        window_start: first day of the window.
        window_end: last day of the window.
        iso3: the country that votes, whose units are scored; None for all of the pack's.
    """

    election_id: str
    target: TargetClass
    as_of: date
    window_start: date
    window_end: date
    iso3: str | None = None

    def voting(self, units: pd.DataFrame) -> NDArray[np.bool_]:
        """Which units of a registry the question is about, shape (units,)."""
        if self.iso3 is None:
            return np.ones(len(units), dtype=bool)
        return (units["iso3"] == self.iso3).to_numpy(dtype=bool)

    @property
    def horizon(self) -> Horizon:
        """The window as seen from `as_of`."""
        lead = (self.window_start - self.as_of).days - 1
        return Horizon(lead, (self.window_end - self.window_start).days + 1)


def target_class(target: Target) -> TargetClass:
    """A pack's target as the features know it."""
    return TargetClass(
        target.name, target.event_types, target.min_fatalities, target.electoral_only
    )


def declared_windows(pack: Pack) -> dict[ElectionType, tuple[int, int]]:
    """First and last day relative to polling day of each type of round that the pack declares."""
    return {kind: (w.start_days, w.end_days) for kind, w in pack.windows.items()}


def windows(pack: Pack, elections: pd.DataFrame) -> pd.DataFrame:
    """The rounds with `window_start` and `window_end`, as the pack declares them.

    Rounds of a type without a declared window are left out: nothing is forecast for them,
    and they must not stand in the way of the others.
    """
    elections = elections.loc[elections["election_type"].isin([str(t) for t in pack.windows])]
    first, last = window_days(elections, declared_windows(pack))
    return elections.assign(window_start=timestamps(first), window_end=timestamps(last))


def ask(
    pack: Pack, elections: pd.DataFrame, election_id: str, as_of: date | None, target: str
) -> Question:
    """Put a question.

    Args:
        pack: the country pack.
        elections: the calendar.
        election_id: the round.
        as_of: the day whose knowledge may be used; the eve of the window when None. A day
            within the window asks about the rest of it.
        target: name of a target of the pack.

    Raises:
        NotFoundError: the round is not in the calendar.
        ConfigError: the window is over on `as_of`, or the round was not known by then.
    """
    calendar = windows(pack, elections).set_index("election_id")
    if election_id not in calendar.index:
        raise NotFoundError(
            f"election: expected one of {', '.join(calendar.index)}, got {election_id!r}; add it "
            "to the calendar of the country pack, or a [windows] table for its type to the pack"
        )
    round_ = calendar.loc[election_id]
    start, end = round_["window_start"].date(), round_["window_end"].date()
    day = as_of or start - timedelta(days=1)
    if day >= end:
        raise ConfigError(
            f"as_of: expected a day before {end}, the last of {election_id}'s window, got {day}"
        )
    if round_["known_on"].date() > day:
        raise ConfigError(
            f"as_of: {election_id} was not known before {round_['known_on'].date()}, got {day}; "
            "ask later, or give the round an earlier announced_on in the calendar"
        )
    return Question(
        election_id,
        target_class(pack.target(target)),
        day,
        max(start, day + timedelta(days=1)),
        end,
        str(round_["iso3"]),
    )


def day_grid(pack: Pack, as_of: date) -> Days:
    """Training origins and `as_of` itself: every `step_days` back from it, rising.

    Raises:
        ConfigError: the training period starts after `as_of`.
    """
    last, first = day_number(as_of), day_number(pack.training.start)
    if first >= last:
        raise ConfigError(
            f"{pack.file}, key 'training.start': expected a day before {as_of}, "
            f"got {pack.training.start}"
        )
    return np.arange(last, first - 1, -pack.training.step_days, dtype=np.int64)[::-1].copy()


def round_grid(
    pack: Pack, tables: Tables, question: Question
) -> tuple[Days, dict[int, frozenset[str]]]:
    """Days as long before each known round as `as_of` is before the round asked about.

    Returns:
        The rising days from the start of the training period to `as_of`, and the countries
        that vote for each of them.

    Raises:
        ConfigError: the question is not about a round.
    """
    rounds = windows(pack, tables.elections)
    asked = rounds.loc[rounds["election_id"] == question.election_id, "polling_date"]
    if asked.empty:
        raise ConfigError(
            f"target {question.target.name!r}: expected a question about a round, since its grid "
            f"is 'rounds', got {question.election_id!r}; name an election, or leave out --first"
        )
    as_of = day_number(question.as_of)
    days = day_numbers(rounds["polling_date"]) - (day_number(asked.iloc[0]) - as_of)
    voting: dict[int, frozenset[str]] = {as_of: frozenset()}
    for day, country in zip(days.tolist(), rounds["iso3"], strict=True):
        if day_number(pack.training.start) <= day <= as_of:
            voting[day] = voting.get(day, frozenset()) | {str(country)}
    return np.array(sorted(voting), dtype=np.int64), voting


def settle_days(pack: Pack) -> int:
    """Longest reporting lag of the pack's incident sources, in days."""
    lags = [getattr(s, "reporting_lag_days", 0) for s in pack.sources.values()]
    return max(lags, default=0)


def context_as_of(pack: Pack, tables: Tables, question: Question) -> Context:
    """What may be seen on `as_of`, on the training grid."""
    seen = known(tables, pd.Timestamp(question.as_of))
    by_rounds = pack.target(question.target.name).grid == "rounds"
    return Context(
        seen,
        round_grid(pack, seen, question)[0] if by_rounds else day_grid(pack, question.as_of),
        question.target,
        question.horizon,
        variables(pack),
        declared_windows(pack),
    )


def learned_from(pack: Pack, context: Context, question: Question) -> NDArray[np.bool_]:
    """Which units are learned from on each day of the grid, shape (days, units)."""
    if pack.target(question.target.name).grid == "regular":
        return np.ones((len(context.days), context.n_units), dtype=bool)
    _, voting = round_grid(pack, context.tables, question)
    countries = context.units["iso3"]
    return np.stack([countries.isin(voting[day]).to_numpy() for day in context.days.tolist()])


def variables(pack: Pack) -> tuple[str, ...]:
    """Variables that the pack's area tables bring, besides the population."""
    declared = {v for s in pack.sources.values() for v in getattr(s, "variables", {})}
    return tuple(sorted(declared - {POPULATION}))
