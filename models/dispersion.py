"""How far a unit's true probability may lie from its forecast.

The jackknife error of the fit says how much the fit would move, not how much
a unit differs from what the features say of it. That shows on held-out time.
"""

from __future__ import annotations

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize_scalar

from features.days import Days
from features.kernels import Floats

MOST = 2.0
"""Largest standard deviation looked for, in log-odds."""

_NODES, _WEIGHTS = hermegauss(20)
_LEAST = 1e-12
"""Keeps the logarithm of a chance finite."""


def apart(day: Days, length_days: int) -> NDArray[np.bool_]:
    """Rows of days that are at least a window apart, so that no incident counts twice."""
    kept: list[int] = []
    for candidate in np.unique(day):
        if not kept or candidate - kept[-1] >= length_days:
            kept.append(int(candidate))
    return np.isin(day, kept)


def dispersion(margin: Floats, ends: NDArray[np.int64]) -> float:
    """Standard deviation, in log-odds, of true probabilities around calibrated forecasts.

    It shows in what the two ends of one window have in common beyond the forecast: a model that
    knows one window has learned from it before the next, so that windows that follow each
    other hide it. Between the ends lies half a window, since one incident sets off others
    within days.

    Incidents come at a rate that a log-normal factor of the row multiplies (a frailty, Vaupel et
    al. 1979); its spread is found by maximum marginal likelihood with Gauss-Hermite quadrature,
    under a half-normal prior of scale 1, which keeps few incidents from saying much. Where
    incidents are rare, the logarithm of the rate is the log-odds.

    Args:
        margin: calibrated held-out log-odds, shape (rows,), of days a window apart.
        ends: whether the first and the last quarter of each window saw an incident, 0 or 1,
            shape (rows, 2).

    Returns:
        Between 0 and `MOST`; 0 where an end never saw an incident.
    """
    if not ends.any(axis=0).all():
        return 0.0
    rate = np.logaddexp(0.0, margin)  # minus the logarithm of the chance of no incident
    rates = np.stack([rate * _share(rate, end) for end in ends.T])
    seen = ends.T == 1

    def loss(sigma: float) -> float:
        total = np.zeros((len(margin), len(_NODES)))
        for end_rate, saw in zip(rates, seen, strict=True):
            none = -end_rate[:, None] * np.exp(sigma * _NODES - sigma**2 / 2)
            total += np.where(saw[:, None], np.log(np.maximum(-np.expm1(none), _LEAST)), none)
        top = total.max(axis=1, keepdims=True)
        mean = np.exp(total - top) @ _WEIGHTS / _WEIGHTS.sum()
        return sigma**2 / 2 - float((np.log(mean) + top[:, 0]).sum())

    return float(minimize_scalar(loss, bounds=(0.0, MOST), method="bounded").x)


def _share(rate: Floats, y: NDArray[np.int64]) -> float:
    """The share of the window's rate that falls in one end, from how often it saw an incident."""
    return float(brentq(lambda share: -np.expm1(-share * rate).mean() - y.mean(), 0.0, 1e6))
