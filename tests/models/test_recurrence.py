"""The model for rare targets: what it takes from elsewhere, what it learns, what it must not."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.optimize import approx_fprime
from scipy.stats import gamma, nbinom

from models import recurrence
from models.bagging import Bagged
from models.baselines import expit
from models.recurrence import CLUMPING, COLUMNS, USUAL, Recurrence, log_odds
from models.zoo import own_columns

OWN, PARENT, COUNTRY, UNITS, RATIO = COLUMNS
QUIET = {OWN: 0.0, PARENT: 0.0, COUNTRY: 0.02, UNITS: 100.0, RATIO: 1.0}


def units(**columns: list[float]) -> pd.DataFrame:
    n = max(len(v) for v in columns.values()) if columns else 1
    return pd.DataFrame({name: [value] * n for name, value in QUIET.items()} | columns)


def untaught() -> Recurrence:
    """A model that has seen nothing: its priors alone."""
    return Recurrence().fit(units().iloc[:0], np.zeros(0))


def rounds(
    seed: int = 0, level: float = 1.0, power: float = 0.5, number: int = 60
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Rounds of countries with 100 units, drawn as the model believes, `level` times as bad."""
    rng = np.random.default_rng(seed)
    X = pd.concat([units(**{RATIO: list(rng.lognormal(size=100))})] * number, ignore_index=True)
    X[OWN] = rng.poisson(0.02, len(X)).astype(float)
    day = np.repeat(np.arange(number) * 90, 100)
    X[COUNTRY] = X.groupby(day)[OWN].transform("mean").to_numpy()
    model = untaught()
    model.power_ = power
    rate = np.exp(_log_rate(model, X)) * level
    factor = np.repeat(rng.gamma(CLUMPING, 1 / CLUMPING, number), 100)
    return X, (rng.random(len(X)) < -np.expm1(-factor * rate)).astype(int), day


def _log_rate(model: Recurrence, X: pd.DataFrame) -> np.ndarray:
    parts = model._parts(X)
    rate = parts.here + parts.around + parts.where(model.power_)
    relative = np.log(rate) + parts.log_units - parts.log_total
    total = model.level_ * parts.log_total - parts.log_units
    return np.asarray(model.offset_ + model.slope_ * relative + total)


def test_without_examples_it_says_what_the_rest_of_the_world_says() -> None:
    model = untaught()
    assert (model.offset_, model.slope_, model.level_, model.power_) == pytest.approx(USUAL)
    # A hundred equal units and two incidents: so many units struck as elsewhere.
    all_units = model.predict_proba(units(**{OWN: [0.0] * 98 + [1.0] * 2}))[:, 1]
    expected = np.exp(USUAL[0]) * (2 + recurrence.UNSEEN) ** USUAL[2]
    assert 0.4 * expected < all_units.sum() < expected


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ({OWN: [1.0]}, {PARENT: [1.0]}),
        ({PARENT: [0.2]}, {PARENT: [0.0]}),
        ({RATIO: [8.0]}, {RATIO: [0.5]}),
        ({UNITS: [30.0], COUNTRY: [0.2]}, {UNITS: [600.0], COUNTRY: [0.01]}),
    ],
)
def test_ranks_own_past_then_the_area_then_towns(
    here: dict[str, list[float]], there: dict[str, list[float]]
) -> None:
    model = untaught()
    assert model.decision_function(units(**here)) > model.decision_function(units(**there))


def test_an_unknown_area_is_taken_for_the_median() -> None:
    model = untaught()
    known, unknown = (model.decision_function(units(**{RATIO: [v]}))[0] for v in (1.0, np.nan))
    assert known == unknown


def test_margin_is_the_formula() -> None:
    X, y, day = rounds(1)
    model = Recurrence().fit(X, y, day=day)
    np.testing.assert_allclose(model.decision_function(X), log_odds(_log_rate(model, X)), atol=1e-9)


