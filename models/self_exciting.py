"""A self-exciting intensity: every past incident adds to the rate of those to come.

The trees and the logistic model multiply; here influences add up, as in a point process of
Hawkes (1971, Biometrika 58), which Mohler et al. (2011, JASA 106) use for crime and Zammit-
Mangion et al. (2012, PNAS 109) for conflict. The decayed counts of the panel are its memory: a sum
of them with weights of zero or more is the rate that past incidents leave, wherever they
happened and however fast they are forgotten. What incidents within the window set off is part of
the weights. Where people vote within the window, each of them may be higher.
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

_STEPS, _SHORTEST, _ENOUGH = 40, 1e-4, 1e-9
"""Most steps of Fisher scoring, the shortest share of one, and the relative gain that ends it."""

_HINT = 1e-9

POLLING = "polling_in_window"
"""Polling days in the window; what counts is whether there is one."""


def remembers(name: str) -> bool:
    """Whether a feature is a decayed count of incidents, here or around."""
    return "_decay_" in name and not name.startswith("fatalities")


class SelfExciting(MarginEstimator):
    """P(at least one incident) = 1 - exp(-rate), the rate a sum of decayed counts and a constant.

    In windows with a polling day every count, and the constant, may weigh more. Weights are found
    by maximum likelihood, none below zero: Fisher scoring, each step a non-negative
    least-squares problem (Lawson and Hanson 1974). The likelihood is concave, so that there is
    one best rate.

    Args:
        columns: features of which those that `remembers` names are used, and `POLLING`; all when
            None.
    """

    def __init__(self, columns: tuple[str, ...] | None = None) -> None:
        self.columns = columns

    def fit(self, X: pd.DataFrame, y: Any, sample_weight: Any = None) -> Self:
        """Find the weights."""
        names = list(self.columns or X.columns)
        self.columns_ = [c for c in names if remembers(c)]
        self.votes_ = POLLING in names
        y, past, vote = np.asarray(y, dtype=float), self._past(X), self._vote(X)
        weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, float)
        terms = np.hstack([past, past * vote[:, None]])
        mean = weight @ terms / weight.sum()
        # A count that is zero throughout says nothing; so do all of these where nobody votes.
        some = mean > 0
        fitted = np.zeros(len(mean))
        fitted[some] = _most_likely(terms[:, some] / mean[some], y, weight) / mean[some]
        known = past.shape[1]
        self.weights_, self.more_ = fitted[:known], fitted[known:]
        self.centre_, self.vote_centre_ = mean[:known], float(weight @ vote / weight.sum())
        return self

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take a stored state, also one from before the calendar, with its constant apart."""
        if "constant_" in state:
            weights = np.append(state["weights_"], state["constant_"])
            state = {name: value for name, value in state.items() if name != "constant_"} | {
                "weights_": weights,
                "more_": np.zeros_like(weights),
                "centre_": np.append(state["centre_"], 1.0),
                "votes_": False,
                "vote_centre_": 0.0,
            }
        super().__setstate__(state)

    def _past(self, X: pd.DataFrame) -> Floats:
        """The counts, and 1 for the constant; shape (rows, counts + 1)."""
        return np.column_stack([X[self.columns_].to_numpy(dtype=float), np.ones(len(X))])

    def _vote(self, X: pd.DataFrame) -> Floats:
        """1 where a polling day lies in the window, shape (rows,)."""
        if not self.votes_:
            return np.zeros(len(X))
        return (X[POLLING].to_numpy(dtype=float) > 0).astype(float)

    def rate(self, X: pd.DataFrame) -> Floats:
        """Incidents per window that the past leaves to be expected, shape (rows,)."""
        past = self._past(X)
        return np.maximum(past @ self.weights_ + self._vote(X) * (past @ self.more_), LEAST_RATE)

    def decision_function(self, X: pd.DataFrame) -> Floats:
        """Log-odds, shape (rows,)."""
        return _log_odds(self.rate(X))

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Each feature's share of the rate's distance from the average row, in log-odds.

        On the straight way from the average row to this one, counts and calendar together, the
        rate changes by so much for each: integrated gradients (Sundararajan et al. 2017), brought
        to log-odds in proportion. What a count and a polling day add together is halved.
        """
        past, vote, usual = self._past(X), self._vote(X), self.vote_centre_
        of_counts = (past - self.centre_) * (self.weights_ + np.outer(vote + usual, self.more_) / 2)
        of_vote = (vote - usual) * ((past + self.centre_) / 2 @ self.more_)
        middle = max(float(self.centre_ @ (self.weights_ + usual * self.more_)), LEAST_RATE)
        start = float(_log_odds(np.array(middle)))
        total = of_counts.sum(axis=1) + of_vote
        moved = self.decision_function(X) - start
        # Next to the average row all is next to nothing; zero there keeps the sum within 1e-9.
        steep = np.divide(moved, total, out=np.zeros_like(moved), where=np.abs(total) > 1e-12)
        shares = of_counts[:, :-1] * steep[:, None]
        table = pd.DataFrame(shares, columns=self.columns_, index=X.index)
        if self.votes_:
            table[POLLING] = of_vote * steep
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
