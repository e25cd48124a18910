"""Headlines against naive sums."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from models.metrics import calibration_error
from models.splits import Block
from pipelines.backtest.headlines import FIGURES, blocks_of, headlines, reliability
from pipelines.backtest.tables import coverage, curve, law

ORIGINS = [f"o{i}" for i in range(8)]
MODELS = {"shipped": 0.62, "xgboost": 0.6, "count_365d": 0.5, "base_rate": 0.1}


@pytest.fixture(scope="module")
def forecasts() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    parts = []
    for origin in ORIGINS:
        p = rng.beta(0.4, 3, 60)
        counts = rng.poisson(-np.log1p(-p)).astype(float)
        for seed in (7, 8):
            for model in MODELS:
                tilt = rng.normal(0, 0.02, 60) if model == "xgboost" else 0.0
                said = np.full(60, 0.1) if model == "base_rate" else np.clip(p + tilt, 0.001, 0.99)
                parts.append(
                    pd.DataFrame(
                        {
                            "origin": origin,
                            "seed": seed,
                            "model": model,
                            "lead_weeks": 0,
                            "probability": said,
                            "lower": said * 0.5,
                            "upper": np.minimum(said * 2, 1),
                            "incidents": counts,
                        }
                    )
                )
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def scores() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    rows = []
    for number, origin in enumerate(ORIGINS):
        for seed in (7, 8):
            for model, ap in MODELS.items():
                shift = rng.normal(0, 0.05)
                rows.append(
                    {
                        "origin": origin,
                        "kind": "regular",
                        "lead_weeks": 0,
                        "seed": seed,
                        "model": model,
                        "as_of": f"2020-0{number + 1}-01",
                        "positives": 5.0,
                        "average_precision": np.nan if origin == "o3" else ap + shift,
                        "auc": 0.8,
                        "onset_auc": 0.7,
                        "onset_average_precision": 0.2,
                        "crps": 0.3 if model == "base_rate" else 0.2 + shift / 10,
                        "calibration_error": 0.03,
                        "brier": 0.05 + shift / 10,
                        "brier_reference": 0.08,
                        "brier_hindsight": 0.07,
                        "log_loss": 0.2,
                        "log_loss_reference": 0.3,
                        "precision_at_5": 0.4,
                        "recall_at_5": 0.3,
                    }
                )
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def blocks() -> pd.Series:
    return pd.Series(np.arange(8), index=ORIGINS)


@pytest.fixture(scope="module")
def table(scores: pd.DataFrame, forecasts: pd.DataFrame, blocks: pd.Series) -> pd.DataFrame:
    return headlines(scores, forecasts, blocks, (5,)).set_index(["model", "figure"])


def test_every_model_has_every_figure(table: pd.DataFrame) -> None:
    names = {f.name for f in FIGURES} | {"precision_at_5", "recall_at_5"}
    for model in MODELS:
        assert set(table.loc[model].index) == names
    assert (table["low"] <= table["high"]).all()
    assert (table["seed_low"] <= table["seed_high"]).all()


def test_ratio_is_the_mean_over_origins_that_have_one(
    table: pd.DataFrame, scores: pd.DataFrame
) -> None:
    naive = []
    for _, part in scores.loc[scores["origin"] != "o3"].groupby(["origin", "seed"]):
        ap = part.set_index("model")["average_precision"]
        naive.append(ap["xgboost"] / max(ap["count_365d"], ap["base_rate"]))
    got = table.loc[("xgboost", "ap_ratio_best_each")]
    assert got["value"] == pytest.approx(np.mean(naive))
    assert got["origins"] == 7
    assert got["low"] < got["value"] < got["high"]
    assert got["seed_low"] < got["value"] < got["seed_high"]
    assert table.loc[("count_365d", "ap_ratio_best_mean"), "value"] == pytest.approx(1.0)


def test_with_some_positives_means_are_compared_and_not_ratios(
    scores: pd.DataFrame, forecasts: pd.DataFrame, blocks: pd.Series
) -> None:
    few = scores["origin"].isin(["o1", "o5"])
    rare = scores.assign(positives=np.where(few, 2.0, 5.0))
    got = headlines(rare, forecasts, blocks, (5,)).set_index(["model", "figure"])
    means = []
    for _, part in scores.loc[~few].groupby("seed"):
        mean = part.groupby("model")["average_precision"].mean()
        means.append((mean["xgboost"] / mean["count_365d"], mean["xgboost"]))
    ratio = got.loc[("xgboost", "ap_ratio_of_means_3")]
    assert ratio["value"] == pytest.approx(np.mean([m[0] for m in means]))
    assert ratio["low"] < ratio["value"] < ratio["high"]
    assert ratio["origins"] == 5
    mean = got.loc[("xgboost", "average_precision_3"), "value"]
    assert mean == pytest.approx(np.mean([m[1] for m in means]))
    none = headlines(scores.assign(positives=2.0), forecasts, blocks, (5,))
    assert none.loc[none["figure"] == "ap_ratio_of_means_3", "value"].isna().all()


def test_skill_is_over_sums_of_losses(table: pd.DataFrame, scores: pd.DataFrame) -> None:
    ours = scores.loc[scores["model"] == "shipped"]
    each = [1 - s["brier"].sum() / s["brier_reference"].sum() for _, s in ours.groupby("seed")]
    assert table.loc[("shipped", "brier_skill"), "value"] == pytest.approx(np.mean(each))
    assert table.loc[("shipped", "brier_skill"), "seed_low"] == pytest.approx(min(each))


def test_pooled_calibration_error_is_that_of_all_rows(
    table: pd.DataFrame, forecasts: pd.DataFrame
) -> None:
    each = []
    for _, part in forecasts.loc[forecasts["model"] == "xgboost"].groupby("seed"):
        y = (part["incidents"] > 0).to_numpy().astype(np.int64)
        each.append(calibration_error(y, part["probability"].to_numpy()))
    assert table.loc[("xgboost", "calibration_error"), "value"] == pytest.approx(np.mean(each))


def test_reliability_sums_to_all_rows(forecasts: pd.DataFrame, blocks: pd.Series) -> None:
    got = reliability(forecasts, blocks, "shipped")
    ours = forecasts.loc[forecasts["model"] == "shipped"]
    assert got["rows"].sum() == len(ours)
    assert (got["observed"] * got["rows"]).sum() == pytest.approx((ours["incidents"] > 0).sum())
    assert got["forecast"].is_monotonic_increasing
    assert (got["low"] <= got["observed"]).all()
    assert (got["observed"] <= got["high"]).all()


def test_curve_of_countries_of_different_size_visits_the_small_one_whole(
    forecasts: pd.DataFrame,
) -> None:
    small = forecasts["origin"].eq("o0") & (
        forecasts.groupby(["origin", "seed", "model"]).cumcount() >= 20
    )
    got = curve(forecasts.loc[~small], "shipped").set_index("k")
    assert len(got) == 60
    assert got["recall"].iloc[-1] == pytest.approx(1)
    assert got["recall"].is_monotonic_increasing
    assert got.loc[20, "visited"] == pytest.approx((1 + 7 * 20 / 60) / 8)


def test_curve_ends_with_everything_found(forecasts: pd.DataFrame) -> None:
    got = curve(forecasts, "shipped")
    assert len(got) == 60
    assert got["recall"].iloc[-1] == 1
    assert got["recall"].is_monotonic_increasing
    share = (forecasts["incidents"] > 0).mean()
    assert got["precision"].iloc[-1] == pytest.approx(share)


def test_coverage_has_a_row_per_group(forecasts: pd.DataFrame) -> None:
    got = coverage(forecasts.loc[forecasts["model"] == "shipped"])
    assert len(got) == 10
    assert got["held"].between(0, 1).all()
    assert (got["held"] >= got["held_as_points"]).all()


def test_law_holds_shipped_against_the_best_baseline(scores: pd.DataFrame) -> None:
    got = law(scores).set_index("origin")
    part = scores.loc[scores["origin"] == "o0"].groupby("model")["average_precision"].mean()
    best = max(part["count_365d"], part["base_rate"])
    assert got.loc["o0", "ratio"] == pytest.approx(part["shipped"] / best)
    assert np.isnan(got.loc["o3", "ratio"])


def test_blocks_keep_the_rounds_of_an_election_together() -> None:
    windows = pd.DataFrame(
        {
            "origin": ["a", "b", "c"],
            "window_start": ["2020-01-01", "2020-06-20", "2020-07-10"],
            "window_end": ["2020-02-11", "2020-07-31", "2020-08-20"],
        }
    )
    assert list(blocks_of(windows, [])) == [0, 0, 1]
    assert list(blocks_of(windows, [Block(18440, 18460)])) == [0, 0, 0]
