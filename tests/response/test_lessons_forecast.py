"""The bulletin held against what happened: outcomes by name, scores, reliability, bands."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from kit.lessons_round import ABOUT, AS_OF, SCORES, evidence
from scipy.stats import beta

from features.vocabulary import Band
from response.lessons_evidence import Evidence, Limits, known_by
from response.lessons_forecast import (
    FORECAST,
    band_table,
    forecast_section,
    named,
    reliability_table,
    score_table,
    scored,
    share_interval,
)
from response.lessons_outcomes import per_unit


def rows(given: Evidence) -> pd.DataFrame:
    known = known_by(given, AS_OF)
    return scored(known, per_unit(known))


def outcomes(given: Evidence, limits: Limits) -> dict[str, str]:
    known = known_by(given, AS_OF)
    table = named(known, per_unit(known), limits)
    return table.set_index("unit_id")["outcome"].to_dict()


def test_units_are_named_by_what_was_said_and_what_came() -> None:
    assert outcomes(evidence(), Limits()) == {
        "A1": "hit",
        "A2": "miss",
        "A3": "false_alarm",
        "B1": "miss",
        "B2": "quiet",
        "C1": "unscored_quiet",
    }


def test_a_lower_warning_turns_misses_into_hits() -> None:
    found = outcomes(evidence(), Limits(warned_from=Band.ELEVATED))
    assert (found["A2"], found["B1"], found["A3"]) == ("hit", "hit", "false_alarm")


def test_scores_are_those_of_the_five_units_with_a_score() -> None:
    # y = 1 1 0 1 0; p = .6 .15 .3 .2 .02; baseline = .5 .2 .1 .4 .02
    table = score_table(evidence(), rows(evidence())).set_index("model")
    assert table.index[0] == FORECAST
    assert table["of"].to_dict() == {
        FORECAST: "bulletin",
        "count_365d": "its_baseline",
        "zero": "baseline",
    }
    brier = (0.4**2 + 0.85**2 + 0.3**2 + 0.8**2 + 0.02**2) / 5
    assert table.loc[FORECAST, "brier"] == pytest.approx(brier)
    base = (3 * 0.8**2 + 2 * 0.2**2) / 5
    assert table.loc[FORECAST, "brier_skill"] == pytest.approx(1 - brier / base)
    # By rank: hit, no, hit, hit, no: precision 1, 2/3 and 3/4 at the hits.
    assert table.loc[FORECAST, "average_precision"] == pytest.approx((1 + 2 / 3 + 3 / 4) / 3)
    assert table.loc["count_365d", "average_precision"] == pytest.approx(1)


def test_a_baseline_that_does_not_know_every_unit_is_left_out() -> None:
    partial = {"zero": pd.Series(0.0, index=["A1"])}
    given = evidence(baselines=partial)
    assert set(score_table(given, rows(given))["model"]) == {FORECAST, "count_365d"}


def test_bands_are_held_against_what_came_with_an_interval() -> None:
    table = band_table(rows(evidence())).set_index("band")
    assert table["rows"].to_dict() == {"very_high": 1, "high": 1, "elevated": 2, "low": 1}
    assert table["observed"].to_dict() == {"very_high": 1, "high": 0, "elevated": 1, "low": 0}
    assert table.loc["elevated", "forecast"] == pytest.approx(0.175)
    assert table.loc["elevated", "high"] == 1
    assert table.loc["elevated", "low"] == pytest.approx(beta.ppf(0.05, 2.5, 0.5))


def test_reliability_counts_every_scored_unit_once() -> None:
    table = reliability_table(rows(evidence()))
    assert table["rows"].sum() == 5
    assert (table["rows"] * table["observed"]).sum() == pytest.approx(3)
    assert (table["low"] <= table["observed"]).all()
    assert (table["observed"] <= table["high"]).all()


def test_an_interval_of_a_share_holds_its_share_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    held = []
    for p in (0.05, 0.3, 0.7):
        for hits in rng.binomial(60, p, 400):
            low, high = share_interval(int(hits), 60)
            held.append(low <= p <= high)
    assert 0.86 < np.mean(held) < 0.95


def test_a_bulletin_that_abstains_has_no_scores_and_says_so() -> None:
    silent = SCORES.assign(
        probability=np.nan,
        expected_incidents=np.nan,
        baseline_probability=np.nan,
        band=str(Band.ABSTAINED),
    )
    known = known_by(evidence(scores=silent), AS_OF)
    happened = per_unit(known)
    units = named(known, happened, Limits())
    found = forecast_section(known, happened, units, Limits())
    assert found["status"] == "none"
    assert found["counts"] == {"unscored_incident": 3, "unscored_quiet": 3}


def test_false_alarms_are_held_against_those_that_were_announced() -> None:
    known = known_by(evidence(), AS_OF)
    happened = per_unit(known)
    found = forecast_section(known, happened, named(known, happened, Limits()), Limits())
    assert found["false_expected"] == pytest.approx(0.4 + 0.7)
    assert (found["expected_units"], found["observed_units"]) == (pytest.approx(1.27), 3)


def test_skill_follows_the_base_rate_of_the_day() -> None:
    other = evidence(about=replace(ABOUT, base_rate=0.5))
    one, two = (score_table(e, rows(e)).iloc[0] for e in (evidence(), other))
    assert one["brier"] == two["brier"]
    assert one["brier_skill"] != two["brier_skill"]
