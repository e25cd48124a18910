"""What may happen, drawn: numbers of incidents per unit from a bulletin's scores.

A score's interval is a normal error of the probability in log-odds, and its count a hurdle
(`models.counts`). A draw first errs, then counts. How far units err together is not in a
bulletin: `Risk.shared` assumes it. Each unit's error is centred so that its mean probability is
the score's.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.special import expit, logit, ndtri

from features.kernels import Floats
from response.deployment_network import Ints
from response.deployment_request import Risk

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(31)
_HALVINGS = 40
_EDGE = 1e-9


def drawn(
    units: pd.DataFrame, level: float, risk: Risk, draws: int, *, means: bool = False
) -> Iterator[tuple[Ints, Floats]]:
    """Draw numbers of incidents, region by region.

    Args:
        units: `region_id`, `probability`, `lower`, `upper`, `expected_incidents`; rows without
            a probability are left out.
        level: of the intervals.
        risk: seed and shared error.
        draws: how many.
        means: whether each draw only errs, and gives expected numbers instead of counts.

    Yields:
        Row numbers of a region's units, and numbers of shape (draws, those units).
    """
    scored = np.flatnonzero(units["probability"].notna())
    region = units["region_id"].to_numpy()[scored]
    for number, name in enumerate(np.unique(region)):
        rows = scored[region == name]
        random = np.random.default_rng([risk.seed, number])
        yield rows, _numbers(units.iloc[rows], level, risk.shared, draws, random, means)


def _numbers(
    units: pd.DataFrame,
    level: float,
    shared: float,
    draws: int,
    random: np.random.Generator,
    means: bool,
) -> Floats:
    p = np.clip(units["probability"].to_numpy(dtype=float), _EDGE, 1 - _EDGE)
    below, above = _errors(units, p, level)
    together = random.standard_normal((draws, 1))
    alone = random.standard_normal((draws, len(units)))
    error = np.sqrt(shared) * together + np.sqrt(1 - shared) * alone
    chance = expit(_centre(p, below, above) + np.where(error < 0, below, above) * error)
    mean = units["expected_incidents"].to_numpy(dtype=float)
    excess = np.maximum(mean / p - 1, 0.0)
    if means:
        expected: Floats = chance * (1 + excess)
        return expected
    happens = random.random(chance.shape) < chance
    more = random.poisson(excess, chance.shape)
    counts: Floats = np.where(happens, 1.0 + more, 0.0)
    return counts


def _errors(units: pd.DataFrame, p: Floats, level: float) -> tuple[Floats, Floats]:
    """Standard errors below and above, in log-odds."""
    reach = ndtri(0.5 + level / 2)
    low, high = (
        np.clip(units[c].to_numpy(dtype=float), _EDGE, 1 - _EDGE) for c in ("lower", "upper")
    )
    return (logit(p) - logit(low)) / reach, (logit(high) - logit(p)) / reach


def _centre(p: Floats, below: Floats, above: Floats) -> Floats:
    """Log-odds around which errors leave the mean probability at `p`, by bisection."""
    weights = _WEIGHTS / _WEIGHTS.sum()
    shift = np.where(_NODES < 0, below[:, None], above[:, None]) * _NODES
    low = logit(p) - 10 * (below + above) - 1
    high = logit(p) + 10 * (below + above) + 1
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        over = expit(middle[:, None] + shift) @ weights > p
        low, high = np.where(over, low, middle), np.where(over, middle, high)
    centre: Floats = (low + high) / 2
    return centre


def covered(units: pd.DataFrame, level: float, risk: Risk, shares: Floats) -> tuple[Floats, Floats]:
    """Incidents covered in each draw, by each of several plans.

    Args:
        units: as `drawn` takes them.
        level: of the intervals.
        risk: draws, seed and shared error.
        shares: share of incidents covered per unit and plan, shape (units, plans).

    Returns:
        Incidents covered, shape (draws, plans), and all incidents, shape (draws,).
    """
    inside = np.zeros((risk.draws, shares.shape[1]))
    every = np.zeros(risk.draws)
    for rows, counts in drawn(units, level, risk, risk.draws):
        inside += counts @ shares[rows]
        every += counts.sum(axis=1)
    return inside, every


def worst(losses: Floats, tail: float) -> float:
    """Conditional value at risk: the mean of the largest `tail` of losses.

    The part of a draw that the tail cuts counts in part (Rockafellar and Uryasev 2002,
    "Conditional value-at-risk for general loss distributions").
    """
    ordered = np.sort(losses)[::-1]
    share = np.clip(tail * len(ordered) - np.arange(len(ordered)), 0, 1)
    return float(ordered @ share / share.sum())
