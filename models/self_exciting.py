"""A self-exciting intensity: every past incident adds to the rate of those to come.

The trees and the logistic model multiply; here influences add up, as in a point process of
Hawkes (1971, Biometrika 58), which Mohler et al. (2011, JASA 106) use for crime and Zammit-
Mangion et al. (2012, PNAS 109) for conflict. The decayed counts of the panel are its memory: a sum
of them with weights of zero or more is the rate that past incidents leave, wherever they
happened and however fast they are forgotten. What incidents within the window set off is part of
the weights.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from scipy.optimize import nnls

from features.kernels import Floats
from features.vocabulary import STARTING_POINT
from models.baselines import MarginEstimator, logit

LEAST_RATE = 1e-6
"""Incidents per window: no place is safe, and the logarithm of a rate stays finite."""

_STEPS, _SHORTEST, _ENOUGH = 40, 1e-4, 1e-7
"""Most steps of Fisher scoring, the shortest share of one, and the relative gain that ends it."""

_HINT = 1e-9


def remembers(name: str) -> bool:
    """Whether a feature is a decayed count of incidents, here or around."""
    return "_decay_" in name and not name.startswith("fatalities")


class SelfExciting(MarginEstimator):
    """P(at least one incident) = 1 - exp(-rate), the rate a sum of decayed counts and a constant.

    Weights are found by maximum likelihood, none below zero: Fisher scoring, each step a
    non-negative least-squares problem (Lawson and Hanson 1974). The likelihood is concave, so that
    there is one best rate.

    Args:
        columns: features of which those that `remembers` names are used; all when None.
    """

    def __init__(self, columns: tuple[str, ...] | None = None) -> None:
        self.columns = columns

    def fit(self, X: pd.DataFrame, y: Any, sample_weight: Any = None) -> Self:
        """Find the weights."""
        self.columns_ = [c for c in self.columns or X.columns if remembers(c)]
        y, values = np.asarray(y, dtype=float), X[self.columns_].to_numpy(dtype=float)
        weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, float)
        self.centre_ = weight @ values / weight.sum()
        scale = np.where(self.centre_ > 0, self.centre_, np.inf)
        terms = np.column_stack([values / scale, np.ones(len(y))])
        fitted = _most_likely(terms, y, weight)
        self.weights_, self.constant_ = fitted[:-1] / scale, float(fitted[-1])
        return self

    def rate(self, X: pd.DataFrame) -> Floats:
        """Incidents per window that the past leaves to be expected, shape (rows,)."""
        values = X[self.columns_].to_numpy(dtype=float)
        return np.maximum(values @ self.weights_ + self.constant_, LEAST_RATE)

    def decision_function(self, X: pd.DataFrame) -> Floats:
        """Log-odds, shape (rows,)."""
        return _log_odds(self.rate(X))

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Each feature's share of the rate's distance from the average row, in log-odds.

        The rate is a sum, so that on the straight way from the average row every feature
        keeps its share: these are integrated gradients (Sundararajan et al. 2017).
        """
        values = X[self.columns_].to_numpy(dtype=float)
        away = (values - self.centre_) * self.weights_
        middle = max(float(self.centre_ @ self.weights_ + self.constant_), LEAST_RATE)
        start = float(_log_odds(np.array(middle)))
        total, moved = away.sum(axis=1), self.decision_function(X) - start
        # Next to the average row all is next to nothing; zero there keeps the sum within 1e-9.
        steep = np.divide(moved, total, out=np.zeros_like(moved), where=np.abs(total) > 1e-12)
        table = pd.DataFrame(away * steep[:, None], columns=self.columns_, index=X.index)
        return table.assign(**{STARTING_POINT: start})


def _log_odds(rate: Floats) -> Floats:
    """Log-odds of at least one incident."""
    return logit(-np.expm1(-rate))


def _most_likely(terms: Floats, y: Floats, weight: Floats) -> Floats:
    """Weights of the terms, none below zero, that make the outcomes most likely."""

    def loss(weights: Floats) -> float:
        rate = np.maximum(terms @ weights, LEAST_RATE)
        return -float(weight @ np.where(y > 0, np.log(-np.expm1(-rate)), -rate))

    best = np.full(terms.shape[1], weight @ y / weight.sum() / terms.shape[1])
    least = loss(best)
    for _ in range(_STEPS):
        rate = np.maximum(terms @ best, LEAST_RATE)
        chance = -np.expm1(-rate)
        slope = terms.T @ (weight * (y / chance - 1))
        information = (terms * (weight * (1 - chance) / chance)[:, None]).T @ terms
        # Terms may be the same but for rounding: a hint of a ridge keeps the root real.
        information += _HINT * np.trace(information) * np.eye(len(best))
        root = np.linalg.cholesky(information).T
        goal = nnls(root, root @ best + np.linalg.solve(root.T, slope))[0]
        step = 1.0
        while (found := loss(best + step * (goal - best))) > least and step > _SHORTEST:
            step /= 2
        if found > least:
            break
        best, gained, least = best + step * (goal - best), least - found, found
        if gained <= _ENOUGH * abs(least):
            break
    return best
