"""Training: what is held out, what is refused, what is promoted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from features.errors import ConfigError, TooFewPositivesError
from features.horizon import Horizon
from features.registry import FEATURES
from models.baselines import BASELINES, CountScore
from models.development import RECALIBRATED_EVERY_DAYS, Development, develop, judged
from models.drivers import drivers, wording
from models.examples import Examples
from models.forecaster import Forecaster
from models.promotion import judge
from models.zoo import ZOO, Entry


def trained(data: Examples, **changes: object) -> Development:
    options: dict[str, object] = {
        "features": list(data.X.columns),
        "horizon": Horizon(0, 42),
        "settle_days": 14,
        "blocks": [],
        "folds": 3,
        "fold_days": 365,
        "min_positives": 50,
        "today": int(data.day.max()) + 56,
        "seed": 7,
        "progress": lambda _: None,
    }
    return develop(data, ("logistic",), **(options | changes))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def plainly(data: Examples) -> Development:
    """What comes of the examples as they are."""
    return trained(data)


def test_every_baseline_is_fitted_and_scored_beside_the_candidate(plainly: Development) -> None:
    development = plainly
    assert set(development.forecasters) == {"logistic", *BASELINES}
    assert set(development.table.index) == set(development.forecasters)
    assert development.best_baseline in BASELINES
    assert judge(development.table).promoted == "logistic"


def test_first_fold_calibrates_and_is_not_judged(plainly: Development) -> None:
    held_out = plainly.held_out["logistic"]
    first = np.isnan(held_out.probability)
    assert first.any()
    assert held_out.day[first].max() < held_out.day[~first].min()
    assert len(judged(held_out).y) == (~first).sum()


class Broken(CountScore):
    """A count that is no number now and then."""

    def decision_function(self, X: pd.DataFrame) -> np.ndarray:
        margin = super().decision_function(X)
        return np.where(np.arange(len(margin)) == 3, np.nan, margin)


def test_a_model_whose_forecasts_are_no_numbers_is_refused_and_stops_nothing(
    data: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing score would be sorted above all others, and rank best."""
    broken = Entry(Broken(("target_count_365d",)), 1, "breaks")
    monkeypatch.setitem(ZOO, "logistic", broken)
    table = trained(data).table
    assert table.loc["logistic"].isna().all()
    assert judge(table).promoted in BASELINES
    assert table.drop(index="logistic")["brier"].notna().all()


def test_held_out_forecasts_ignore_later_labels(data: Examples, plainly: Development) -> None:
    """Mutating labels of the last year must not move forecasts for the years before it."""
    last_year = data.day >= data.day.max() - 365
    counts = data.counts.copy()
    counts[last_year] = 9.0
    plain = plainly.held_out["logistic"]
    changed = trained(replace(data, counts=counts)).held_out["logistic"]
    earlier = plain.day < data.day.max() - 365 - 42 - 14 - 365
    assert earlier.any()
    assert plain.margin[earlier].tobytes() == changed.margin[earlier].tobytes()


def test_too_few_positives_are_refused_with_their_number(data: Examples) -> None:
    with pytest.raises(TooFewPositivesError, match="at least 100000 positives"):
        trained(data, min_positives=100_000)


def test_too_short_a_period_is_refused(data: Examples) -> None:
    short = data.on(np.arange(0, 5) * 28)
    with pytest.raises(ConfigError, match="held-out fold"):
        trained(short, min_positives=1)


def test_calibration_of_a_fold_knows_only_windows_known_by_then(
    data: Examples, plainly: Development
) -> None:
    """Mutating windows that end after the last fold starts must not move its probabilities."""
    plain = plainly.held_out["logistic"]
    start = plain.day.max() - 365
    counts = data.counts.copy()
    counts[data.day + 42 + 14 >= start - 60] = 9.0
    changed = trained(replace(data, counts=counts)).held_out["logistic"]
    middle = plain.day < start - 60
    middle &= ~np.isnan(plain.probability)
    assert middle.any()
    assert plain.probability[middle].tobytes() == changed.probability[middle].tobytes()


def test_a_held_out_year_is_calibrated_on_what_settled_during_it(
    data: Examples, plainly: Development
) -> None:
    """Mutating windows of a held-out year moves its later probabilities, and those alone."""
    plain = plainly.held_out["logistic"]
    start = int(plain.day.max()) - 365
    counts = data.counts.copy()
    changed_days = (data.day >= start) & (data.day < start + 60)
    counts[changed_days] = 9.0
    changed = trained(replace(data, counts=counts)).held_out["logistic"]
    same = plain.probability == changed.probability
    known_from = start + 42 + 14
    judged_rows = ~np.isnan(plain.probability)
    assert (same | ~judged_rows)[plain.day < known_from].all()
    late = plain.day >= start + 60 + 42 + 14 + RECALIBRATED_EVERY_DAYS
    assert late.any()
    assert not same[late].any()