def test_probabilities_are_those_of_a_negative_binomial_count() -> None:
    mean = np.array([1e-4, 0.3, 5.0, 80.0])
    none = nbinom.pmf(0, CLUMPING, CLUMPING / (CLUMPING + mean))
    np.testing.assert_allclose(expit(log_odds(np.log(mean))), 1 - none, rtol=1e-9)


def test_likelihood_of_rounds_is_the_integral_and_its_slope_the_difference() -> None:
    mean = np.array([0.02, 0.3, 0.01, 0.05])
    struck, round_ = np.array([True, False, False, False]), np.array([0, 0, 1, 1])
    weight = np.ones(4)

    def value(log_mean: np.ndarray) -> float:
        return recurrence._rounds_likelihood(np.exp(log_mean), struck, weight, round_)[0]

    def chance(factor: float) -> float:
        return float(-np.expm1(-factor * 0.02) * np.exp(-factor * 0.3))

    density = gamma(CLUMPING, scale=1 / CLUMPING).pdf
    first = quad(lambda g: chance(g) * density(g), 0, np.inf)[0]
    second = (1 + 0.06 / CLUMPING) ** -CLUMPING
    assert value(np.log(mean)) == pytest.approx(np.log(first * second), abs=2e-3)
    found = recurrence._rounds_likelihood(mean, struck, weight, round_)[1]
    np.testing.assert_allclose(found, approx_fprime(np.log(mean), value, 1e-6), atol=1e-4)


def test_learns_smallness_and_level_from_many_rounds() -> None:
    usual = Recurrence().fit(*_of(rounds(2, number=600)))
    towns = Recurrence().fit(*_of(rounds(2, power=1.2, number=600)))
    worse = Recurrence().fit(*_of(rounds(2, level=4.0, number=600)))
    assert usual.power_ == pytest.approx(0.5, abs=0.25)
    assert towns.power_ > usual.power_ + 0.3
    assert worse.offset_ > usual.offset_ + 0.5


def _of(made: tuple[pd.DataFrame, np.ndarray, np.ndarray]) -> tuple[object, ...]:
    X, y, day = made
    return X, y, None, day


def test_one_bad_round_is_one_piece_of_news() -> None:
    """Thirty units struck in one round move the level less than thirty that are news each."""
    X, y, day = rounds(3, number=40)
    y[:] = 0
    y[:30] = 1
    clumped = Recurrence().fit(X, y, day=day)
    each = Recurrence().fit(X, y, day=np.arange(len(y)))
    away = [abs(model.offset_ - USUAL[0]) for model in (clumped, each)]
    assert away[0] < away[1] - 0.1


def test_days_reach_the_members_of_an_average() -> None:
    X, y, day = rounds(4)
    averaged = Bagged(Recurrence(), 1, 7).fit(X, y, day, np.ones(len(y)))
    alone = Recurrence().fit(X, y, day=day)
    assert (averaged.decision_function(X) == alone.decision_function(X)).all()
    assert Recurrence().fit(X, y).offset_ != alone.offset_


def test_its_features_are_asked_for_whatever_a_pack_chooses() -> None:
    assert own_columns(("recurrence", "logistic")) == COLUMNS


@pytest.mark.real_data
def test_the_constants_are_what_the_rest_of_the_world_said_in_1999(
    shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = Path(__file__).parents[1] / "fit_recurrence.py"
    spec = importlib.util.spec_from_file_location("fit_recurrence", file)
    assert spec
    assert spec.loader
    fitter = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, fitter)
    spec.loader.exec_module(fitter)
    day = "1999-01-01"
    every = fitter.rounds(shared_data / "west_africa", until=day)
    found = fitter.constants([r for r in every if r.known <= pd.Timestamp(day)])
    for name in ("HERE", "AROUND", "COUNTRY", "UNSEEN", "CLUMPING"):
        assert found[name] == pytest.approx(getattr(recurrence, name), abs=0.011), name
    assert found["offset"] == pytest.approx(USUAL[0], abs=0.011)
    assert found["level"] == pytest.approx(USUAL[2], abs=0.011)
