"""Calibration on held-out time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from features.kernels import Floats

OFFSET_SD, SLOPE_SD = 0.5, 0.25
"""Prior standard deviations of the offset around 0 and the slope around 1.

A model's own margins are a good first guess; few held-out positives must not overrule them.
"""


HALF_LIFE_DAYS = 91.0
"""Held-out days count half as much after a quarter of a year: the level of violence drifts, and a
model fitted on past years lags behind it.
"""


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


def fit_calibrator(margin: Floats, y: NDArray[np.int64], age_days: Floats) -> Calibrator:
    """Fit on margins that the model gave for days it was not trained on.

    The most probable offset and slope under normal priors around "leave it as it is", so that
    without any rows the margins stay as they are.

    Args:
        margin: held-out log-odds, shape (rows,).
        y: outcomes, 0 or 1, shape (rows,).
        age_days: days between each row and the time that the calibrator is for, shape (rows,).
    """
    weight = 2.0 ** (-age_days / HALF_LIFE_DAYS)

    def loss(parameters: Floats) -> tuple[float, Floats]:
        """Minus the log posterior, and its gradient."""
        offset, slope = parameters
        logits = offset + slope * margin
        fit = weight @ (np.logaddexp(0, logits) - y * logits)
        prior = (offset / OFFSET_SD) ** 2 / 2 + ((slope - 1) / SLOPE_SD) ** 2 / 2
        away = weight * (expit(logits) - y)
        down = [away.sum() + offset / OFFSET_SD**2, away @ margin + (slope - 1) / SLOPE_SD**2]
        return float(fit + prior), np.array(down)

    bounds = [(None, None), (0.0, None)]
    best = minimize(loss, x0=np.array([0.0, 1.0]), jac=True, method="L-BFGS-B", bounds=bounds)
    return Calibrator(float(best.x[0]), float(best.x[1]))