def test_models_of_held_out_time_are_as_fresh_as_those_shown(data: Examples) -> None:
    """Where violence rises, a fit of a year ago says too little, and one of now must not pay."""
    rng = np.random.default_rng(11)
    share = 0.1 + 0.9 * (data.day - data.day.min()) / (data.day.max() - data.day.min())
    rising = replace(data, counts=np.where(rng.random(len(data.day)) < share, data.counts, 0.0))
    newest = rising.day >= rising.day.max() - 182
    stale = trained(rising).forecasters["logistic"]
    fresh = trained(rising, folds=12, fold_days=91).forecasters["logistic"]

    def excess(forecaster: Forecaster) -> float:
        return float(forecaster.probability(rising.X[newest]).mean() / rising.y[newest].mean())

    assert abs(np.log(excess(fresh))) < abs(np.log(excess(stale)))
    assert stale.calibrator.offset > fresh.calibrator.offset


def test_no_positive_on_held_out_days_ships_a_baseline_and_says_why() -> None:
    nan = float("nan")
    verdict = judge(table(xgboost=(nan, 0.02), count_365d=(nan, 0.03), base_rate=(nan, 0.01)))
    assert verdict.promoted == "base_rate"
    assert "no held-out day" in verdict.refused[0]


def table(**rows: tuple[float, float]) -> pd.DataFrame:
    return pd.DataFrame.from_dict(
        rows, orient="index", columns=["average_precision", "brier"]
    ).sort_values("average_precision", ascending=False)


def test_challenger_that_loses_to_a_baseline_is_refused_with_reasons() -> None:
    verdict = judge(table(xgboost=(0.40, 0.02), count_365d=(0.45, 0.03), base_rate=(0.1, 0.05)))
    assert verdict.promoted == "count_365d"
    assert "0.400" in verdict.refused[0]
    assert "0.450" in verdict.refused[0]


def test_challenger_with_a_worse_brier_score_is_refused() -> None:
    verdict = judge(table(xgboost=(0.50, 0.04), count_365d=(0.45, 0.03)))
    assert verdict.promoted == "count_365d"
    assert "Brier" in verdict.refused[0]


def test_the_next_candidate_is_promoted_when_the_first_is_refused() -> None:
    verdict = judge(table(xgboost=(0.50, 0.04), logistic=(0.48, 0.02), count_365d=(0.45, 0.03)))
    assert verdict.promoted == "logistic"
    assert all("xgboost" in reason for reason in verdict.refused)


def test_an_average_goes_before_its_parts_and_behind_what_is_no_part() -> None:
    better = {"logistic": (0.50, 0.02), "average": (0.48, 0.02), "count_365d": (0.45, 0.03)}
    assert judge(table(**better)).promoted == "average"
    assert judge(table(**better, recurrence=(0.49, 0.02))).promoted == "recurrence"
    worse = judge(table(**(better | {"average": (0.44, 0.02)})))
    assert worse.promoted == "logistic"
    assert any("average" in reason for reason in worse.refused)


def test_a_tie_is_not_a_win() -> None:
    assert judge(table(xgboost=(0.5, 0.03), count_365d=(0.5, 0.04))).promoted == "count_365d"


def test_challenger_that_beats_all_is_promoted() -> None:
    verdict = judge(table(xgboost=(0.5, 0.02), count_365d=(0.45, 0.03)))
    assert (verdict.promoted, verdict.refused) == ("xgboost", ())


def test_drivers_are_families_by_size_and_sum_to_the_whole() -> None:
    names = ["target_count_84d", "target_count_28d", "near_count_28d", "days_to_polling"]
    contributions = pd.DataFrame([[1.5, 0.5, -0.2, 0.4, -3.0]], columns=[*names, "_intercept"])
    X = pd.DataFrame([[3.0, 1.0, np.nan, 28.0]], columns=names)
    features = tuple(FEATURES[n] for n in names)
    (got,) = drivers(contributions, X, features)
    assert [d["family"] for d in got] == [
        "starting point",
        "past incidents here",
        "election",
        "violence around",
    ]
    assert got[1]["feature"] == "target_count_84d"
    assert got[1]["says"] == (
        "3 violent incidents here in the last 12 weeks; 1 violent incident here in the last 4 weeks"
    )
    assert got[1]["translations"]["fr"] == {
        "family": "incidents passés ici",
        "says": "3 incidents violents ici au cours des 12 dernières semaines\u202f; "
        "1 incident violent ici au cours des 4 dernières semaines",
    }
    assert got[1]["contribution"] == pytest.approx(2.0)
    assert got[3]["value"] is None
    assert sum(d["contribution"] for d in got) == pytest.approx(-0.8)


def test_missing_value_is_worded_as_not_known() -> None:
    assert wording(FEATURES["population"], float("nan")).startswith("not known")
    assert wording(FEATURES["population"], 12345.0) == "12,345 people live here"


def test_a_share_is_worded_in_per_cent() -> None:
    words = wording(FEATURES["parent_violent_share_365d"], 1.0)
    assert words == "100% of the parent area's communes saw violent incidents in the last 12 months"
