"""Calibration on held-out time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from features.kernels import Floats


@dataclass(frozen=True)
class Calibrator:
    """logit(p) = offset + slope x margin (Platt 1999), the slope never below zero.

    Attributes:
        offset: shift in log-odds.
        slope: stretch of the margin.
    """

    offset: float = 0.0
    slope: float = 1.0

    def __call__(self, margin: Floats) -> Floats:
        """Calibrated log-odds, shape as `margin`."""
        return self.offset + self.slope * margin


def fit_calibrator(margin: Floats, y: NDArray[np.int64]) -> Calibrator:
    """Fit on margins that the model gave for days it was not trained on.

    With fewer than ten positives or negatives, the margins are left as they are: two
    parameters from so little would do harm.
    """
    if min(y.sum(), len(y) - y.sum()) < 10:
        return Calibrator()
    if np.ptp(margin) == 0:
        rate = float(y.mean())
        return Calibrator(offset=float(np.log(rate / (1 - rate))), slope=0.0)
    curve = LogisticRegression(C=1e3).fit(margin[:, None], y)
    return Calibrator(float(curve.intercept_[0]), max(float(curve.coef_[0, 0]), 0.0))
