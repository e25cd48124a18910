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
_CURVE = 200
_LEAST = 1e-12
"""Keeps the logarithm of a chance finite."""


def apart(day: Days, length_days: int) -> float:
    """Share of the days that would be left if they had to lie a window apart; 0 without any.

    Windows that overlap tell of the same incidents. Which of them are kept would be a lottery; so
    all are, and each counts as much as this share of one.
    """
    days = np.unique(day)
    kept: list[int] = []
    for candidate in days:
        if not kept or candidate - kept[-1] >= length_days:
            kept.append(int(candidate))
    return len(kept) / max(len(days), 1)


def dispersion(margin: Floats, ends: NDArray[np.int64], share: float = 1.0) -> float:
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
        margin: calibrated held-out log-odds, shape (rows,).
        ends: whether the first and the last quarter of each window saw an incident, 0 or 1,
            shape (rows, 2).
        share: what each row counts (a composite likelihood, Varin et al. 2011), see `apart`.

    Returns:
        Between 0 and `MOST`; 0 where an end never saw an incident.
    """
    if not ends.any(axis=0).all():
        return 0.0
    rate = np.logaddexp(0.0, margin)  # minus the logarithm of the chance of no incident
    rates = np.stack([rate * _share(rate, end) for end in ends.T])
    seen = ends.T == 1
    some = seen.any(axis=0)
    # Of rows that saw nothing, nearly all, only the rate counts: they are read off a curve.
    quiet = np.log(np.maximum(rates[:, ~some].sum(axis=0), _LEAST))
    curve = np.linspace(quiet.min(), quiet.max(), _CURVE) if len(quiet) else quiet

    def loss(sigma: float) -> float:
        factor = np.exp(sigma * _NODES - sigma**2 / 2)
        total = np.zeros((int(some.sum()), len(_NODES)))
        for end_rate, saw in zip(rates[:, some], seen[:, some], strict=True):
            none = -end_rate[:, None] * factor
            total += np.where(saw[:, None], np.log(np.maximum(-np.expm1(none), _LEAST)), none)
        found = _mean_of_logs(total).sum()
        if len(quiet):
            found += np.interp(quiet, curve, _mean_of_logs(-np.exp(curve)[:, None] * factor)).sum()
        return sigma**2 / 2 - share * float(found)

    return float(minimize_scalar(loss, bounds=(0.0, MOST), method="bounded").x)


def _mean_of_logs(total: Floats) -> Floats:
    """Logarithm of the mean over nodes of what has these logarithms, shape (rows,)."""
    top = total.max(axis=1, keepdims=True)
    mean: Floats = np.log(np.exp(total - top) @ _WEIGHTS / _WEIGHTS.sum()) + top[:, 0]
    return mean


def _share(rate: Floats, y: NDArray[np.int64]) -> float:
    """The share of the window's rate that falls in one end, from how often it saw an incident."""
    return float(brentq(lambda share: -np.expm1(-share * rate).mean() - y.mean(), 0.0, 1e6))
