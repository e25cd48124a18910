"""Draws, the plan for bad days, moves, and what reports make necessary."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from response.contracts import empty
from response.deployment import Situation, plan
from response.deployment_draws import covered, drawn, worst
from response.deployment_moves import moves
from response.deployment_network import effect, network
from response.deployment_request import Request, Risk
from response.deployment_worst import solve_worst

LEVEL = 0.9


def country(n: int = 12) -> pd.DataFrame:
    p = np.linspace(0.9, 0.02, n)
    return pd.DataFrame(
        {
            "unit_id": [f"U{i}" for i in range(n)],
            "name": [f"Commune {i}" for i in range(n)],
            "parent_id": "P",
            "region_id": [f"R{i % 2}" for i in range(n)],
            "lon": np.arange(n, dtype=float),
            "lat": 0.0,
            "probability": p,
            "lower": p / 2,
            "upper": p + (1 - p) / 2,
            "expected_incidents": p * 1.7,
            "population": np.nan,
            "incidents_last_year": 0.0,
        }
    )


NOBODY = pd.DataFrame({"unit_id": [], "base": [], "mediators": []})


def counts(units: pd.DataFrame, risk: Risk) -> np.ndarray:
    out = np.zeros((risk.draws, len(units)))
    for rows, number in drawn(units, LEVEL, risk, risk.draws):
        out[:, rows] = number
    return out


@pytest.mark.parametrize("shared", [0.0, 0.5, 1.0])
def test_draws_have_the_scores_means(shared: float) -> None:
    units = country()
    found = counts(units, Risk(draws=5000, shared=shared))
    assert (found > 0).mean(axis=0) == pytest.approx(units["probability"], abs=0.03)
    assert found.mean(axis=0) == pytest.approx(units["expected_incidents"], rel=0.12)


def test_shared_error_widens_the_whole_and_seeds_repeat() -> None:
    units = country(40)
    apart, together = (counts(units, Risk(draws=2000, shared=s)) for s in (0.0, 1.0))
    assert together.sum(axis=1).std() > 1.2 * apart.sum(axis=1).std()
    again = counts(units, Risk(draws=2000, shared=0.0))
    assert (again == apart).all()
    assert (counts(units, Risk(draws=2000, shared=0.0, seed=8)) != apart).any()


def test_exact_scores_and_units_without_one_can_be_drawn() -> None:
    units = country(4)
    units["lower"] = units["upper"] = units["probability"]
    units.loc[3, ["probability", "lower", "upper", "expected_incidents"]] = np.nan
    found = counts(units, Risk(draws=4000))
    assert (found[:, 3] == 0).all()
    assert (found[:, :3] > 0).mean(axis=0) == pytest.approx(units["probability"][:3], abs=0.03)


def test_covered_is_the_share_of_drawn_incidents() -> None:
    units, risk = country(), Risk(draws=200)
    shares = np.column_stack([np.linspace(0, 1, 12), np.ones(12)])
    inside, every = covered(units, LEVEL, risk, shares)
    by_hand = counts(units, risk)
    assert inside == pytest.approx(by_hand @ shares)
    assert every == pytest.approx(by_hand.sum(axis=1))


def test_the_worst_is_the_mean_of_the_largest() -> None:
    assert worst(np.array([1.0, 5.0, 3.0, 2.0]), 0.5) == pytest.approx(4.0)
    assert worst(np.arange(10.0), 0.15) == pytest.approx((9 + 0.5 * 8) / 1.5)
    assert worst(np.arange(10.0), 0.05) == pytest.approx(9.0)


@pytest.mark.parametrize("weight", [0.3, 1.0])
def test_the_plan_for_bad_days_is_the_best_of_all_plans(weight: float) -> None:
    units = country(5)
    risk = Risk(draws=60, scenarios=20, weight=weight, tail=0.2)
    request = Request(mediators=6, cap=4, risk=risk)
    e = units["expected_incidents"].to_numpy()
    net = network(request, units, NOBODY)
    found = solve_worst(net, units, e, LEVEL, risk)
    number = np.zeros((20, 5))
    for rows, some in drawn(units, LEVEL, risk, 20):
        number[:, rows] = some

    def value(teams: np.ndarray) -> float:
        share = effect(request, teams * 2)
        left = number @ (1 - share)
        return float((1 - weight) * e @ share - weight * worst(left, 0.2))

    every = [
        value(np.array(teams)) for teams in itertools.product(range(3), repeat=5) if sum(teams) <= 3
    ]
    assert found is not None
    assert found.flow.teams.sum() <= 3
    assert value(found.flow.teams) == pytest.approx(max(every), rel=3e-3)


def test_caution_leaves_less_uncovered_on_bad_days() -> None:
    units = country(30)
    bold, wary = (
        plan(
            Situation(units, LEVEL),
            Request(mediators=12, risk=Risk(weight=w, draws=100, scenarios=100, tail=0.1)),
        ).figures
        for w in (0.0, 1.0)
    )
    assert wary["covered"] <= bold["covered"] + 1e-9
    assert wary["uncovered_worst"] <= bold["uncovered_worst"] + 0.05
    assert bold["covered_lower"] <= bold["covered"] <= bold["covered_upper"]


people = st.dictionaries(
    st.tuples(st.sampled_from(["", "A"]), st.sampled_from([f"U{i}" for i in range(6)])),
    st.integers(1, 4),
    max_size=6,
)


def table(posts: dict[tuple[str, str], int]) -> pd.DataFrame:
    rows = [(u, b, n) for (b, u), n in posts.items()]
    return pd.DataFrame(rows, columns=["unit_id", "base", "mediators"])


@settings(max_examples=60, deadline=None)
@given(people, people)
def test_moves_turn_one_plan_into_the_other(
    before: dict[tuple[str, str], int], after: dict[tuple[str, str], int]
) -> None:
    found = moves(table(before), table(after), country(6))
    assert (found["mediators"] > 0).all()
    for posts, end, other in ((before, "from_unit", "to_unit"), (after, "to_unit", "from_unit")):
        there = found.loc[found[end] != ""].groupby(["base", end])["mediators"].sum()
        assert dict(there) == posts
        assert not ((found[end] == "") & (found[other] == "")).any()
    for base in ("", "A"):
        here = found.loc[found["base"] == base]
        # Nobody goes home while somebody else comes from home.
        assert not ((here["from_unit"] == "").any() and (here["to_unit"] == "").any())
        for u in {u for b, u in before if b == base} & {u for b, u in after if b == base}:
            stays = here.loc[(here["from_unit"] == u) & (here["to_unit"] == u), "mediators"].sum()
            assert stays == min(before[base, u], after[base, u])


def test_moves_travel_least() -> None:
    before = table({("", "U0"): 2, ("", "U3"): 2})
    after = table({("", "U1"): 2, ("", "U4"): 2})
    found = moves(before, after, country(6))
    assert set(zip(found["from_unit"], found["to_unit"], strict=True)) == {
        ("U0", "U1"),
        ("U3", "U4"),
    }
    assert found["km"].tolist() == pytest.approx([111.2, 111.2], abs=0.1)


def test_reports_make_units_necessary_unless_refuted() -> None:
    units = country(6)
    told = pd.concat(
        [empty("reports")]
        + [
            pd.DataFrame(
                {
                    "report_id": [f"r{i}"],
                    "unit_id": [f"U{i}"],
                    "severity": [severity],
                    "verification": [verification],
                }
            )
            for i, severity, verification in (
                (5, 4, "unverified"),
                (4, 5, "refuted"),
                (3, 2, "confirmed"),
            )
        ]
    )
    situation = Situation(units, LEVEL, reports=told)
    risk = Risk(draws=60)
    plain = plan(situation, Request(mediators=4, risk=risk))
    found = plan(situation, Request(mediators=4, cover_reports_from=3, risk=risk))
    assert "U5" not in set(plain.posts["unit_id"])
    assert "U5" in set(found.posts["unit_id"])
    assert found.request.must_cover == ("U5",)
