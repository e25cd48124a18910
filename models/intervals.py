"""Whether intervals are wide enough, as far as outcomes can tell.

An interval speaks of a unit's true probability, which is never seen. What can be seen is how
many units of a group had an incident. If the intervals hold, the group's mean true probability
lies between its mean lower and mean upper end, and the number seen lies no further outside than
chance allows. That can show intervals to be too narrow. It cannot show them to be too wide:
for that the truth must be known, as it is of the synthetic country.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binom

from features.kernels import Floats

COLUMNS = ("group", "rows", "forecast", "lower", "upper", "observed", "held", "held_as_points")


def group_coverage(
    y: NDArray[np.int64],
    p: Floats,
    lower: Floats,
    upper: Floats,
    level: float,
    groups: int = 10,
) -> pd.DataFrame:
    """Numbers seen in groups of units with like forecasts, against their intervals.

    Args:
        y: outcomes of one window, 0 or 1, shape (units,).
        p: probabilities.
        lower: lower ends of their intervals.
        upper: upper ends.
        level: how often intervals, and chance, are to hold.
        groups: number of groups, equal in size, by forecast.

    Returns:
        One row per group: `group` (0 the lowest), `rows`, `forecast`, `lower`, `upper` (means),
        `observed` (share), `held`: whether the number seen is within `level` of a binomial draw
        from some probability between the ends; `held_as_points`: the same, were the mean forecast
        exactly true. Positives that come together within a group make both stricter than
        they say.
    """
    rows = []
    for number, part in enumerate(np.array_split(np.argsort(p, kind="stable"), groups)):
        if not len(part):
            continue
        n, seen = len(part), int(y[part].sum())
        forecast, low, high = (float(v[part].mean()) for v in (p, lower, upper))
        held, points = (_within(seen, n, *ends, level) for ends in ((low, high), (forecast,) * 2))
        rows.append((number, n, forecast, low, high, seen / n, held, points))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _within(seen: int, n: int, low: float, high: float, level: float) -> bool:
    """Neither too many for the upper end nor too few for the lower, each tail by chance."""
    tail = (1 - level) / 2
    return bool(binom.sf(seen - 1, n, high) >= tail and binom.cdf(seen, n, low) >= tail)
