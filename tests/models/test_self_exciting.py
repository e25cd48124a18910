"""The self-exciting model: it finds the rate that made the incidents, and only ever adds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import skops.io
from scipy.optimize import minimize

from models.baselines import logit
from models.self_exciting import LEAST_RATE, POLLING, SelfExciting, remembers

OWN, AROUND, IDLE = "target_decay_90d", "parent_mean_decay_90d", "neighbours_20km_decay_30d"


def made(n: int = 40_000) -> tuple[pd.DataFrame, np.ndarray]:
    """Outcomes of a rate of 0.02 + 0.3 own + 0.5 around; a third count has no part in it."""
    rng = np.random.default_rng(4)
    X = pd.DataFrame(
        {
            OWN: rng.gamma(0.3, 0.5, n),
            AROUND: rng.gamma(0.5, 0.2, n),
            IDLE: rng.gamma(0.5, 0.5, n),
            "fatalities_decay_90d": rng.gamma(0.5, 5.0, n),
            "population": rng.lognormal(9, 1, n),
        }
    )
    rate = 0.02 + 0.3 * X[OWN] + 0.5 * X[AROUND]
    return X, (rng.random(n) < -np.expm1(-rate)).astype(np.int64)


def test_it_finds_the_rate_behind_the_incidents() -> None:
    X, y = made()
    model = SelfExciting().fit(X, y)
    weights = dict(zip(model.columns_, model.weights_[:-1], strict=True))
    assert weights[OWN] == pytest.approx(0.3, abs=0.03)
    assert weights[AROUND] == pytest.approx(0.5, abs=0.07)
    assert weights[IDLE] == pytest.approx(0.0, abs=0.01)
    assert model.weights_[-1] == pytest.approx(0.02, abs=0.004)


def test_it_is_the_likeliest_of_all_rates() -> None:
    """Against a general optimiser that knows nothing of the steps, with unequal weights."""
    X, y = made(3000)
    weight = np.random.default_rng(1).uniform(0.5, 5.0, len(y))
    model = SelfExciting().fit(X, y, sample_weight=weight)
    terms = np.column_stack([X[model.columns_].to_numpy(), np.ones(len(y))])

    def loss(at: np.ndarray) -> float:
        rate = np.maximum(terms @ at, LEAST_RATE)
        return -float(weight @ np.where(y == 1, np.log(-np.expm1(-rate)), -rate))

    start = np.full(terms.shape[1], 0.1)
    bounds = [(0, None)] * len(start)
    found = minimize(loss, start, bounds=bounds, method="L-BFGS-B", options={"ftol": 1e-14})
    ours = loss(model.weights_)
    assert ours == pytest.approx(found.fun, rel=1e-6)
    assert ours <= found.fun * (1 + 1e-7)


def test_only_decayed_counts_of_incidents_are_remembered() -> None:
    X, y = made(2000)
    assert SelfExciting().fit(X, y).columns_ == [OWN, AROUND, IDLE]
    assert not remembers("target_count_365d")
    assert remembers("battle_decay_60d")


def test_more_incidents_never_mean_less_risk() -> None:
    X, y = made(2000)
    model = SelfExciting().fit(X, 1 - y)
    before = model.decision_function(X)
    for column in model.columns_:
        assert (model.decision_function(X.assign(**{column: X[column] + 1})) >= before).all()


def test_contributions_are_shares_of_the_rates_distance_from_the_average() -> None:
    X, y = made(5000)
    model = SelfExciting().fit(X, y)
    table = model.contributions(X)
    np.testing.assert_allclose(table.sum(axis=1), model.decision_function(X), atol=1e-9)
    average = pd.DataFrame([model.centre_[:-1]], columns=model.columns_)
    start = model.contributions(average)
    assert start[model.columns_].to_numpy() == pytest.approx(0.0, abs=1e-9)
    assert table["_intercept"].iloc[0] == pytest.approx(float(model.decision_function(average)[0]))
    twice = average.assign(**{OWN: 2 * average[OWN]})
    alone = model.contributions(twice)[model.columns_].iloc[0]
    assert (alone.drop(OWN) == 0).all()
    assert alone[OWN] > 0


def test_without_a_count_to_remember_it_is_the_base_rate() -> None:
    X, y = made(2000)
    model = SelfExciting().fit(X[["population"]], y)
    assert model.decision_function(X) == pytest.approx(logit(y.mean()), abs=1e-5)


def test_the_same_count_twice_is_no_trouble() -> None:
    X, y = made(2000)
    twice = X.assign(riot_decay_60d=X[OWN], protest_decay_60d=0.0)
    plain, doubled = SelfExciting().fit(X, y), SelfExciting().fit(twice, y)
    np.testing.assert_allclose(
        doubled.decision_function(twice), plain.decision_function(X), atol=1e-3
    )


def voted(boost: float, n: int = 40_000) -> tuple[pd.DataFrame, np.ndarray]:
    """The same country with a polling day in a third of the windows, some with two."""
    rng = np.random.default_rng(5)
    X, _ = made(n)
    X[POLLING] = rng.choice([0.0, 0.0, 0.0, 0.0, 1.0, 2.0], n)
    rate = (0.02 + 0.3 * X[OWN] + 0.5 * X[AROUND]) * (1 + boost * (X[POLLING] > 0))
    return X, (rng.random(n) < -np.expm1(-rate)).astype(np.int64)


def test_it_finds_how_much_more_the_past_weighs_where_people_vote() -> None:
    X, y = voted(1.5)
    model = SelfExciting().fit(X, y)
    quiet, vote = X.assign(**{POLLING: 0.0}), X.assign(**{POLLING: 1.0})
    rise = model.rate(vote) / model.rate(quiet)
    busy = (X[OWN] > X[OWN].quantile(0.9)).to_numpy()
    assert rise.mean() == pytest.approx(2.5, abs=0.25)
    assert rise[busy].mean() == pytest.approx(2.5, abs=0.25)
    always = dict(zip(model.columns_, model.weights_, strict=False))
    assert always[OWN] == pytest.approx(0.3, abs=0.03)
    np.testing.assert_array_equal(model.rate(X.assign(**{POLLING: 2.0})), model.rate(vote))


def test_it_is_the_likeliest_of_all_rates_where_people_vote_too() -> None:
    X, y = voted(1.5, 3000)
    model = SelfExciting().fit(X, y)
    always = np.column_stack([X[model.columns_].to_numpy(), np.ones(len(y))])
    terms = np.hstack([always, always * (X[[POLLING]].to_numpy() > 0)])

    def loss(at: np.ndarray) -> float:
        rate = np.maximum(terms @ at, LEAST_RATE)
        return -float(np.where(y == 1, np.log(-np.expm1(-rate)), -rate).sum())

    start = np.full(terms.shape[1], 0.1)
    bounds = [(0, None)] * len(start)
    found = minimize(loss, start, bounds=bounds, method="L-BFGS-B", options={"ftol": 1e-14})
    ours = loss(np.concatenate([model.weights_, model.more_]))
    assert ours == pytest.approx(found.fun, rel=1e-6)


def test_a_polling_day_never_means_less_risk() -> None:
    X, y = voted(-0.6)
    model = SelfExciting().fit(X, y)
    assert model.more_ == pytest.approx(0.0, abs=1e-3)


def test_violence_in_election_windows_alone_leaves_a_number_elsewhere() -> None:
    X, _ = voted(0.0)
    model = SelfExciting().fit(X, (X[POLLING] > 0).to_numpy().astype(np.int64))
    assert np.isfinite(model.decision_function(X)).all()
    assert (model.rate(X.assign(**{POLLING: 0.0})) < 0.01).all()


def test_without_a_polling_day_it_is_the_same_as_without_a_calendar() -> None:
    X, y = made(5000)
    plain, blind = SelfExciting().fit(X, y), X.assign(**{POLLING: 0.0})
    same = SelfExciting().fit(blind, y)
    np.testing.assert_array_equal(same.decision_function(blind), plain.decision_function(X))
    assert (same.contributions(blind)[POLLING] == 0).all()
    assert POLLING not in plain.contributions(X)


def test_what_a_polling_day_adds_is_a_contribution_of_its_own() -> None:
    X, y = voted(1.5, 5000)
    model = SelfExciting().fit(X, y)
    table = model.contributions(X)
    np.testing.assert_allclose(table.sum(axis=1), model.decision_function(X), atol=1e-9)
    vote = (X[POLLING] > 0).to_numpy()
    assert (table[POLLING][vote] > 0).all()
    assert (table[POLLING][~vote] < 0).all()
    always = X.assign(**{POLLING: 1.0})
    assert (SelfExciting().fit(always, y).contributions(always)[POLLING] == 0).all()


def test_a_model_from_before_the_calendar_scores_as_it_did() -> None:
    X, y = made(2000)
    model = SelfExciting().fit(X, y)
    state = dict(vars(model))
    for name in ("more_", "votes_", "vote_centre_"):
        del state[name]
    state |= {
        "weights_": model.weights_[:-1],
        "constant_": float(model.weights_[-1]),
        "centre_": model.centre_[:-1],
    }
    kept = SelfExciting()
    vars(kept).update(state)
    old = skops.io.loads(skops.io.dumps(kept), trusted=["models.self_exciting.SelfExciting"])
    voting = X.assign(**{POLLING: 1.0})
    np.testing.assert_array_equal(old.decision_function(voting), model.decision_function(X))
    pd.testing.assert_frame_equal(old.contributions(voting), model.contributions(X))
