"""Whether a unit's silence can be trusted.

A unit whose region sent hardly a report of any kind in a year is not calm: nobody is
looking. The thresholds are declared in the country pack.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from features import kernels
from features.context import Context, spread
from features.vocabulary import Coverage


def coverage(
    context: Context,
    *,
    days: int,
    good_reports: int,
    min_reports: int,
    coarse_areas: dict[str, str],
) -> pd.DataFrame:
    """Coverage of each unit on the last day of the grid.

    Args:
        context: the grid; only its last day is judged.
        days: length of the look back.
        good_reports: reports of any type in the unit's region for `good`.
        min_reports: fewer than this, and the coverage is `none`.
        coarse_areas: parent area or region id -> why its events cannot be told apart.

    Returns:
        One row per unit, in the registry's order: `unit_id`, `coverage`, `coverage_says`.
    """
    own = kernels.windowed(context.reports, context.days, context.n_units, days)[-1:]
    reports = spread(own, context.regions)[0]
    units = context.units
    level = np.select(
        [reports < min_reports, reports < good_reports],
        [str(Coverage.NONE), str(Coverage.THIN)],
        str(Coverage.GOOD),
    ).astype(object)
    says = [
        f"{n:.0f} reports of any kind from {region} in the last {days} days"
        for n, region in zip(reports, units["region_name"], strict=True)
    ]
    for position, (parent, region) in enumerate(
        zip(units["parent_id"], units["region_id"], strict=True)
    ):
        reason = coarse_areas.get(parent) or coarse_areas.get(region)
        if reason and level[position] != str(Coverage.NONE):
            level[position] = str(Coverage.COARSE)
            says[position] += f"; {reason}"
    return pd.DataFrame({"unit_id": units["unit_id"], "coverage": level, "coverage_says": says})
