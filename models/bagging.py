"""Averages of one model fitted on resampled blocks of training time."""

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
"""Half a year: incidents within it are too alike to be resampled one by one."""


def block_weights(day: Days, members: int, seed: int) -> Floats:
    """How often each row enters each member: blocks of days drawn with replacement.

    The block bootstrap of Kuensch (1989), over time. A single member takes every row once.

    Args:
        day: `as_of` day number of each row, shape (rows,).
        members: number of members.
        seed: seed of the draw.

    Returns:
        Shape (members, rows).
    """
    if members == 1:
        return np.ones((1, len(day)))
    block = (day - day.min()) // BLOCK_DAYS
    n = int(block.max()) + 1
    rng = np.random.default_rng(seed)
    times = np.stack([np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(members)])
    return times[:, block].astype(float)


class Bagged(MarginEstimator):
    """Mean margin of members fitted on resampled training time.

    Args:
        estimator: what each member is a clone of.
        members: number of members.
        seed: seed of the resampling and of the members.
    """

    def __init__(self, estimator: MarginEstimator, members: int, seed: int) -> None:
        self.estimator = estimator
        self.members = members
        self.seed = seed

    def fit(self, X: pd.DataFrame, y: Any, day: Days) -> Self:
        """Fit every member.

        Args:
            X: features, shape (rows, features).
            y: 0 or 1 per row.
            day: `as_of` day number of each row.
        """
        y = np.asarray(y)
        weights = block_weights(day, self.members, self.seed)
        self.members_: list[MarginEstimator] = Parallel(n_jobs=-1, prefer="threads")(
            delayed(self._member)(number, X, y, weight) for number, weight in enumerate(weights)
        )
        return self

    def _member(
        self, number: int, X: pd.DataFrame, y: NDArray[np.int64], draw: Floats
    ) -> MarginEstimator:
        drawn = y[draw > 0]
        # A draw without both classes says nothing: that member learns from all rows.
        weight = draw if 0 < drawn.sum() < len(drawn) else np.ones(len(y))
        use: NDArray[np.bool_] = weight > 0
        member: MarginEstimator = clone(self.estimator)
        if "random_state" in member.get_params():
            member.set_params(random_state=self.seed * 1000 + number)
        fitted: MarginEstimator = member.fit(X.loc[use], y[use], sample_weight=weight[use])
        return fitted

    def member_margins(self, X: pd.DataFrame) -> Floats:
        """Log-odds of each member, shape (members, rows)."""
        return np.stack([m.decision_function(X) for m in self.members_])

    def decision_function(self, X: pd.DataFrame) -> Floats:
        """Mean log-odds, shape (rows,)."""
        mean: Floats = self.member_margins(X).mean(axis=0)
        return mean

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Mean of the members' contributions; rows sum to the mean margin."""
        tables = [m.contributions(X) for m in self.members_]
        mean: pd.DataFrame = sum(tables[1:], tables[0]) / len(tables)
        return mean
