"""The dispersion is found where it was put, and intervals made of it hold the truth."""

from __future__ import annotations

import numpy as np
import pytest

from models.baselines import logit
from models.dispersion import apart, dispersion

ROWS = 30_000
SHARES = np.array([0.2, 0.3])


def made(sigma: float, seed: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Calibrated log-odds of windows, the true ones, and whether each end saw an incident."""
    rng = np.random.default_rng(seed)
    fixed = rng.normal(-3.0, 1.0, ROWS)
    rate = np.exp(fixed + rng.normal(0, sigma, ROWS))
    ends = (rng.random((ROWS, 2)) < -np.expm1(-rate[:, None] * SHARES)).astype(np.int64)
    forecast = -np.expm1(-np.exp(fixed + sigma**2 / 2))
    return logit(forecast), logit(-np.expm1(-rate)), ends


@pytest.mark.parametrize("sigma", [0.4, 0.7, 1.0])
def test_planted_dispersion_is_recovered(sigma: float) -> None:
    forecast, _, ends = made(sigma)
    assert dispersion(forecast, ends) == pytest.approx(sigma, abs=0.15)


def test_no_dispersion_is_nearly_none() -> None:
    forecast, _, ends = made(0.0)
    assert dispersion(forecast, ends) < 0.3


@pytest.mark.parametrize("seed", [4, 5, 6])
def test_intervals_hold_the_truth_as_often_as_they_say(seed: int) -> None:
    forecast, true, ends = made(0.7, seed)
    held = np.abs(true - forecast) <= 1.645 * dispersion(forecast, ends)
    assert 0.82 <= held.mean() <= 0.97


def test_ends_without_incidents_say_nothing() -> None:
    assert dispersion(np.zeros(50), np.zeros((50, 2), dtype=np.int64)) == 0.0


def test_days_that_share_incidents_count_once_together() -> None:
    day = np.repeat(np.arange(0, 100, 14), 2)
    assert apart(day, 42) == 3 / 8
    assert apart(day, 14) == 1.0


def test_rows_that_are_told_again_say_no_more() -> None:
    """Which of overlapping windows come first must not decide what an interval is."""
    forecast, _, ends = made(0.7)
    few, once = slice(0, 3000), dispersion(forecast[:3000], ends[:3000])
    again = dispersion(np.tile(forecast[few], 6), np.tile(ends[few], (6, 1)), 1 / 6)
    assert again == pytest.approx(once, abs=1e-3)
    # Counted in full, they would outweigh the prior.
    assert abs(dispersion(np.tile(forecast[few], 6), np.tile(ends[few], (6, 1))) - once) > 0.02
