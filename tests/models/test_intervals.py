"""Intervals against groups: what is caught, and what is not."""

from __future__ import annotations

import numpy as np

from models.intervals import COLUMNS, group_coverage


def held(spread: float, reach: float, seed: int = 0) -> tuple[float, float]:
    """Share of groups held, over many windows whose true level strays by `spread` in log-odds."""
    rng = np.random.default_rng(seed)
    shares = []
    for _ in range(60):
        margin = rng.normal(-1, 1, 400)
        truth = 1 / (1 + np.exp(-(margin + rng.normal(0, spread))))
        y = (rng.random(400) < truth).astype(np.int64)
        low, p, high = (1 / (1 + np.exp(-(margin + d))) for d in (-reach, 0, reach))
        table = group_coverage(y, p, low, high, level=0.9)
        shares.append((table["held"].mean(), table["held_as_points"].mean()))
    one, other = np.mean(shares, axis=0)
    return float(one), float(other)


def test_wide_enough_intervals_hold_and_points_do_not() -> None:
    intervals, points = held(spread=0.8, reach=1.645 * 0.8)
    assert intervals > 0.9
    assert points < 0.7


def test_too_narrow_intervals_are_shown_to_be() -> None:
    intervals, _ = held(spread=1.2, reach=0.2)
    assert intervals < 0.7


def test_exact_forecasts_need_no_interval() -> None:
    _, points = held(spread=0.0, reach=0.5)
    assert points > 0.88


def test_one_group_by_hand() -> None:
    y = np.array([1, 0, 0, 0])
    p = np.full(4, 0.25)
    (row,) = group_coverage(y, p, p - 0.1, p + 0.1, 0.9, groups=1).to_dict("records")
    assert list(row) == list(COLUMNS)
    assert (row["rows"], row["observed"], row["held"]) == (4, 0.25, True)
    none = group_coverage(np.ones(4, dtype=np.int64), p, p, p, 0.9, groups=1)
    assert not none["held"].iloc[0]
