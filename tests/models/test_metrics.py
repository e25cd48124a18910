"""Golden values of the scores."""

from __future__ import annotations

import numpy as np
import pytest

from models.metrics import calibration_error, precision_at, reliability, scores, skill

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
