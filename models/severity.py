"""How many incidents, given that there is at least one."""

from __future__ import annotations

from typing import Self

import numpy as np
import pandas as pd
from sklearn.linear_model import PoissonRegressor

from features.kernels import Floats

COLUMNS = (
    *("parent_mean_count_365d", "previous_election_count"),
    *("target_count_365d", "target_count_84d"),
)
"""Counts that the excess is regressed on: few, since rows with an incident are."""


class Excess:
    """Expected incidents beyond the first in a window that has one.

    A hurdle model (Mullahy 1986): with probability p of at least one incident, the expected
    number is p x (1 + excess), so that it is never below p. The excess is a Poisson
    regression on a few logged counts.
    """

    def fit(self, X: pd.DataFrame, counts: Floats) -> Self:
        """Fit on the rows that have an incident."""
        some = counts > 0
        self.ceiling_ = float((counts[some] - 1).max(initial=0.0))
        self.model_ = PoissonRegressor(alpha=0.1, max_iter=500).fit(
            self._logs(X.loc[some]), counts[some] - 1
        )
        return self

    def _logs(self, X: pd.DataFrame) -> Floats:
        logs: Floats = np.log1p(X[list(COLUMNS)].to_numpy(dtype=float))
        return logs

    def predict(self, X: pd.DataFrame) -> Floats:
        """Expected excess, shape (rows,), at most the largest seen in training."""
        excess: Floats = np.minimum(self.model_.predict(self._logs(X)), self.ceiling_)
        return excess
