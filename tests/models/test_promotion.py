"""Who becomes champion: baselines, champion, calibration and the guards on the output."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.kernels import Floats
from models.baselines import BASELINES
from models.promotion import CHAMPION, Limits, Rival, decide, distance, judge

OUTPUT = np.linspace(0.01, 0.3, 50)


def table(**models: tuple[float, float, float]) -> pd.DataFrame:
    """Average precision, Brier score and calibration error per model, beside the baselines."""
    weak = dict.fromkeys(BASELINES, (0.30, 0.060, 0.010))
    rows = {**weak, "count_365d_parent_mean": (0.40, 0.050, 0.010), **models}
    columns = ["average_precision", "brier", "calibration_error"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def outputs(**of: Floats) -> Callable[[str], Floats]:
    return lambda name: of.get(name, OUTPUT)


def chosen(scores: pd.DataFrame, rival: Rival | None = None, **of: Floats) -> str | None:
    return decide(scores, rival, outputs(**of), Limits()).chosen


def test_the_first_champion_beats_every_baseline() -> None:
    assert chosen(table(xgboost=(0.5, 0.04, 0.01), logistic=(0.45, 0.045, 0.01))) == "xgboost"
    assert chosen(table(xgboost=(0.5, 0.055, 0.01), logistic=(0.45, 0.045, 0.01))) == "logistic"
    assert chosen(table(xgboost=(0.39, 0.04, 0.01))) == "count_365d_parent_mean"


def test_a_challenger_must_beat_a_champion_that_stands() -> None:
    rival = Rival(CHAMPION, OUTPUT)
    champion = (0.50, 0.040, 0.010)
    assert chosen(table(xgboost=(0.51, 0.039, 0.010), champion=champion), rival) == "xgboost"
    worse = decide(
        table(xgboost=(0.49, 0.039, 0.010), champion=champion), rival, outputs(), Limits()
    )
    assert worse.chosen is None
    assert worse.reasons[0] == "xgboost has average precision 0.490, champion 0.500"
    assert CHAMPION in worse.table.index
    assert chosen(table(xgboost=(0.51, 0.041, 0.010), champion=champion), rival) is None


def test_a_tie_does_not_beat_the_champion() -> None:
    same = (0.50, 0.040, 0.010)
    assert chosen(table(xgboost=same, champion=same), Rival(CHAMPION, OUTPUT)) is None


@pytest.mark.parametrize(("error", "expected"), [(0.0149, "xgboost"), (0.0151, None)])
def test_worse_calibration_is_refused(error: float, expected: str | None) -> None:
    scores = table(xgboost=(0.55, 0.035, error), champion=(0.50, 0.040, 0.010))
    assert chosen(scores, Rival(CHAMPION, OUTPUT)) == expected


def test_the_same_recipe_on_newer_data_need_not_beat_itself() -> None:
    scores = table(xgboost=(0.50, 0.040, 0.010))
    decision = decide(scores, Rival("xgboost", OUTPUT), outputs(), Limits())
    assert decision.chosen == "xgboost"
    assert "newer data" in decision.reasons[-1]


def test_a_better_challenger_goes_before_a_refresh_and_a_worse_one_does_not() -> None:
    rival, refresh = Rival("logistic", OUTPUT), (0.50, 0.040, 0.010)
    assert chosen(table(logistic=refresh, xgboost=(0.52, 0.038, 0.010)), rival) == "xgboost"
    # It ranks better, but is further from the truth.
    assert chosen(table(logistic=refresh, xgboost=(0.52, 0.042, 0.010)), rival) == "logistic"


def test_a_champion_that_has_fallen_gives_way_to_the_best_baseline() -> None:
    scores = table(xgboost=(0.39, 0.040, 0.010))
    decision = decide(scores, Rival("xgboost", OUTPUT), outputs(), Limits())
    assert decision.chosen == "count_365d_parent_mean"
    assert decision.reasons[0] == "the champion, xgboost, no longer beats every baseline"


def test_a_baseline_that_is_champion_protects_nobody() -> None:
    rival = Rival("count_365d_parent_mean", OUTPUT)
    assert chosen(table(xgboost=(0.5, 0.04, 0.02)), rival, xgboost=OUTPUT * 3) == "xgboost"


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (np.where(np.arange(50) == 3, np.nan, OUTPUT), "no probability"),
        (np.where(np.arange(50) == 3, 1.2, OUTPUT), "no probability"),
        (np.full(50, 0.06), "the same probability"),
        (OUTPUT * 2.5, "from the champion's present output"),
    ],
)
def test_output_guards_refuse(bad: Floats, says: str) -> None:
    scores = table(xgboost=(0.55, 0.035, 0.010), champion=(0.50, 0.040, 0.010))
    good = decide(scores, Rival(CHAMPION, OUTPUT), outputs(), Limits())
    assert good.chosen == "xgboost"
    refused = decide(scores, Rival(CHAMPION, OUTPUT), outputs(xgboost=bad), Limits())
    assert refused.chosen is None
    assert says in refused.reasons[0]


def test_a_first_champion_with_bad_output_leaves_the_best_baseline() -> None:
    scores = table(xgboost=(0.55, 0.035, 0.010))
    assert chosen(scores, xgboost=np.full(50, np.nan)) == "count_365d_parent_mean"


def test_a_barred_model_is_refused_with_the_reason() -> None:
    scores = table(xgboost=(0.55, 0.035, 0.010), logistic=(0.5, 0.04, 0.01))
    decision = decide(scores, None, outputs(), Limits(), {"xgboost": "rolled back by A"})
    assert decision.chosen == "logistic"
    assert decision.reasons[0] == "xgboost: rolled back by A"


def test_distance_is_one_where_every_probability_doubles() -> None:
    assert distance(OUTPUT, OUTPUT) == 0
    assert distance(2 * OUTPUT, OUTPUT) == pytest.approx(1)
    assert distance(np.zeros(5), np.zeros(3)) == 0
    assert distance(OUTPUT, np.zeros(3)) == float("inf")


@settings(deadline=None)
@given(
    scores=st.lists(
        st.tuples(st.floats(0, 1), st.floats(0, 0.2), st.floats(0, 0.1)), min_size=2, max_size=2
    ),
    champion=st.tuples(st.floats(0, 1), st.floats(0, 0.2), st.floats(0, 0.1)),
)
def test_whoever_is_chosen_is_a_baseline_or_beats_every_baseline(
    scores: list[tuple[float, float, float]], champion: tuple[float, float, float]
) -> None:
    rows = table(logistic=scores[0], xgboost=scores[1], champion=champion)
    pick = chosen(rows, Rival(CHAMPION, OUTPUT)) or CHAMPION
    best = rows.loc[list(BASELINES)]
    if pick not in BASELINES:
        assert rows.loc[pick, "average_precision"] > best["average_precision"].max()
        assert rows.loc[pick, "brier"] < best["brier"].min()


def test_a_brier_score_within_the_tolerance_needs_a_better_rank() -> None:
    rare = Limits(brier_tolerance=0.02)

    def shown(scores: tuple[float, float, float], limits: Limits = rare) -> str | None:
        return decide(table(recurrence=scores), None, outputs(), limits).chosen

    assert shown((0.5, 0.0509, 0.01)) == "recurrence"
    assert shown((0.5, 0.0511, 0.01)) == "count_365d_parent_mean"
    assert shown((0.39, 0.0509, 0.01)) == "count_365d_parent_mean"
    assert shown((0.5, 0.0500, 0.01), Limits()) == "count_365d_parent_mean"
    assert judge(table(recurrence=(0.5, 0.0509, 0.01)), 0.02).promoted == "recurrence"
    assert judge(table(recurrence=(0.5, 0.0509, 0.01))).promoted == "count_365d_parent_mean"


def test_of_baselines_level_in_rank_one_that_tells_units_apart_is_shown() -> None:
    level = dict.fromkeys(BASELINES, (0.02, 0.0020, 0.001)) | {"zero": (0.02, 0.0019, 0.001)}
    level["count_84d"] = (0.02, 0.00195, 0.001)
    assert judge(table(**level)).promoted == "count_84d"
    assert judge(table(**level, recurrence=(0.6, 0.0018, 0.001))).promoted == "recurrence"
