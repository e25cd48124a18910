"""The rounds of each country, their windows and campaigns, as arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.context import Context
from features.days import Days, day_numbers
from features.kernels import Floats
from features.vocabulary import ElectionType

UNDECLARED_WINDOW_DAYS = -28, 14
"""First and last day, relative to polling day, of the window of a round whose type has none."""

DEFAULT_CAMPAIGN_DAYS = 21, 2
"""Where the calendar does not say: campaigns run from 21 to 2 days before polling day, as
those of Mali's presidential round of July 2013 and legislative round of March 2020 did.
"""


@dataclass(frozen=True)
class Calendar:
    """The rounds of one country as arrays of shape (rounds,), in order of polling day."""

    polling: Days
    known: Days
    window_start: Days
    window_end: Days
    campaign_start: Days
    campaign_end: Days
    kind: NDArray[np.str_]
    round: NDArray[np.int64]


def window_days(
    elections: pd.DataFrame, windows: Mapping[ElectionType, tuple[int, int]]
) -> tuple[Days, Days]:
    """First and last day of each round's window, both included.

    Args:
        elections: the calendar.
        windows: first and last day relative to polling day of each type of round;
            `UNDECLARED_WINDOW_DAYS` for those that are not among them.

    Returns:
        Two arrays of day numbers, shape (rounds,).
    """
    polling = day_numbers(elections["polling_date"])
    days = [
        windows.get(ElectionType(kind), UNDECLARED_WINDOW_DAYS)
        for kind in elections["election_type"]
    ]
    first, last = np.array(days, dtype=np.int64).reshape(-1, 2).T
    return polling + first, polling + last


def calendar(context: Context, country: str) -> Calendar:
    """The election table of one country as arrays."""
    table = context.tables.elections
    table = table.loc[table["iso3"] == country].sort_values(["polling_date", "election_id"])
    polling = day_numbers(table["polling_date"])
    start, end = DEFAULT_CAMPAIGN_DAYS
    window_start, window_end = window_days(table, context.windows)
    return Calendar(
        polling=polling,
        known=day_numbers(table["known_on"]),
        window_start=window_start,
        window_end=window_end,
        campaign_start=np.where(
            table["campaign_start"].isna(), polling - start, day_numbers(table["campaign_start"])
        ),
        campaign_end=np.where(
            table["campaign_end"].isna(), polling - end, day_numbers(table["campaign_end"])
        ),
        kind=table["election_type"].to_numpy(dtype=str),
        round=table["round"].to_numpy(dtype=np.int64),
    )


def by_country(context: Context, measure: Callable[[Calendar], Floats]) -> Floats:
    """What each unit's own country's calendar says.

    Args:
        context: the grid.
        measure: from a calendar to a value per day, shape (days,).

    Returns:
        Shape (days, units).
    """
    values = [measure(calendar(context, country)) for country in context.countries]
    return np.stack(values, axis=1)[:, context.country_of]
