"""Golden values of the scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import poisson
from sklearn.metrics import average_precision_score, roc_auc_score

from models.metrics import (
    auc,
    average_precision,
    calibration_error,
    crps,
    hits_by_rank,
    precision_at,
    recall_at,
    reliability,
    scores,
    skill,
)

Y = np.array([1, 0, 1, 0])
P = np.array([0.8, 0.6, 0.4, 0.2])


def test_golden_values() -> None:
    got = scores(Y, P, base_rate=0.5, top=(1, 2))
    assert got["average_precision"] == pytest.approx((1 + 2 / 3) / 2)
    assert got["auc"] == pytest.approx(0.75)
    assert got["brier"] == pytest.approx((0.04 + 0.36 + 0.36 + 0.04) / 4)
    assert got["brier_skill"] == pytest.approx(1 - 0.2 / 0.25)
    assert got["log_loss"] == pytest.approx(-np.log([0.8, 0.4, 0.4, 0.8]).mean())
    assert got["precision_at_1"] == 1
    assert got["precision_at_2"] == 0.5


def test_ties_at_the_cut_count_in_proportion() -> None:
    y, p = np.array([1, 0, 0, 0]), np.array([0.5, 0.5, 0.5, 0.1])
    assert precision_at(y, p, 1) == pytest.approx(1 / 3)
    assert precision_at(y, p, 2) == pytest.approx(1 / 3)
    assert precision_at(y, p, 99) == pytest.approx(1 / 4)


def test_ranking_scores_are_missing_without_a_positive() -> None:
    got = scores(np.zeros(4, dtype=np.int64), P, 0.1)
    assert np.isnan(got["average_precision"])
    assert np.isnan(got["auc"])
    assert got["brier"] > 0


def test_calibration_error_is_the_gap_of_the_reliability_table() -> None:
    rng = np.random.default_rng(0)
    p = rng.uniform(0, 1, 40_000)
    y = (rng.random(40_000) < p).astype(np.int64)
    assert calibration_error(y, p) < 0.01
    assert calibration_error(y, np.clip(p + 0.1, 0, 1)) == pytest.approx(0.095, abs=0.01)
    table = reliability(y, p)
    assert table["rows"].sum() == 40_000
    assert table["forecast"].is_monotonic_increasing


def test_skill_without_a_reference_is_missing() -> None:
    assert np.isnan(skill(0.1, 0.0))


def test_recall_is_the_share_of_all_positives_among_the_highest() -> None:
    assert recall_at(Y, P, 1) == 0.5
    assert recall_at(Y, P, 3) == 1.0
    assert recall_at(Y, P, 99) == 1.0
    assert np.isnan(recall_at(np.zeros(4, dtype=np.int64), P, 2))


def test_hits_by_rank_agree_with_precision_at_every_k() -> None:
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 40)
    p = np.round(rng.random(40), 1)
    hits = hits_by_rank(y, p)
    assert hits[0] == 0
    for k in range(1, 41):
        assert hits[k] == pytest.approx(precision_at(y, p, k) * k)


def test_crps_equals_the_integral_of_its_definition() -> None:
    """CRPS = E|X - y| - E|X - X'| / 2 (Gneiting and Raftery 2007), summed by brute force."""
    mean, most = np.array([0.3, 2.0, 6.0]), 60
    k = np.arange(most + 1)
    for y in (0.0, 1.0, 7.0):
        got = crps(poisson.cdf(k, mean[:, None]), np.full(3, y))
        for row, mu in enumerate(mean):
            mass = poisson.pmf(k, mu)
            far = (mass * np.abs(k - y)).sum()
            apart = (mass[:, None] * mass[None, :] * np.abs(k[:, None] - k[None, :])).sum()
            assert got[row] == pytest.approx(far - apart / 2)


def test_crps_of_a_certain_forecast_is_its_error() -> None:
    sure = (np.arange(9) >= 3).astype(float)[None, :]
    assert crps(sure, np.array([3.0]))[0] == 0
    assert crps(sure, np.array([7.0]))[0] == 4


def test_crps_refuses_counts_above_what_was_asked_about() -> None:
    with pytest.raises(ValueError, match="up to 7 incidents"):
        crps(np.ones((1, 5)), np.array([7.0]))


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([-1.5, -0.2, 0.0, 0.7, 2.0])), min_size=2))
def test_quick_ranking_scores_are_scikit_learns_with_ties(rows: list[tuple[bool, float]]) -> None:
    y = np.array([int(happened) for happened, _ in rows] + [0, 1])
    margin = np.array([said for _, said in rows] + [0.1, 0.2])
    assert average_precision(y, margin) == pytest.approx(average_precision_score(y, margin))
    assert auc(y, margin) == pytest.approx(roc_auc_score(y, margin))
