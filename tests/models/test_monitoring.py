"""Checks of inputs, outputs and calibration, on tables whose faults are planted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from features.context import Context
from features.horizon import Horizon, TargetClass
from features.tables import Tables
from features.vocabulary import POLITICAL_VIOLENCE
from models.monitoring import (
    Answered,
    Check,
    Status,
    Threshold,
    answered_table,
    calibration_checks,
    feature_shift,
    input_checks,
    output_check,
    ratio,
    usual_days,
    worst,
)

TODAY = 18_000
UP, DOWN = Threshold(2, 4), Threshold(0.67, 0.33)


@pytest.mark.parametrize(
    ("threshold", "value", "expected"),
    [
        (UP, 2.0, "ok"),
        (UP, 2.1, "watch"),
        (UP, 4.1, "act"),
        (UP, float("inf"), "act"),
        (DOWN, 0.67, "ok"),
        (DOWN, 0.5, "watch"),
        (DOWN, 0.3, "act"),
        (UP, float("nan"), "unknown"),
    ],
)
def test_thresholds_work_either_way(threshold: Threshold, value: float, expected: str) -> None:
    assert threshold.status(value) == expected


def test_the_worst_status_speaks() -> None:
    checks = [Check("input", "x", v, UP, "") for v in (1.0, 3.0, float("nan"))]
    assert worst(checks) == Status.WATCH
    assert worst(checks[:1]) == Status.OK
    assert worst([checks[0], checks[2]]) == Status.UNKNOWN
    assert worst([]) == Status.OK


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_ratio_is_the_same_either_way_and_at_least_one(a: float, b: float) -> None:
    assert ratio(a, b) == pytest.approx(ratio(b, a))
    assert ratio(a, b) >= 1
    assert ratio(2, 0) < 2


def country(per_window: list[int], late_days: int = 0) -> Context:
    """Three communes; `per_window` battles in each window of 28 days, all in the first."""
    units = pd.DataFrame(
        {
            "unit_id": ["A", "B", "C"],
            "name": ["A", "B", "C"],
            "parent_id": "P",
            "parent_name": "P",
            "region_id": "R",
            "region_name": "R",
            "iso3": "MLI",
            "lon": [0.0, 1.0, 2.0],
            "lat": [10.0, 10.0, 10.0],
            "area_km2": 1.0,
            "valid_from": pd.NaT,
            "valid_to": pd.NaT,
        }
    )
    for day in ("valid_from", "valid_to"):
        units[day] = units[day].astype("datetime64[us]")
    days = usual_days(TODAY, 28, 28 * (len(per_window) - 1))
    event = np.repeat(days, per_window) - 3
    n = len(event)
    dates = pd.to_datetime(event, unit="D").astype("datetime64[us]")
    incidents = pd.DataFrame(
        {
            "incident_id": [f"I{i}" for i in range(n)],
            "event_date": dates,
            "known_on": dates + pd.Timedelta(days=late_days),
            "known_on_rule": "lag",
            "unit_id": "A",
            "placed_by": "pcode",
            "geo_precision": 1,
            "event_type": "battle",
            "sub_event_type": None,
            "electoral": False,
            "fatalities": 0.0,
            "actor1": None,
            "actor2": None,
            "lon": np.nan,
            "lat": np.nan,
        }
    )
    for text in ("sub_event_type", "actor1", "actor2"):
        incidents[text] = incidents[text].astype("str")
    tables = Tables.of(units=units, incidents=incidents)
    return Context(tables, days, TargetClass("any", POLITICAL_VIOLENCE), Horizon(0, 28))


def by_name(checks: list[Check]) -> dict[str, Check]:
    return {c.name: c for c in checks}


def test_usual_inputs_are_fine_and_a_flood_or_a_silence_is_not() -> None:
    steady = by_name(input_checks(country([20] * 6), 28, DOWN, UP))
    assert {c.status for c in steady.values()} == {Status.OK}
    assert steady["units with a report"].says == "33.3% of units in 28 days, usually 33.3%"
    flood = by_name(input_checks(country([20] * 5 + [100]), 28, DOWN, UP))
    assert flood["events: battle"].status == Status.ACT
    assert flood["events: riot"].status == Status.OK
    silence = by_name(input_checks(country([20] * 5 + [0]), 28, DOWN, UP))
    assert silence["units with a report"].status == Status.ACT
    assert silence["events of any type"].status == Status.ACT
    assert silence["events of any type"].says == "0 in 28 days, usually 20"


def test_inputs_of_the_past_are_counted_as_they_were_known_then() -> None:
    """Reports come 10 days late: the newest windows look empty, and so did those before."""
    late = by_name(input_checks(country([20] * 6, late_days=10), 28, DOWN, UP))
    assert late["events of any type"].says == "0 in 28 days, usually 0"


def rows(seed: int, days: int, shift: float = 0.0, missing: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(shift, 1, days * 200)
    x[rng.random(len(x)) < missing] = np.nan
    return pd.DataFrame({"x": x, "steady": rng.normal(0, 1, days * 200)})


def test_a_shifted_feature_is_told_from_a_steady_one() -> None:
    reference, day = rows(1, 30), np.repeat(np.arange(30), 200)
    same = feature_shift(rows(2, 1), reference, day)
    assert not same["shifted"].any()
    moved = feature_shift(rows(2, 1, shift=1.0), reference, day)
    assert moved["feature"].iloc[0] == "x"
    assert moved.set_index("feature")["shifted"].to_dict() == {"x": True, "steady": False}
    # Two unit normals one apart differ by 0.383 at most.
    assert moved["shift"].iloc[0] == pytest.approx(0.383, abs=0.1)
    gone = feature_shift(rows(2, 1, missing=0.5), reference, day)
    assert gone.set_index("feature").loc["x", "shifted"]


@pytest.mark.parametrize("mean", [0.5, 3.0])
def test_shift_is_the_statistic_of_kolmogorov_and_smirnov(mean: float) -> None:
    rng = np.random.default_rng(4)
    today, before = rng.poisson(mean, 90).astype(float), rng.poisson(1.0, 400).astype(float)
    today[::9], before[::7] = np.nan, np.nan
    both = pd.DataFrame({"x": today}), pd.DataFrame({"x": before})
    found = feature_shift(*both, np.repeat(np.arange(4), 100))["shift"].iloc[0]
    known = ks_2samp(today[~np.isnan(today)], before[~np.isnan(before)]).statistic
    assert known > 0.1
    assert found == pytest.approx(known, abs=1e-12)


def test_a_feature_that_moves_from_day_to_day_has_not_shifted() -> None:
    """The same for every unit of a day: far from the mean of days, but no further than usual."""
    day = np.repeat(np.arange(40), 50)
    reference = pd.DataFrame({"days_to_polling": (day * 7 % 40).astype(float)})
    today = pd.DataFrame({"days_to_polling": np.full(50, 21.0)})
    assert not feature_shift(today, reference, day)["shifted"].any()


def test_outputs_are_compared_by_level_and_by_rank() -> None:
    limit, index = Threshold(0.5, 1.0), list("abcdef")
    p = pd.Series([0.02, 0.03, 0.05, 0.1, 0.2, 0.4], index=index)
    assert output_check("", p, p, limit).status == Status.OK
    doubled = output_check("", 2 * p + 0.02, p, limit)
    assert doubled.status == Status.ACT
    assert doubled.says.endswith("rank correlation 1.00")
    turned = output_check("", p.iloc[::-1].set_axis(index), p, limit)
    assert turned.status == Status.OK
    assert turned.says.endswith("rank correlation -1.00")
    assert output_check("", p * np.nan, p, limit).status == Status.UNKNOWN


def answered(scale: float, seed: int = 3) -> Answered:
    rng = np.random.default_rng(seed)
    truth = rng.beta(1, 9, 4000)
    y = (rng.random(4000) < truth).astype(np.int64)
    return Answered("B", "E", y, np.clip(truth * scale, 0, 1), np.full(4000, 0.1))


def test_calibration_of_past_bulletins() -> None:
    limits = Threshold(0.03, 0.06), Threshold(1.5, 2.5), Threshold(1, 1.1)
    good = calibration_checks(answered_table([answered(1.0)]), *limits)
    assert {c.status for c in good} == {Status.OK}
    high = by_name(calibration_checks(answered_table([answered(3.0)]), *limits))
    assert {c.status for c in high.values()} == {Status.ACT}
    none = calibration_checks(answered_table([]), *limits)
    assert {c.status for c in none} == {Status.UNKNOWN}


def test_the_last_line_is_of_all_bulletins() -> None:
    table = answered_table([answered(1.0), answered(1.0, seed=4)])
    assert table["bulletin_id"].tolist() == ["B", "B", "all"]
    assert table["observed"].iloc[2] == table["observed"].iloc[:2].sum()
    assert table["brier"].iloc[2] == pytest.approx(table["brier"].iloc[:2].mean())
