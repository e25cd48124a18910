"""Behaviour that every model of the zoo must show, and some that only one does."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd
import pytest

from features.errors import ConfigError
from models.bagging import Bagged, kept, sampled
from models.baselines import BASELINES, CountScore, logit
from models.calibration import Calibrator, fit_calibrator
from models.estimators import BoostedTrees, SignedLogLogistic
from models.examples import Examples
from models.forecaster import Forecaster, fit_forecaster
from models.zoo import ZOO, entry

CALIBRATOR = Calibrator(0.1, 0.9)


def fitted(kind: str, data: Examples, calibrator: Calibrator = CALIBRATOR) -> Forecaster:
    return fit_forecaster(kind, data, calibrator, 0.3, list(data.X.columns), seed=7)


@pytest.fixture(scope="module")
def zoo(data: Examples) -> Callable[[str], Forecaster]:
    """Every model fitted to the same examples, once: some take seconds."""
    return cache(lambda kind: fitted(kind, data))


@pytest.mark.parametrize("kind", list(ZOO))
def test_scores_are_probabilities_with_intervals_around_them(
    kind: str, data: Examples, zoo: Callable[[str], Forecaster]
) -> None:
    scores = zoo(kind).forecast(data.X.iloc[:300])
    assert scores["probability"].between(0, 1).all()
    assert (scores["lower"] <= scores["probability"]).all()
    assert (scores["probability"] <= scores["upper"]).all()
    assert (scores["expected_incidents"] >= scores["probability"]).all()


def test_predictive_distribution_has_the_mean_and_the_chance_of_none(
    data: Examples, zoo: Callable[[str], Forecaster]
) -> None:
    X, forecaster = data.X.iloc[:50], zoo("count_365d")
    distribution = forecaster.cumulative(X, 300)
    said = forecaster.forecast(X)
    np.testing.assert_allclose(distribution[:, 0], 1 - said["probability"])
    assert (np.diff(distribution, axis=1) >= -1e-12).all()
    mean = (1 - distribution).sum(axis=1)
    np.testing.assert_allclose(mean, said["expected_incidents"], rtol=1e-6)


@pytest.mark.parametrize("kind", list(ZOO))
def test_contributions_sum_to_the_logit(
    kind: str, data: Examples, zoo: Callable[[str], Forecaster]
) -> None:
    forecaster, X = zoo(kind), data.X.iloc[:200]
    total = forecaster.contributions(X).sum(axis=1)
    np.testing.assert_allclose(total, logit(forecaster.probability(X)), atol=2e-5)


@pytest.mark.parametrize("kind", list(ZOO))
def test_same_seed_same_scores(kind: str, data: Examples, zoo: Callable[[str], Forecaster]) -> None:
    X = data.X.iloc[:100]
    pd.testing.assert_frame_equal(zoo(kind).forecast(X), fitted(kind, data).forecast(X))


@pytest.mark.parametrize(
    "kind", ["xgboost", "logistic", "average", "count_365d", "count_365d_parent_mean"]
)
def test_more_past_violence_means_more_risk(
    kind: str, data: Examples, zoo: Callable[[str], Forecaster]
) -> None:
    quiet = data.X.iloc[:50].copy()
    violent = quiet.copy()
    columns = ["target_count_84d", "target_count_365d", "parent_mean_count_365d"]
    quiet[columns], violent[columns] = 0.0, 12.0
    model = zoo(kind)
    assert (model.probability(violent) > model.probability(quiet) + 0.1).all()


@pytest.mark.parametrize("kind", ["xgboost", "logistic", "average"])
def test_models_find_what_the_baselines_leave(kind: str, data: Examples) -> None:
    from sklearn.metrics import average_precision_score

    train, test = data.on(np.arange(0, 90) * 28), data.on(np.arange(90, 120) * 28)
    best = max(
        average_precision_score(test.y, fitted(b, train).probability(test.X)) for b in BASELINES
    )
    assert average_precision_score(test.y, fitted(kind, train).probability(test.X)) > best


def test_base_rate_and_zero_are_what_they_say(data: Examples) -> None:
    identity = Calibrator()
    rate = fitted("base_rate", data, identity).probability(data.X)
    assert rate == pytest.approx(data.y.mean(), abs=0.02)
    assert fitted("zero", data, identity).probability(data.X).max() < 1e-5
    assert not entry("zero").calibrated


def test_count_score_never_falls_with_violence() -> None:
    X = pd.DataFrame({"a": [0.0, 1, 2, 3, 4, 5] * 20})
    falling = np.array([1, 1, 1, 0, 0, 0] * 20)
    p = CountScore(("a",)).fit(X, falling).predict_proba(X)[:, 1]
    assert p == pytest.approx(0.5, abs=1e-6)


def test_unknown_model_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="crystal_ball"):
        entry("crystal_ball")


def test_every_half_year_is_left_out_whole_by_one_member() -> None:
    day = np.repeat(np.arange(0, 2000, 14), 3)
    rows = kept(day, 4)
    block = day // 182
    for b in set(block):
        left_out = ~rows[:, block == b]
        assert left_out.all(axis=1).sum() == 1
        assert left_out.sum() == (block == b).sum()
    assert kept(day, 1).all()


def test_jackknife_standard_error_is_that_of_the_mean() -> None:
    """For a constant in log-odds the error is known: that of the log-odds of a share."""
    rng = np.random.default_rng(2)
    y = (rng.random(6000) < 0.3).astype(np.int64)
    X = pd.DataFrame({"x": np.zeros(6000)})
    blocks = np.repeat(np.arange(60) * 182, 100)
    model = Bagged(entry("base_rate").estimator, 60, 7).fit(X, y, blocks, np.ones(6000))
    share = y.mean()
    known = 1 / np.sqrt(6000 * share * (1 - share))
    assert model.standard_error(X.iloc[:1])[0] == pytest.approx(known, rel=0.25)


def test_members_differ_so_that_intervals_have_width(data: Examples) -> None:
    model = Bagged(entry("logistic").estimator, 4, 7).fit(data.X, data.y, data.day, data.risk)
    assert model.member_margins(data.X.iloc[:20]).std(axis=0).min() > 0


def test_calibrator_mends_a_margin_that_is_too_sure() -> None:
    rng = np.random.default_rng(0)
    true = rng.normal(-2, 1.5, 20_000)
    y = (rng.random(20_000) < 1 / (1 + np.exp(-true))).astype(np.int64)
    calibrator = fit_calibrator(2 * true + 1, y, np.zeros(len(y)))
    assert calibrator.slope == pytest.approx(0.5, abs=0.03)
    assert calibrator.offset == pytest.approx(-0.5, abs=0.08)


def test_calibrator_hardly_moves_margins_with_few_positives() -> None:
    y = np.r_[np.ones(2), np.zeros(58)].astype(np.int64)
    got = fit_calibrator(np.linspace(-3.5, -2.5, 60), y, np.zeros(60))
    assert got.slope == pytest.approx(1, abs=0.25)
    assert got.offset == pytest.approx(0, abs=0.5)
    nothing = fit_calibrator(np.zeros(0), np.zeros(0, dtype=np.int64), np.zeros(0))
    assert (nothing.offset, nothing.slope) == pytest.approx((0, 1))


def test_calibrator_follows_the_level_of_late() -> None:
    rng = np.random.default_rng(1)
    age = np.repeat([1000.0, 0.0], 10_000)
    rate = np.where(age > 0, 0.05, 0.2)
    y = (rng.random(20_000) < rate).astype(np.int64)
    got = fit_calibrator(np.full(20_000, -2.0), y, age)
    assert 1 / (1 + np.exp(-got(np.array([-2.0])))) == pytest.approx(0.2, abs=0.02)


EVEN = np.full(1000, 0.02)


def test_sampling_keeps_positives_and_weighs_the_rest_back() -> None:
    y = (np.arange(1000) % 50 == 0).astype(np.int64)
    use = np.arange(1000) < 900
    rows, weight = sampled(y, use, EVEN, 10.0, seed=3)
    assert rows[use & (y == 1)].all()
    assert not rows[~use].any()
    assert (y[rows] == 0).sum() == 10 * y[use].sum()
    assert weight.sum() == pytest.approx(use.sum())
    again, _ = sampled(y, use, EVEN, 10.0, seed=3)
    other, _ = sampled(y, use, EVEN, 10.0, seed=4)
    assert (rows == again).all()
    assert (rows != other).any()


def test_rows_at_risk_are_drawn_more_often_and_none_weighs_twice_an_even_draw() -> None:
    rng = np.random.default_rng(6)
    risk = rng.beta(0.3, 6.0, 20_000) + 1e-6
    y = (rng.random(20_000) < risk).astype(np.int64)
    rows, weight = sampled(y, np.ones(len(y), dtype=bool), risk, 3.0, seed=1)
    drawn, quiet = rows & (y == 0), risk < 0.01
    assert drawn[~quiet].sum() / (~quiet & (y == 0)).sum() > 2 * drawn[quiet].mean()
    even = (y == 0).sum() / drawn.sum()
    assert weight.max() < 2.02 * even
    assert weight.min() >= 0.98


def test_what_is_drawn_stands_for_all_better_than_an_even_draw_does() -> None:
    """The weighted draw has the expected number of positives of all rows, time after time."""
    rng = np.random.default_rng(8)
    risk = rng.beta(0.3, 6.0, 20_000) + 1e-6
    y = (rng.random(20_000) < risk).astype(np.int64)
    every, negative = np.ones(len(y), dtype=bool), y == 0

    def estimates(by: np.ndarray) -> np.ndarray:
        found = []
        for seed in range(40):
            rows, weight = sampled(y, every, by, 3.0, seed)
            found.append((weight * risk[rows])[y[rows] == 0].sum())
        return np.array(found) / risk[negative].sum()

    by_risk, evenly = estimates(risk), estimates(rng.permutation(risk))
    assert by_risk.mean() == pytest.approx(1, abs=0.002)
    assert evenly.mean() == pytest.approx(1, abs=0.02)
    assert by_risk.std() < 0.2 * evenly.std()


def test_rows_that_are_certain_to_be_drawn_weigh_one() -> None:
    """So few others are as much at risk that all of them are wanted."""
    risk = np.r_[np.full(5, 0.9), np.full(995, 1e-5)]
    y = np.r_[np.zeros(990), np.ones(10)].astype(np.int64)
    rows, weight = sampled(y, np.ones(1000, dtype=bool), risk, 2.0, seed=2)
    assert rows[:5].all()
    assert weight[:5] == pytest.approx(1, abs=0.1)
    assert (y[rows] == 0).sum() == 20


def test_nothing_is_sampled_where_negatives_are_few() -> None:
    y = np.array([0, 1, 0, 1, 1, 0])
    use = np.array([True] * 5 + [False])
    rows, weight = sampled(y, use, np.full(6, 0.5), 10.0, seed=3)
    assert (rows == use).all()
    assert (weight == 1).all()


def test_count_score_on_totals_is_the_fit_on_rows() -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(5)
    X = pd.DataFrame({"a": rng.poisson(1.0, 4000).astype(float)})
    y = (rng.random(4000) < 0.1 + 0.1 * (X["a"] > 0)).astype(np.int64)
    weight = rng.uniform(0.5, 2.0, 4000)
    by_rows = LogisticRegression(C=1e3).fit(np.log1p(X), y, sample_weight=weight)
    fitted = CountScore(("a",)).fit(X, y, sample_weight=weight)
    assert fitted.slope_ == pytest.approx(float(by_rows.coef_[0, 0]), abs=1e-3)
    assert fitted.offset_ == pytest.approx(float(by_rows.intercept_[0]), abs=1e-3)


def test_a_feature_that_never_varied_in_training_says_nothing_later(data: Examples) -> None:
    X = data.X.assign(constant=np.float32(0.1))
    weight = np.random.default_rng(3).uniform(0.5, 9.0, len(X))
    model = SignedLogLogistic().fit(X, data.y, sample_weight=weight)
    later = X.iloc[:50].assign(constant=np.float32(7.0))
    assert (model.decision_function(later) == model.decision_function(X.iloc[:50])).all()


def test_a_feature_that_hardly_varied_does_not_rule(data: Examples) -> None:
    rare = np.zeros(len(data.X), dtype=np.float32)
    rare[np.flatnonzero(data.y)[0]] = 1e-3
    X = data.X.assign(rare=rare)
    model = SignedLogLogistic().fit(X, data.y)
    later = X.iloc[:50].assign(rare=np.float32(5.0))
    moved = model.decision_function(later) - model.decision_function(X.iloc[:50])
    assert np.abs(moved).max() < 3


def test_trees_learn_from_few_positives(data: Examples) -> None:
    from sklearn.metrics import roc_auc_score

    few = data.on(np.arange(0, 8) * 28)
    assert few.y.sum() < 150
    model = BoostedTrees().fit(few.X, few.y)
    later = data.on(np.arange(40, 80) * 28)
    assert roc_auc_score(later.y, model.decision_function(later.X)) > 0.55


def test_what_mlflow_serves_is_the_probability(data: Examples) -> None:
    made = fit_forecaster("count_365d", data, Calibrator(), 0.3, list(data.X.columns), 7)
    assert (made.predict(data.X) == made.probability(data.X)).all()
    assert len(np.unique(made.predict(data.X))) > 2  # not class labels
