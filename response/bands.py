"""Bands: the posture that a probability asks for.

The thresholds are a convention of Vigie, not a finding: a planner who wants others changes
them here, and every bulletin issued afterwards uses the new ones.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.vocabulary import Band, Coverage
from models.counts import COLUMNS

THRESHOLDS: tuple[tuple[float, Band], ...] = (
    (0.50, Band.VERY_HIGH),
    (0.25, Band.HIGH),
    (0.10, Band.ELEVATED),
    (0.00, Band.LOW),
)
"""Least probability of each band, highest first."""


def band(probability: float) -> Band:
    """The band of a probability."""
    for least, name in THRESHOLDS:
        if probability >= least:
            return name
    raise ValueError(f"band: expected a probability of 0 to 1, got {probability}")


def banded(scores: pd.DataFrame) -> pd.DataFrame:
    """Add `rank` and `band` to scores, and empty the scores of units that abstain.

    Args:
        scores: `unit_id`, `probability`, `lower`, `upper`, `expected_incidents`,
            `models.counts.COLUMNS`, `baseline_probability`, `drivers` and `coverage`, one row
            per unit.

    Returns:
        The same rows. Where `coverage` is `none`, all numbers are missing, the drivers are
        empty and the band is `abstained`. Ranks count from 1 over the others; ties by unit.
    """
    out = scores.copy()
    silent = (out["coverage"] == str(Coverage.NONE)).to_numpy(dtype=bool)
    numbers = [
        *("probability", "lower", "upper", "expected_incidents", "baseline_probability"),
        *COLUMNS,
    ]
    out.loc[silent, numbers] = np.nan
    out["drivers"] = [[] if s else d for s, d in zip(silent, out["drivers"], strict=True)]
    out["band"] = [
        str(Band.ABSTAINED if s else band(float(p)))
        for s, p in zip(silent, out["probability"], strict=True)
    ]
    order = out.loc[~silent].sort_values(["probability", "unit_id"], ascending=[False, True])
    rank = pd.Series(np.arange(1, len(order) + 1, dtype=float), index=order.index)
    out["rank"] = rank.reindex(out.index)
    return out


def abstaining(coverage: pd.DataFrame) -> pd.DataFrame:
    """Scores of a bulletin in which every unit abstains.

    Args:
        coverage: `unit_id`, `coverage` and `coverage_says`, one row per unit.

    Returns:
        The same rows with the columns of `banded`: no numbers, no drivers.
    """
    numbers = ["rank", "probability", "lower", "upper", "expected_incidents"]
    out = coverage.assign(**dict.fromkeys([*numbers, *COLUMNS, "baseline_probability"], np.nan))
    drivers: list[list[object]] = [[] for _ in range(len(out))]
    return out.assign(drivers=pd.Series(drivers, index=out.index), band=str(Band.ABSTAINED))
