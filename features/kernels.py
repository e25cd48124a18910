"""Counting over units x days, each row entering on the day that it became known.

Every kernel takes rows (unit index, event day, known day, weight) and a rising array of
`as_of` days, and returns an array of shape (days, units). A row adds nothing to a day
before `known_on`, whatever its event day: this is where the as-of rule is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.days import Days

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Rows:
    """Incidents or other dated rows, as aligned arrays of shape (rows,).

    Attributes:
        unit: index of the unit.
        event: event day number.
        known: day number from which the row may be seen, never before `event`.
        weight: what the row adds.
    """

    unit: NDArray[np.int64]
    event: Days
    known: Days
    weight: Floats

    def where(self, mask: NDArray[np.bool_]) -> Rows:
        """The rows for which `mask` holds."""
        return Rows(self.unit[mask], self.event[mask], self.known[mask], self.weight[mask])

    def weighing(self, weight: Floats) -> Rows:
        """The same rows with another weight."""
        return Rows(self.unit, self.event, self.known, weight)


def spans(rows: Rows, first: Days, last: Days, days: Days, units: int) -> Floats:
    """Sum of weights of the known rows whose span holds the `as_of` day.

    Args:
        rows: what is summed; `rows.event` is not used.
        first: first day number of each row's span.
        last: last day number of each row's span, included.
        days: rising day numbers.
        units: number of units.

    Returns:
        Shape (days, units).
    """
    start = np.searchsorted(days, np.maximum(rows.known, first), side="left")
    stop = np.searchsorted(days, last, side="right")
    steps = np.zeros((len(days) + 1, units))
    live = stop > start
    np.add.at(steps, (start[live], rows.unit[live]), rows.weight[live])
    np.add.at(steps, (stop[live], rows.unit[live]), -rows.weight[live])
    return np.cumsum(steps, axis=0)[:-1]


def windowed(rows: Rows, days: Days, units: int, length: int) -> Floats:
    """Sum of weights of the known rows in the last `length` days, `as_of` included."""
    return spans(rows, rows.event, rows.event + length - 1, days, units)


def so_far(rows: Rows, days: Days, units: int) -> Floats:
    """Sum of weights of all rows known by each day."""
    sums = np.zeros((len(days), units))
    start = np.searchsorted(days, rows.known, side="left")
    live = start < len(days)
    np.add.at(sums, (start[live], rows.unit[live]), rows.weight[live])
    return np.cumsum(sums, axis=0)


def decayed(rows: Rows, days: Days, units: int, half_life: float) -> Floats:
    """Sum over known rows of weight x 2^(-age / half_life), age in days at `as_of`.

    The exponential kernel of a self-exciting process (Hawkes 1971), kept up recursively.
    """
    arrivals = np.zeros((len(days), units))
    start = np.searchsorted(days, rows.known, side="left")
    live = start < len(days)
    age = days[start[live]] - rows.event[live]
    np.add.at(
        arrivals, (start[live], rows.unit[live]), rows.weight[live] * 2.0 ** (-age / half_life)
    )
    keep = 2.0 ** (-np.diff(days) / half_life)
    for i in range(1, len(days)):
        arrivals[i] += keep[i - 1] * arrivals[i - 1]
    return arrivals


def latest(rows: Rows, days: Days, units: int) -> Floats:
    """Day number of the newest known event; -inf where there is none yet."""
    newest = np.full((len(days), units), -np.inf)
    start = np.searchsorted(days, rows.known, side="left")
    live = start < len(days)
    np.maximum.at(newest, (start[live], rows.unit[live]), rows.event[live].astype(float))
    out: Floats = np.maximum.accumulate(newest, axis=0)
    return out
