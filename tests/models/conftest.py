"""Examples with a known cause."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from models.baselines import BASELINE_COLUMNS
from models.examples import Examples
from models.recurrence import COLUMNS as RECURRENCE


def make_examples(seed: int = 0, days: int = 120, units: int = 100) -> Examples:
    """Counts driven by last year's count; a noise column and one that is always missing."""
    rng = np.random.default_rng(seed)
    n = days * units
    year = rng.gamma(0.5, 2.0, n)
    X = pd.DataFrame({name: rng.poisson(0.5, n).astype(float) for name in BASELINE_COLUMNS})
    X["target_count_365d"] = np.round(year)
    X["parent_mean_count_365d"] = np.round(year / 2, 1)
    X["noise"] = rng.normal(size=n)
    X["missing"] = np.nan
    other = np.random.default_rng(seed + 1)
    X[RECURRENCE[0]], X[RECURRENCE[1]] = other.gamma(0.1, 1.0, n), other.gamma(0.1, 1.0, n)
    X[RECURRENCE[2]] = np.repeat(other.gamma(0.1, 1.0, days), units)
    X["country_units_count"] = float(units)
    X["country_median_area_ratio"] = other.lognormal(size=n)
    rate = np.exp(-3 + 0.9 * np.log1p(year) + 0.8 * (X["target_count_84d"] > 0))
    counts = rng.poisson(rate).astype(float)
    return Examples(
        X.astype(np.float32),
        counts,
        np.repeat(np.arange(days) * 28, units),
        np.tile(np.arange(units), days),
        rng.multinomial(counts.astype(int), [0.25, 0.25, 0.5])[:, :2].astype(float),
    )


@pytest.fixture(scope="session")
def data() -> Examples:
    return make_examples()
