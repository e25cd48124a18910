"""The laws of a nowcast: the bulletin without reports, as-of, additive reasons, weighed silence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from land import NOW, START, STOP, Land, reported

from features.errors import ContractError, LeakError
from response.contracts import current
from response.effort import effort
from response.evidence import ASSUMPTIONS, Moment, things
from response.nowcast import NUMBERS
from response.ratios import ANY, Part
from response.vocabulary import Sign, Verification

SIGNS = [str(s) for s in Sign]
STATES = [str(v) for v in Verification]
KINDS = ["warning_sign", "incident", "tension_defused", "nothing_seen"]


def logit(p: Any) -> Any:
    return np.log(p) - np.log1p(-p)


def quiet(unit: str, ago: float, who: str) -> dict[str, object]:
    return {
        "unit_id": unit,
        "ago": ago,
        "reporter": who,
        "kind": "nothing_seen",
        "sign": None,
        "severity": 0,
    }


@st.composite
def rows(draw: st.DrawFn) -> list[dict[str, object]]:
    found = []
    for _ in range(draw(st.integers(0, 12))):
        kind = draw(st.sampled_from(KINDS))
        nothing = kind == "nothing_seen"
        found.append(
            {
                "unit_id": draw(st.sampled_from(["A", "B", "C", "D", "FAR", "ELSEWHERE"])),
                "ago": draw(st.floats(-1, 30)),
                "kind": kind,
                "sign": None if nothing else draw(st.sampled_from(SIGNS)),
                "severity": 0 if nothing else 2,
                "verification": draw(st.sampled_from(STATES)),
                "reporter": draw(st.sampled_from(["p1", "p2", "p3", None])),
            }
        )
    return found


laws = settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.parametrize("day", [-20, 0, 3, 14.5, 41.9, 42, 60])
def test_without_reports_it_is_the_bulletin(land: Land, day: float) -> None:
    told = land.telling(A=2, B=2).at(START + pd.Timedelta(days=day)).now()
    before = land.scores.set_index("unit_id")
    for name in ("probability", "lower", "upper", "expected_incidents", "band"):
        pd.testing.assert_series_equal(told[name], before[name], check_exact=True)
    assert not any(told["updates"])
    assert (told["bulletin_probability"].dropna() == before["probability"].dropna()).all()


@laws
@given(rows=rows(), hours=st.floats(-500, 1200))
def test_reasons_sum_to_the_whole_move(
    land: Land, rows: list[dict[str, object]], hours: float
) -> None:
    told = land.telling(*rows, A=2, C=4).at(NOW + pd.Timedelta(hours=hours)).now()
    for row in told.loc[told["probability"].notna()].to_dict("records"):
        moved = logit(row["probability"]) - logit(row["bulletin_probability"])
        assert sum(r["contribution"] for r in row["updates"]) == pytest.approx(moved, abs=1e-8)


@laws
@given(rows=rows())
def test_interval_holds_the_probability_and_parts_lie_within_the_whole(
    land: Land, rows: list[dict[str, object]]
) -> None:
    told = land.telling(*rows, A=2, C=4).now().dropna(subset="probability")
    assert ((told["lower"] <= told["probability"]) & (told["probability"] <= told["upper"])).all()
    assert (told["next_days"] <= told["ahead"] + 1e-12).all()
    assert (told["ahead"] <= told["probability"] + 1e-12).all()
    assert sorted(told["rank"]) == list(range(1, len(told) + 1))


@laws
@given(rows=rows(), later=rows())
def test_as_of(land: Land, rows: list[dict[str, object]], later: list[dict[str, object]]) -> None:
    """What becomes known after the moment changes nothing, bit for bit."""
    known = reported(*rows)
    known = known.loc[known["known_at"] <= NOW]
    unknown = reported(*[{**r, "known_at": NOW + pd.Timedelta(minutes=1)} for r in later])
    unknown = unknown.assign(report_id="later-" + unknown["report_id"])
    edits = known.assign(
        version=2, known_at=NOW + pd.Timedelta(hours=2), withdrawn=True, verification="refuted"
    )
    edits["known_at"] = edits["known_at"].astype(known["known_at"].dtype)
    posted = land.telling(A=2, C=4)
    alone = replace(posted, reports=known).now()
    beside = replace(posted, reports=pd.concat([known, edits, unknown], ignore_index=True)).now()
    pd.testing.assert_frame_equal(alone, beside, check_exact=True)
    assert not known.empty or alone["probability"].equals(
        land.scores.set_index("unit_id")["probability"]
    )


def test_the_same_edits_count_once_they_are_known(land: Land) -> None:
    """So that the law above cannot hold by deafness."""
    first = reported({"verification": "unverified"})
    edit = first.assign(version=2, withdrawn=True, known_at=first["known_at"] + pd.Timedelta("1h"))
    kept = replace(land, reports=first).now()
    gone = replace(land, reports=pd.concat([first, edit], ignore_index=True)).now()
    assert kept.loc["A", "probability"] > 0.21
    assert gone.loc["A", "probability"] == 0.21


def test_golden_value_of_one_sign(land: Land) -> None:
    """The formula by hand: an unverified sign a day old, odds of the next week times its ratio."""
    told = land.telling({"ago": 1.0, "reporter": None}).now()
    cell = land.ratios.cell(Part.NEXT, "armed_presence", "unverified")
    assert cell is not None
    L = -np.log1p(-0.21)
    odds = np.expm1(L * 7 / 42)
    fading = 0.5 ** (1 / ASSUMPTIONS.half_life_days)
    watched = effort(land.telling({"ago": 1.0}).reports, land.posts, pd.Index(["A"]), NOW, 14)[0]
    weight = 0.5 ** ((np.arange(14) + 0.5) / 5)
    share = watched @ (weight / weight.sum())
    kinds = land.ratios.table.query("part == 'next' and verification != 'refuted'")
    told_share = watched[0] * weight[0] / weight.sum()  # armed presence: only since it was seen
    absent = 0.0
    for what, mine in kinds.groupby("what"):
        of = told_share if what == "armed_presence" else share
        if (mine["log_sd"] > 0).any():
            absent += np.log((1 - mine["p_if"].sum() * of) / (1 - mine["p_none"].sum() * of))
    coming = np.log1p(odds * np.exp(cell.log * fading + absent))
    # Weeks that are over: 14.5 days, of which the newest had this one reporter on one day.
    p_if, p_none = (
        land.ratios.table.query("part == 'so_far' and verification != 'refuted'")[c].sum()
        for c in ("p_if", "p_none")
    )
    week = watched[:7].mean()
    over = np.log1p(odds * (1 - p_if * week) / (1 - p_none * week))
    rest = L * (1 - 2 * 7 / 42)
    assert told.loc["A", "probability"] == pytest.approx(-np.expm1(-(coming + over + rest)))


def test_signs_raise_and_better_verified_ones_more(land: Land) -> None:
    raised = [
        land.telling({"verification": state}).now().loc["A", "probability"]
        for state in ("refuted", "unverified", "corroborated", "confirmed")
    ]
    assert raised == sorted(raised)
    assert raised[0] < 0.21 < raised[1]  # somebody was there, and what they said is not so
    assert len(set(raised)) == 4


def test_a_sign_fades(land: Land) -> None:
    fresh, old, gone = (
        land.telling({"ago": days, "reporter": None}).now().loc["A", "next_days"]
        for days in (0.5, 6, 20)
    )
    assert fresh > old
    assert gone == pytest.approx(land.now().loc["A", "next_days"])


def test_neighbours_hear_of_it_by_distance(land: Land) -> None:
    told = land.telling({"verification": "confirmed"}).now()
    moved = logit(told["probability"]) - logit(told["bulletin_probability"])
    assert moved["A"] > moved["B"] > moved["C"] > 0
    assert told.loc["B", "updates"][0]["near"]
    assert "nearby" in told.loc["B", "says"]


def test_an_incident_stays_while_a_sign_needs_days_ahead(land: Land) -> None:
    over = STOP + pd.Timedelta(days=1)
    sign = land.telling({"verification": "confirmed"}).at(over).now()
    incident = land.telling({"kind": "incident", "verification": "confirmed"}).at(over).now()
    assert sign.loc["A", "probability"] <= 0.21
    assert incident.loc["A", "probability"] > 0.8
    assert (incident["ahead"].dropna() == 0).all()
    before = land.telling({"kind": "incident", "ago": 30}).now()
    assert before.loc["A", "probability"] == 0.21, "it was before the window"


def test_repeats_of_one_thing_shrink(land: Land) -> None:
    watched = [quiet("A", d, f"q{k}") for d in range(12) for k in range(9)]
    floor = logit(land.telling(*watched).now().loc["A", "next_days"])

    def move(count: int, apart: float = 0.0, **same: object) -> float:
        told = [{"ago": 1 + i * apart, "unit_id": "A", **same} for i in range(count)]
        return float(logit(land.telling(*told, *watched).now().loc["A", "next_days"]) - floor)

    one, two, five = move(1), move(2), move(5)
    assert one < two < five < 1.5 * one, "people who saw the same are no independent witnesses"
    assert move(2, reporter="p1") == pytest.approx(one), "one person twice is one person"
    assert move(2, apart=4.0) > two, "another day is another thing"


def test_silence_counts_only_where_people_watch(land: Land) -> None:
    watched = land.telling(*[quiet("A", d, "p1") for d in range(10)], A=2, B=2).now()
    assert watched.loc["A", "probability"] < 0.21
    assert watched.loc["B", "probability"] == 0.10, "posted, never heard of: not calm"
    assert watched.loc["C", "probability"] == 0.05, "nobody is posted: not calm"
    assert watched.loc[["A", "B", "C"], "watch"].tolist() == ["watched", "silent", "unposted"]
    assert "not calm" in watched.loc["B", "says"]
    assert "not calm" not in watched.loc["C", "says"]
    more = land.telling(*[quiet("A", d, p) for d in range(10) for p in ("p1", "p2")], A=2).now()
    assert more.loc["A", "probability"] < watched.loc["A", "probability"], "two see more than one"


def test_silent_days_of_people_who_do_report_are_weak_evidence(land: Land) -> None:
    days = (0, 4, 8)
    told = [quiet("A", d, "p1") for d in days]
    posted = land.telling(*told, A=2).now().loc["A", "probability"]
    passing = land.telling(*told).now().loc["A", "probability"]
    every = land.telling(*[quiet("A", d, "p1") for d in range(9)], A=2).now()
    assert every.loc["A", "probability"] < posted < passing < 0.21


def test_effort_against_a_naive_count(land: Land) -> None:
    rng = np.random.default_rng(5)
    told = [
        quiet(str(rng.choice(["A", "B"])), float(rng.uniform(0, 20)), f"p{rng.integers(3)}")
        for _ in range(40)
    ]
    case = land.telling(*told, A=1, B=3)
    known = current(case.reports, NOW)
    got = effort(known, case.posts, pd.Index(["A", "B", "C"]), NOW, 10)
    for row, (unit, posted) in enumerate({"A": 1, "B": 3, "C": 0}.items()):
        mine = [(int(t["ago"]), t["reporter"]) for t in told if t["unit_id"] == unit]  # type: ignore[call-overload]
        for day in range(10):
            spoke = {who for d, who in mine if d == day}
            lately = {who for d, who in mine if day <= d < day + 7}
            still = max(min(posted, len(lately)) - len(spoke), 0)
            assert got[row, day] == pytest.approx(1 - 0.3 ** len(spoke) * 0.85**still)


def test_things_take_the_best_state_and_count_people() -> None:
    told = reported(
        {"ago": 1.0, "reporter": "x"},
        {"ago": 2.5, "reporter": "y", "verification": "confirmed"},
        {"ago": 2.6, "reporter": "y", "verification": "refuted"},
        {"ago": 9.0, "reporter": "y"},
        {"ago": 1.0, "kind": "incident"},
        {"ago": 1.0, "unit_id": "B"},
    )
    found = things(told, NOW, 2.0).set_index(["unit_id", "what", "reports"])
    chain = found.loc[("A", "armed_presence", 3)]
    assert (chain["verification"], chain["people"], chain["age_days"]) == ("confirmed", 2, 1.0)
    assert len(found) == 4


def test_words(land: Land) -> None:
    told = land.telling({"reporter": "x"}, {"ago": 1.5, "verification": "confirmed"}).now()
    english, french = told.loc["A", "says"], told.loc["A", "translations"]["fr"]["says"]
    assert english.startswith("2 reports of armed presence (at best confirmed) raised 0.21 to 0.")
    assert french.startswith("présence armée, 2 signalements (au mieux confirmé)")
    assert "de 0,21 à 0," in french
    assert told.loc["FAR", "says"].startswith("the bulletin abstains")
    assert any(r["what"] == ANY for r in told.loc["A", "updates"])


def test_an_abstaining_unit_stays_without_numbers(land: Land) -> None:
    told = land.telling({"unit_id": "FAR", "kind": "incident"}).now().loc["FAR"]
    assert told[NUMBERS].isna().all()
    assert told["band"] == "abstained"
    assert told["reports"] == 1


def test_bad_tables_are_refused(land: Land) -> None:
    with pytest.raises(ContractError, match="reports"):
        replace(land, reports=land.reports.drop(columns="kind")).now()
    with pytest.raises(ContractError, match="place for every unit"):
        replace(land, units=land.units.iloc[:2]).now()
    with pytest.raises(LeakError, match="window"):
        replace(land, moment=Moment(NOW, STOP, START, 7)).now()
