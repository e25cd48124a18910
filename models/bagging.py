"""Averages of one model fitted again and again, each time without some of the training time."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.base import clone

from features.days import Days
from features.kernels import Floats
from models.baselines import MarginEstimator

BLOCK_DAYS = 182
"""Half a year: incidents within it are too alike to be left out one by one."""


def kept(day: Days, members: int) -> NDArray[np.bool_]:
    """Which rows each member learns from: all but its own group of half-years.

    The delete-a-group jackknife (Kott 2001) over blocks of time; groups take turns, so that
    each has early and late blocks. A single member takes every row.

    Args:
        day: `as_of` day number of each row, shape (rows,).
        members: number of groups.

    Returns:
        Shape (members, rows).
    """
    if members == 1:
        return np.ones((1, len(day)), dtype=bool)
    group = ((day - day.min()) // BLOCK_DAYS) % members
    rows: NDArray[np.bool_] = group[None, :] != np.arange(members)[:, None]
    return rows


UNIFORM_SHARE = 0.5
"""Of the draw of negatives: none weighs more than twice what it would in an even draw."""


def sampled(
    y: NDArray[np.int64], use: NDArray[np.bool_], risk: Floats, negatives: float | None, seed: int
) -> tuple[NDArray[np.bool_], Floats]:
    """Every positive and a share of the negatives, weighted back to all of them.

    Incidents are rare and quiet rows much alike: most of them cost time and teach nothing
    (case-control sampling, King and Zeng 2001). Those at risk teach most, so that half of the draw
    goes by risk (local case-control sampling, Fithian and Hastie 2014, Annals of Statistics 42) and
    half goes evenly (Hesterberg 1995, Technometrics 37). It is systematic (Madow 1949, Annals of
    Mathematical Statistics 20): at equal steps through the rows in the order of their risk, rows
    of one risk in the order of time, so that each level and each season keeps its share.

    Args:
        y: 0 or 1 per row, shape (rows,).
        use: rows to draw from, shape (rows,).
        risk: how likely each row seems to be positive, above 0, shape (rows,).
        negatives: negatives wanted per positive; all when None.
        seed: seed of the draw.

    Returns:
        Which rows to use, shape (rows,), and the weight of each that is used.
    """
    positive, negative = use & (y == 1), np.flatnonzero(use & (y == 0))
    wanted = len(negative) if negatives is None else int(np.ceil(negatives * positive.sum()))
    if wanted >= len(negative):
        return use, np.ones(int(use.sum()))
    negative = negative[np.argsort(risk[negative], kind="stable")]
    chance = _chances(risk[negative], wanted)
    passed = np.floor(np.cumsum(chance) + np.random.default_rng(seed).random())
    drawn = np.diff(passed, prepend=0.0) > 0
    weight = np.ones(len(y))
    weight[negative] = 1 / chance
    weight[negative] *= len(negative) / weight[negative[drawn]].sum()
    rows = positive.copy()
    rows[negative[drawn]] = True
    return rows, weight[rows]


def _chances(risk: Floats, wanted: int) -> Floats:
    """Chance of each row to be drawn, at most 1, `wanted` in all; shape (rows,)."""
    size = (1 - UNIFORM_SHARE) * risk / risk.sum() + UNIFORM_SHARE / len(risk)
    chance: Floats = wanted * size
    while (chance > 1).any():
        certain = chance >= 1
        free = size * ~certain
        chance = np.where(certain, 1.0, free * (wanted - certain.sum()) / free.sum())
    return chance


class Bagged(MarginEstimator):
    """Mean margin of members, each fitted without one group of half-years.

    Args:
        estimator: what each member is a clone of.
        members: number of members.
        seed: seed of the members.
        negatives: rows without an incident that a member sees for each row with one; all
            when None.
    """

    def __init__(
        self,
        estimator: MarginEstimator,
        members: int,
        seed: int,
        negatives: float | None = None,
    ) -> None:
        self.estimator = estimator
        self.members = members
        self.seed = seed
        self.negatives = negatives

    def fit(self, X: pd.DataFrame, y: Any, day: Days, risk: Floats) -> Self:
        """Fit every member.

        Args:
            X: features, shape (rows, features).
            y: 0 or 1 per row.
            day: `as_of` day number of each row.
            risk: how likely each row seems to be positive, which the draw of negatives goes by.
        """
        y = np.asarray(y)
        # A pool looks every 10 ms whether a member is done: too rarely for one that stands alone.
        jobs = -1 if self.members > 1 else 1
        self.members_: list[MarginEstimator] = Parallel(n_jobs=jobs, prefer="threads")(
            delayed(self._member)(number, X, y, day, risk, rows)
            for number, rows in enumerate(kept(day, self.members))
        )
        return self

    def _member(
        self,
        number: int,
        X: pd.DataFrame,
        y: NDArray[np.int64],
        day: Days,
        risk: Floats,
        rows: NDArray[np.bool_],
    ) -> MarginEstimator:
        # What is left without both classes says nothing: that member learns from all rows.
        use = rows if 0 < y[rows].sum() < rows.sum() else np.ones(len(y), dtype=bool)
        seed = self.member_seed(number)
        use, weight = sampled(y, use, risk, self.negatives, seed)
        member: MarginEstimator = clone(self.estimator)
        if "random_state" in member.get_params():
            member.set_params(random_state=seed)
        days = {"day": day[use]} if member.takes_days else {}
        fitted: MarginEstimator = member.fit(X.loc[use], y[use], sample_weight=weight, **days)
        return fitted

    def member_seed(self, number: int) -> int:
        """Seed of everything random in one member."""
        return self.seed * 1000 + number

    def member_margins(self, X: pd.DataFrame) -> Floats:
        """Log-odds of each member, shape (members, rows)."""
        return np.stack([m.decision_function(X) for m in self.members_])

    def standard_error(self, X: pd.DataFrame) -> Floats:
        """Jackknife standard error of the mean log-odds, shape (rows,); 0 with one member."""
        margins = self.member_margins(X)
        groups = len(margins)
        squares: Floats = ((margins - margins.mean(axis=0)) ** 2).sum(axis=0)
        return np.sqrt((groups - 1) / groups * squares)

    def decision_function(self, X: pd.DataFrame) -> Floats:
        """Mean log-odds, shape (rows,)."""
        mean: Floats = self.member_margins(X).mean(axis=0)
        return mean

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Mean of the members' contributions; rows sum to the mean margin."""
        tables = [m.contributions(X) for m in self.members_]
        mean: pd.DataFrame = sum(tables[1:], tables[0]) / len(tables)
        return mean
