"""Training examples: rows of the panel with what happened in their windows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone

from features.days import Days
from features.kernels import Floats
from features.panel import Panel
from models.baselines import BASELINES, expit

PILOT = "decay_365d_parent_mean"
"""The baseline that tells which rows are at risk."""


@dataclass(frozen=True)
class Examples:
    """Rows to learn from.

    Attributes:
        X: features, shape (rows, features).
        counts: incidents of the target class in each row's window, shape (rows,).
        day: `as_of` day number of each row, shape (rows,).
        unit: position of each row's unit in the registry, shape (rows,).
        ends: incidents in the first and in the last quarter of each window, shape (rows, 2).
    """

    X: pd.DataFrame
    counts: Floats
    day: Days
    unit: NDArray[np.int64]
    ends: Floats

    @property
    def y(self) -> NDArray[np.int64]:
        """1 where at least one incident happened, shape (rows,)."""
        return (self.counts > 0).astype(np.int64)

    def positives(self, length_days: int) -> int:
        """How many positives have windows that do not overlap, unit by unit, the earliest first.

        Days may be a week apart and windows six weeks long: one incident makes six positive rows,
        which say no more than one.

        Args:
            length_days: length of every window.
        """
        found, until = 0, dict[int, int]()
        rows = np.flatnonzero(self.counts > 0)
        rows = rows[np.argsort(self.day[rows], kind="stable")]
        for unit, day in zip(self.unit[rows].tolist(), self.day[rows].tolist(), strict=True):
            if day >= until.get(unit, day):
                found, until[unit] = found + 1, day + length_days
        return found

    @cached_property
    def risk(self) -> Floats:
        """How likely each row seems by past incidents here and around alone, shape (rows,).

        The draw of negatives goes by it; what is drawn is weighted back.
        """
        pilot = clone(BASELINES[PILOT])
        return expit(pilot.fit(self.X, self.y).decision_function(self.X))

    def on(self, days: Days) -> Examples:
        """The rows of these `as_of` days."""
        return self.where(np.isin(self.day, days))

    def where(self, keep: NDArray[np.bool_]) -> Examples:
        """The rows for which `keep` holds; where they lie side by side, views and no copies."""
        rows = _side_by_side(keep)
        return Examples(
            self.X.iloc[rows], self.counts[rows], self.day[rows], self.unit[rows], self.ends[rows]
        )


def _side_by_side(keep: NDArray[np.bool_]) -> slice | NDArray[np.int64]:
    """Positions of the rows to keep: a slice where there is no gap between them."""
    found = np.flatnonzero(keep)
    if len(found) and found[-1] - found[0] + 1 == len(found):
        return slice(int(found[0]), int(found[-1]) + 1)
    return found


def examples(
    panel: Panel,
    counts: Floats,
    ends: Floats,
    keep: NDArray[np.bool_],
    rows: NDArray[np.bool_] | None = None,
) -> Examples:
    """Join a panel with its labels.

    Args:
        panel: features, (days x units) rows.
        counts: incidents per window, shape (days, units).
        ends: incidents in both ends of the windows, shape (days, units, 2).
        keep: which days to take, shape (days,).
        rows: which units to take on each day, shape (days, units); all when not given.
    """
    taken = Examples(
        X=panel.rows(keep),
        counts=counts[keep].ravel(),
        day=np.repeat(panel.days[keep], len(panel.unit_ids)),
        unit=np.tile(np.arange(len(panel.unit_ids)), int(keep.sum())),
        ends=ends[keep].reshape(-1, 2),
    )
    if rows is None or rows.all():
        return taken
    return taken.where(rows[keep].ravel())
