"""What people would do without a model. Estimators like any other.

Each ranks by a count that is in the panel, and turns it into a probability with a
logistic curve fitted on the training rows. What does not beat these is not promoted.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression

from features.kernels import Floats
from features.vocabulary import STARTING_POINT

CLIP = 1e-6
"""Probabilities are kept this far from 0 and 1, so that their log-odds are finite."""


def logit(p: Any) -> Floats:
    """Log-odds of probabilities, after clipping."""
    clipped = np.clip(np.asarray(p, dtype=float), CLIP, 1 - CLIP)
    odds: Floats = np.log(clipped / (1 - clipped))
    return odds


def expit(margin: Any) -> Floats:
    """Probabilities of log-odds."""
    p: Floats = 1.0 / (1.0 + np.exp(-np.asarray(margin, dtype=float)))
    return p


class MarginEstimator(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Base of Vigie's estimators: a margin in log-odds that splits into contributions.

    Subclasses give `fit(X, y, sample_weight)`, `decision_function(X)` of shape (rows,) and
    `contributions(X)`: one column per feature and `_intercept`, whose rows sum to the margin.

    Attributes:
        takes_days: whether `fit` also takes `day`, the `as_of` day number of each row.
    """

    classes_ = np.array([0, 1])
    takes_days = False

    def predict_proba(self, X: pd.DataFrame) -> Floats:
        """Probabilities of no incident and of at least one, shape (rows, 2)."""
        p = expit(self.decision_function(X))
        return np.column_stack([1 - p, p])

    def predict(self, X: pd.DataFrame) -> NDArray[np.int64]:
        """1 where an incident is likelier than not, shape (rows,)."""
        likelier: NDArray[np.int64] = (self.decision_function(X) > 0).astype(np.int64)
        return likelier


class Constant(MarginEstimator):
    """The same probability everywhere.

    Args:
        probability: the probability; the share of positives in training when None.
    """

    def __init__(self, probability: float | None = None) -> None:
        self.probability = probability

    def fit(self, X: pd.DataFrame, y: Any, sample_weight: Any = None) -> Self:
        """Take the share of positives, unless a probability was given."""
        del X
        rate = np.average(y, weights=sample_weight)
        self.margin_ = float(logit(rate if self.probability is None else self.probability))
        return self

    def decision_function(self, X: pd.DataFrame) -> Floats:
        """The same log-odds for each row."""
        return np.full(len(X), self.margin_)

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """All of the margin is the intercept."""
        return pd.DataFrame({STARTING_POINT: self.decision_function(X)}, index=X.index)


class CountScore(MarginEstimator):
    """Rank by the sum of some counts; a logistic curve of log(1 + sum) gives probabilities.

    Args:
        columns: features that are summed.
    """

    def __init__(self, columns: tuple[str, ...]) -> None:
        self.columns = columns

    def _sum(self, X: pd.DataFrame) -> Floats:
        total: Floats = X[list(self.columns)].to_numpy(dtype=float).sum(axis=1)
        return total

    def fit(self, X: pd.DataFrame, y: Any, sample_weight: Any = None) -> Self:
        """Fit the curve; a falling one becomes the base rate: violence never means less risk."""
        weight = (
            np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
        )
        # Few different sums make up many rows: the curve is fitted on their weighted totals.
        score, row = np.unique(np.log1p(self._sum(X)), return_inverse=True)
        hits = np.bincount(row, weights=weight * np.asarray(y))
        misses = np.bincount(row, weights=weight) - hits
        curve = LogisticRegression(C=1e3).fit(
            np.tile(score, 2)[:, None],
            np.repeat([1, 0], len(score)),
            sample_weight=np.concatenate([hits, misses]),
        )
        self.slope_, self.offset_ = float(curve.coef_[0, 0]), float(curve.intercept_[0])
        if self.slope_ <= 0:
            self.slope_ = 0.0
            self.offset_ = float(logit(np.average(y, weights=sample_weight)))
        return self

    def decision_function(self, X: pd.DataFrame) -> Floats:
        """Log-odds, shape (rows,)."""
        return self.offset_ + self.slope_ * np.log1p(self._sum(X))

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """The rise over a place with no past incident, shared in proportion to the counts."""
        values = X[list(self.columns)].to_numpy(dtype=float)
        total = values.sum(axis=1)
        rise = self.slope_ * np.log1p(total)
        shares = values / np.where(total > 0, total, 1.0)[:, None]
        table = pd.DataFrame(shares * rise[:, None], columns=list(self.columns), index=X.index)
        return table.assign(**{STARTING_POINT: self.offset_})


BASELINES: dict[str, MarginEstimator] = {
    "base_rate": Constant(),
    "zero": Constant(0.0),
    "count_84d": CountScore(("target_count_84d",)),
    "count_365d": CountScore(("target_count_365d",)),
    "parent_mean_365d": CountScore(("parent_mean_count_365d",)),
    "count_365d_parent_mean": CountScore(("target_count_365d", "parent_mean_count_365d")),
    "decay_365d_parent_mean": CountScore(("target_decay_365d", "parent_mean_decay_365d")),
    "previous_election": CountScore(("previous_election_count",)),
}
"""The baselines of the design; `count_365d_parent_mean` is the one to beat."""

BASELINE_COLUMNS: tuple[str, ...] = tuple(
    sorted({c for b in BASELINES.values() if isinstance(b, CountScore) for c in b.columns})
)
"""Features that the baselines need, whatever features a pack chooses for its models."""
