"""The models proper: a regularised logistic model and gradient-boosted trees."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
import xgboost
from sklearn.linear_model import LogisticRegression

from features.kernels import Floats
from features.vocabulary import STARTING_POINT
from models.baselines import MarginEstimator

FARTHEST = 10.0
"""Standard deviations from the mean at which a value stops counting: a feature that hardly varied
in training must not rule a forecast when it does.
"""


class SignedLogLogistic(MarginEstimator):
    """L2-regularised logistic regression on standardised sign(x) log(1 + |x|).

    Counts have long tails; the logarithm keeps one bad year from ruling the model. Missing
    values become the training mean, so that they contribute nothing.

    Args:
        C: inverse strength of the L2 penalty. Half of the features tell nearly the same, and
            overlapping windows count each incident several times, so that it is strong.
        columns: features used; all when None.
    """

    def __init__(self, C: float = 0.001, columns: tuple[str, ...] | None = None) -> None:
        self.C = C
        self.columns = columns

    def fit(self, X: pd.DataFrame, y: Any, sample_weight: Any = None) -> Self:
        """Fit centre, scale and coefficients on the training rows only."""
        self.columns_ = list(self.columns or X.columns)
        values = self._logs(X)
        weight = (
            np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
        )
        with_values = np.isfinite(values)
        n = np.maximum(weight @ with_values, 1.0)
        self.centre_ = weight @ np.where(with_values, values, 0.0) / n
        away = np.where(with_values, values - self.centre_, 0.0)
        # What never varied in training can teach nothing: infinite scale, no contribution.
        varied = np.ptp(np.where(with_values, values, self.centre_), axis=0) > 1e-9
        self.scale_ = np.where(varied, np.sqrt(weight @ away**2 / n), np.inf)
        self.model_ = LogisticRegression(C=self.C, solver="newton-cholesky").fit(
            self._standard(values), y, sample_weight=sample_weight
        )
        return self

    def _logs(self, X: pd.DataFrame) -> Floats:
        values = X[self.columns_].to_numpy(dtype=float)
        logs: Floats = np.sign(values) * np.log1p(np.abs(values))
        return logs

    def _standard(self, logs: Floats) -> Floats:
        values = (logs - self.centre_) / self.scale_
        return np.clip(np.where(np.isfinite(values), values, 0.0), -FARTHEST, FARTHEST)

    def decision_function(self, X: pd.DataFrame) -> Floats:
        """Log-odds, shape (rows,)."""
        return np.asarray(self.model_.decision_function(self._standard(self._logs(X))))

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Coefficient x standardised value: the distance from the average training row."""
        table = pd.DataFrame(
            self._standard(self._logs(X)) * self.model_.coef_[0],
            columns=self.columns_,
            index=X.index,
        )
        return table.assign(**{STARTING_POINT: float(self.model_.intercept_[0])})


class BoostedTrees(MarginEstimator):
    """Gradient-boosted trees (Chen and Guestrin 2016) with TreeSHAP contributions.

    Args:
        n_estimators: number of trees.
        max_depth: depth of each tree.
        learning_rate: shrinkage of each tree.
        min_child_share: least Hessian weight of a leaf, as a share of the positives; high
            values keep rare events from being learned by heart.
        subsample: share of rows per tree.
        colsample_bytree: share of features per tree.
        reg_lambda: L2 penalty on leaf values.
        columns: features used; all when None.
        random_state: seed.
    """

    def __init__(
        self,
        n_estimators: int = 150,
        max_depth: int = 3,
        learning_rate: float = 0.05,
        min_child_share: float = 0.03,
        subsample: float = 0.5,
        colsample_bytree: float = 0.3,
        reg_lambda: float = 20.0,
        columns: tuple[str, ...] | None = None,
        random_state: int = 0,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_depth = max_depth
        self.learning_rate = learning_rate
        self.min_child_share = min_child_share
        self.subsample = subsample
        self.colsample_bytree = colsample_bytree
        self.reg_lambda = reg_lambda
        self.columns = columns
        self.random_state = random_state

    def fit(self, X: pd.DataFrame, y: Any, sample_weight: Any = None) -> Self:
        """Grow the trees."""
        positives = float(np.sum(y))
        self.columns_ = list(self.columns or X.columns)
        data = xgboost.QuantileDMatrix(
            X[self.columns_], label=np.asarray(y), weight=sample_weight, max_bin=64
        )
        options = {
            "objective": "binary:logistic",
            "max_depth": self.max_depth,
            "learning_rate": self.learning_rate,
            "min_child_weight": max(1.0, self.min_child_share * positives),
            "subsample": self.subsample,
            "colsample_bytree": self.colsample_bytree,
            "reg_lambda": self.reg_lambda,
            "max_bin": 64,
            "tree_method": "hist",
            "seed": self.random_state,
            # Members are fitted side by side; threads within a tree would wait for each other.
            "nthread": 1,
        }
        self.booster_ = xgboost.train(options, data, num_boost_round=self.n_estimators)
        return self

    def decision_function(self, X: pd.DataFrame) -> Floats:
        """Log-odds, shape (rows,)."""
        margin = self.booster_.predict(xgboost.DMatrix(X[self.columns_]), output_margin=True)
        return np.asarray(margin, dtype=float)

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """TreeSHAP values (Lundberg et al. 2020), summing to the margin."""
        values = self.booster_.predict(xgboost.DMatrix(X[self.columns_]), pred_contribs=True)
        return pd.DataFrame(
            np.asarray(values, dtype=float), columns=[*self.columns_, STARTING_POINT], index=X.index
        )
