"""How many incidents, as a distribution: pure functions of a probability and an excess.

The hurdle model of `models.severity` (Mullahy 1986): no incident with probability 1 - p, else
one and a Poisson number more, of mean `excess`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import poisson

from features.kernels import Floats

QUANTILES: dict[str, float] = {"incidents_p50": 0.5, "incidents_p90": 0.9}
"""Counts kept with each score: the number of incidents that is not exceeded this often."""

AT_LEAST: dict[str, int] = {"two_or_more": 2, "five_or_more": 5}
"""Probabilities kept with each score: of at least so many incidents."""

COLUMNS: tuple[str, ...] = (*QUANTILES, *AT_LEAST)


def at_least(probability: Floats, excess: Floats, least: int) -> Floats:
    """Probability of `least` incidents or more, shape (rows,).

    Raises:
        ValueError: `least` is below 1.
    """
    if least < 1:
        raise ValueError(f"at_least: expected 1 incident or more, got {least}")
    tail: Floats = probability * poisson.sf(least - 2, excess)
    return tail


def quantile(probability: Floats, excess: Floats, level: float) -> Floats:
    """Smallest number of incidents n with P(N <= n) >= `level`, shape (rows,).

    Raises:
        ValueError: `level` is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"quantile: expected a level between 0 and 1, got {level}")
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = (level - (1 - probability)) / probability
    counts: Floats = np.where(rest > 0, 1 + poisson.ppf(np.clip(rest, 0, 1), excess), 0.0)
    return counts


def spread(probability: pd.Series[float], expected: pd.Series[float]) -> pd.DataFrame:
    """What is kept of the distribution with each score.

    Args:
        probability: of at least one incident, shape (rows,).
        expected: expected incidents, probability x (1 + excess).

    Returns:
        `COLUMNS`, with the index of `probability`; missing where the probability is.
    """
    p: Floats = np.array(probability, dtype=np.float64)
    mean: Floats = np.array(expected, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        excess: Floats = np.where(p > 0, np.maximum(mean / p - 1, 0.0), 0.0)
    table = {name: quantile(p, excess, level) for name, level in QUANTILES.items()}
    table |= {name: at_least(p, excess, least) for name, least in AT_LEAST.items()}
    told = pd.DataFrame(table, index=probability.index)
    told.loc[np.isnan(p)] = np.nan
    return told
