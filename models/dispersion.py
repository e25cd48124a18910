"""How far a unit's true probability may lie from its forecast.

The jackknife error of the fit says how much the fit would move, not how much
a unit differs from what the features say of it. That shows on held-out time: in units whose
incidents come again and again more often, or less often, than forecast.
"""

from __future__ import annotations

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from features.days import Days
from features.kernels import Floats

MOST = 2.0
"""Largest standard deviation looked for, in log-odds."""

_NODES, _WEIGHTS = hermegauss(20)
_LOGISTIC_NORMAL = 0.346
"""(16 sqrt(3) / (15 pi))^2, of the logistic-normal approximation (Zeger, Liang, Albert 1988)."""


def apart(day: Days, length_days: int) -> NDArray[np.bool_]:
    """Rows of days that are at least a window apart, so that no incident counts twice."""
    kept: list[int] = []
    for candidate in np.unique(day):
        if not kept or candidate - kept[-1] >= length_days:
            kept.append(int(candidate))
    return np.isin(day, kept)


def dispersion(margin: Floats, y: NDArray[np.int64], day: Days, unit: NDArray[np.int64]) -> float:
    """Standard deviation, in log-odds, of true probabilities around calibrated forecasts.

    Two parts: what a unit has of its own in two windows that follow each other, and what all
    units have in common on a day. A unit's own part over longer times would miss what comes
    and goes, such as a feud of some weeks.

    Args:
        margin: calibrated held-out log-odds, shape (rows,), of days a window apart.
        y: outcomes, 0 or 1, shape (rows,).
        day: `as_of` day number of each row.
        unit: position of each row's unit.
    """
    _, order = np.unique(day, return_inverse=True)
    pair = unit * (order.max() + 1) + order // 2
    return float(np.hypot(fit_dispersion(margin, y, pair), fit_dispersion(margin, y, order)))


def fit_dispersion(margin: Floats, y: NDArray[np.int64], group: NDArray[np.int64]) -> float:
    """Standard deviation, in log-odds, of what groups of rows have in common.

    The random intercept of a logistic model whose fixed part is the calibrated forecast,
    by maximum marginal likelihood with Gauss-Hermite quadrature. The fixed part is stretched
    so that the mean over the random intercept stays the forecast.

    Args:
        margin: calibrated held-out log-odds, shape (rows,).
        y: outcomes, 0 or 1, shape (rows,).
        group: unit of each row, shape (rows,).
    """
    _, position = np.unique(group, return_inverse=True)
    groups = int(position.max()) + 1

    def loss(sigma: float) -> float:
        fixed = margin * np.sqrt(1 + _LOGISTIC_NORMAL * sigma**2)
        logits = fixed[:, None] + sigma * _NODES[None, :]
        rows = np.where(y[:, None] == 1, -np.logaddexp(0, -logits), -np.logaddexp(0, logits))
        sums = np.zeros((groups, len(_NODES)))
        np.add.at(sums, position, rows)
        top = sums.max(axis=1, keepdims=True)
        mean = (np.exp(sums - top) * _WEIGHTS).sum(axis=1) / _WEIGHTS.sum()
        return -float((np.log(mean) + top[:, 0]).sum())

    return float(minimize_scalar(loss, bounds=(0.0, MOST), method="bounded").x)
