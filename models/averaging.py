"""The mean of models that err differently, and how it is put together from fits already made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import clone

from features.kernels import Floats
from models.bagging import Bagged
from models.baselines import MarginEstimator
from models.estimators import BoostedTrees, SignedLogLogistic
from models.self_exciting import SelfExciting

PARTS = ("xgboost", "logistic", "self_exciting")
"""Names in the zoo of what `Average` is made of, in the order of its parts."""

AVERAGE = "average"
"""Its own name there."""


class Average(MarginEstimator):
    """Mean log-odds of boosted trees, the logistic model and the self-exciting rate.

    Trees find what a sum cannot; the logistic model goes on where violence rises beyond what
    training saw; rates add up where the logistic model multiplies. Their errors differ, so
    that the mean is nearer than each.

    Args:
        columns: features used; all when None.
        random_state: seed of the trees.
    """

    def __init__(self, columns: tuple[str, ...] | None = None, random_state: int = 0) -> None:
        self.columns = columns
        self.random_state = random_state

    def fit(self, X: pd.DataFrame, y: Any, sample_weight: Any = None) -> Self:
        """Fit every part on the same rows."""
        return self.of([part.fit(X, y, sample_weight=sample_weight) for part in self.unfitted()])

    def unfitted(self) -> list[MarginEstimator]:
        """Its parts, in the order of `PARTS`."""
        return [
            BoostedTrees(columns=self.columns, random_state=self.random_state),
            SignedLogLogistic(columns=self.columns),
            SelfExciting(columns=self.columns),
        ]

    def of(self, parts: list[MarginEstimator]) -> Self:
        """Take parts that are fitted."""
        self.parts_ = parts
        return self

    def decision_function(self, X: pd.DataFrame) -> Floats:
        """Log-odds, shape (rows,)."""
        mean: Floats = np.mean([part.decision_function(X) for part in self.parts_], axis=0)
        return mean

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Mean of the parts' contributions, 0 where one does not use a feature."""
        tables = [part.contributions(X) for part in self.parts_]
        columns = list(dict.fromkeys(c for table in tables for c in table.columns))
        filled = [table.reindex(columns=columns, fill_value=0.0) for table in tables]
        mean: pd.DataFrame = sum(filled[1:], filled[0]) / len(filled)
        return mean


def put_together(average: Bagged, fitted: Mapping[str, Bagged]) -> Bagged | None:
    """The average of models that were fitted on the same rows with the same draws.

    It is what `average.fit` on those rows gives, without fitting anything twice.

    Args:
        average: an unfitted `Bagged` of `Average`.
        fitted: models fitted on those rows by name in the zoo.

    Returns:
        None where a part is missing, was drawn otherwise, or has other settings.
    """
    parts = [fitted[name] for name in PARTS if name in fitted]
    draws = {(p.members, p.seed, p.negatives) for p in parts}
    if len(parts) < len(PARTS) or draws != {(average.members, average.seed, average.negatives)}:
        return None
    wanted = average.estimator.unfitted()
    if any(not _alike(p.estimator, w) for p, w in zip(parts, wanted, strict=True)):
        return None
    average.members_ = [
        clone(average.estimator)
        .set_params(random_state=average.member_seed(number))
        .of([part.members_[number] for part in parts])
        for number in range(average.members)
    ]
    return average


def _alike(one: MarginEstimator, other: MarginEstimator) -> bool:
    """Whether two estimators are the same but for their seed, which each member is given."""
    ours, theirs = one.get_params(), other.get_params()
    return type(one) is type(other) and ours | {"random_state": 0} == theirs | {"random_state": 0}
