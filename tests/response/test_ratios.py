"""Declared ratios, and what outcomes make of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from land import START, STOP, Land, reported
from scipy.stats import beta

from features.errors import ContractError
from response.contracts import empty
from response.evidence import Moment
from response.learning import counted
from response.ratios import COUNTS, KEYS, PRIOR_REPORTS, Part, Ratios, declared, learned
from response.vocabulary import Sign, Verification

WHOLE = Moment(STOP, START, STOP, 7)


def counts(
    seen_if: float, watched_if: float, seen_none: float, watched_none: float
) -> pd.DataFrame:
    row = ("next", "armed_presence", "confirmed", seen_if, watched_if, seen_none, watched_none)
    return pd.DataFrame([row], columns=[*KEYS, *COUNTS])


def row_of(table: pd.DataFrame) -> pd.Series:
    mine = table.query(
        "part == 'next' and what == 'armed_presence' and verification == 'confirmed'"
    )
    return mine.iloc[0]


def test_every_sign_and_state_is_declared() -> None:
    table = declared()
    cells = set(zip(table["part"], table["what"], table["verification"], strict=True))
    assert {("next", str(s), str(v)) for s in Sign for v in Verification} <= cells
    assert {("so_far", "incident", str(v)) for v in Verification} <= cells
    ratio = table.set_index(KEYS)["ratio"]
    for sign in Sign:
        states = [ratio["next", str(sign), str(v)] for v in ("unverified", "corroborated")]
        assert states[0] < states[1] < ratio["next", str(sign), "confirmed"]
    assert (ratio.xs("refuted", level="verification") == 1).all()
    assert (ratio.xs("tension_defused", level="what") == 1).all(), "no effect is claimed"


def test_posterior_against_scipy() -> None:
    found = row_of(learned(declared(), counts(9, 20, 2, 300)))
    a, none = (
        beta(PRIOR_REPORTS + seen, PRIOR_REPORTS * (1 / prior - 1) + watched - seen)
        for seen, watched, prior in (
            (9, 20, found["prior_if"]),
            (2, 300, found["prior_none"]),
        )
    )
    assert found["p_if"] == pytest.approx(a.mean())
    assert found["ratio"] == pytest.approx(a.mean() / none.mean())
    rng = np.random.default_rng(1)
    drawn = np.log(a.rvs(200_000, random_state=rng)) - np.log(none.rvs(200_000, random_state=rng))
    assert found["log_sd"] == pytest.approx(drawn.std(), rel=0.02)
    assert found["ratio_lower"] < found["ratio"] < found["ratio_upper"]


def test_counts_shrink_towards_the_truth_and_the_interval_narrows() -> None:
    few, many = (
        row_of(learned(declared(), counts(4 * k, 10 * k, 10 * k, 100 * k))) for k in (1, 50)
    )
    truth = 0.4 / 0.1
    assert abs(many["ratio"] - truth) < abs(few["ratio"] - truth)
    assert many["log_sd"] < few["log_sd"] < row_of(declared())["log_sd"]


def test_two_rounds_add_up() -> None:
    one, two = counts(3, 10, 5, 80), counts(2, 12, 1, 70)
    both = one.assign(**{c: one[c] + two[c] for c in COUNTS})
    pd.testing.assert_frame_equal(learned(learned(declared(), one), two), learned(declared(), both))


def test_bad_counts_are_refused() -> None:
    with pytest.raises(ContractError, match="in the table"):
        learned(declared(), counts(1, 2, 1, 2).assign(what="omens"))
    with pytest.raises(ContractError, match="seen_if <= watched_if"):
        learned(declared(), counts(3, 2, 0, 0))


def test_expected_ratio_of_no_incident_is_one() -> None:
    """P(none) times each ratio, over all that may be seen of one kind, sums to 1: Bayes' rule."""
    ratios = Ratios(declared())
    mine = ratios.table.query("part == 'so_far' and verification != 'refuted'")
    seen = (mine["p_none"] * mine["ratio"]).sum()
    log, _ = ratios.absence(Part.SO_FAR, {"incident": np.array([1.0])})
    assert seen + (1 - mine["p_none"].sum()) * np.exp(log[0]) == pytest.approx(1.0)


def test_absence_says_nothing_where_nobody_watched() -> None:
    log, sd = Ratios(declared()).absence(
        Part.NEXT, {"threats": np.array([0.0, 0.5, 1.0]), "clash": np.array([0.0, 0.5, 1.0])}
    )
    assert log[0] == 0
    assert sd[0] == 0
    assert 0 > log[1] > log[2]
    assert sd[2] > sd[1]


def happened(**days: str) -> pd.DataFrame:
    return pd.DataFrame(
        {"unit_id": list(days), "event_date": pd.to_datetime(list(days.values())).as_unit("us")}
    )


def test_counting_by_hand(land: Land) -> None:
    """A sign in A in the first week, an incident there in the second; the same sign alone in B."""
    first = START + pd.Timedelta(days=3)
    seen = {"seen_at": first, "sent_at": first, "known_at": first, "sign": "threats"}
    told = reported(
        {**seen, "unit_id": "A"},
        {**seen, "unit_id": "B", "verification": "confirmed"},
        {**seen, "unit_id": "B", "known_at": START + pd.Timedelta(days=20), "sign": "clash"},
    )
    ids = pd.Index(["A", "B", "C"])
    found = counted(told, empty("posts"), happened(A="2018-07-10", C="2018-07-10"), ids, WHOLE)
    cells = found.set_index(KEYS)[COUNTS]
    assert cells.loc[("next", "threats", "unverified")].tolist()[:2] == [1.0, 1.0]
    confirmed = cells.loc[("next", "threats", "confirmed")]
    assert confirmed["seen_none"] == 1.0
    assert confirmed["seen_if"] == 0.0
    assert cells.loc[("next", "clash", "unverified")].tolist()[::2] == [0.0, 0.0], "known too late"
    incident = cells.loc[("so_far", "incident", "unverified")]
    assert incident["seen_if"] == 0.0
    assert incident["watched_if"] == 0.0, "nobody watched A or C in the second week"


def test_counting_keeps_the_as_of_rule(land: Land) -> None:
    told = reported({"ago": 10}, {"ago": 3, "kind": "incident"})
    moment = Moment(START + pd.Timedelta(days=15), START, STOP, 7)
    later = told.assign(version=2, known_at=moment.at + pd.Timedelta("1h"), withdrawn=True)
    ids = pd.Index(["A", "B"])
    was = happened(A="2018-07-11")
    after = happened(A="2018-07-11", B="2018-07-20")
    alone = counted(told, empty("posts"), was, ids, moment)
    beside = counted(
        pd.concat([told, later], ignore_index=True), empty("posts"), after, ids, moment
    )
    pd.testing.assert_frame_equal(alone, beside)
    assert alone[COUNTS].to_numpy().sum() > 0
