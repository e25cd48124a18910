"""The dispersion is found where it was put, and is nothing where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from models.dispersion import apart, dispersion, fit_dispersion


@pytest.mark.parametrize("sigma", [0.0, 0.5, 1.0])
def test_planted_dispersion_is_recovered(sigma: float) -> None:
    rng = np.random.default_rng(4)
    units, days = 800, 20
    own = rng.normal(0, sigma, units)
    fixed = rng.normal(-1.5, 1.0, (days, units))
    y = (rng.random((days, units)) < 1 / (1 + np.exp(-(fixed + own)))).astype(np.int64)
    # What a calibrated forecast that knows nothing of `own` would say.
    forecast = fixed / np.sqrt(1 + 0.346 * sigma**2)
    group = np.tile(np.arange(units), days)
    got = fit_dispersion(forecast.ravel(), y.ravel(), group)
    assert got == pytest.approx(sigma, abs=0.12)


def test_intervals_of_a_forecast_that_misses_units_and_days_hold_the_truth() -> None:
    rng = np.random.default_rng(8)
    units, days = 600, 24
    feud = np.repeat(rng.normal(0, 0.6, (days // 2, units)), 2, axis=0)
    common = rng.normal(0, 0.3, (days, 1))
    fixed = rng.normal(-1.5, 1.0, (days, units))
    true = fixed + feud + common
    y = (rng.random((days, units)) < 1 / (1 + np.exp(-true))).astype(np.int64)
    forecast = fixed / np.sqrt(1 + 0.346 * (0.6**2 + 0.3**2))
    unit, day = np.tile(np.arange(units), days), np.repeat(np.arange(days) * 42, units)
    sigma = dispersion(forecast.ravel(), y.ravel(), day, unit)
    held = np.abs(true - forecast) <= 1.645 * sigma
    assert 0.85 <= held.mean() <= 0.95


def test_days_that_share_incidents_are_left_out() -> None:
    day = np.repeat(np.arange(0, 100, 14), 2)
    assert sorted(set(day[apart(day, 42)])) == [0, 42, 84]
