"""The planner against brute force, against rules of thumb, and where no plan exists."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from features.errors import ContractError
from features.sphere import kilometres
from features.vocabulary import Language
from response.deployment import Situation, plan, stood_in
from response.deployment_clash import InfeasibleError, smallest_conflict
from response.deployment_network import effect, network
from response.deployment_programme import pruned, solve
from response.deployment_request import (
    Abstained,
    Base,
    Limit,
    Moving,
    Request,
    Risk,
    constraints,
    without,
)
from response.deployment_rivals import keeps, rivals, spread
from response.deployment_value import covers, curve, lifted

FEW = Risk(draws=60)


def country(expected: list[float | None], regions: int = 2) -> pd.DataFrame:
    n = len(expected)
    e = np.array([np.nan if x is None else x for x in expected], dtype=float)
    p = 1 - np.exp(-e)
    return pd.DataFrame(
        {
            "unit_id": [f"U{i}" for i in range(n)],
            "name": [f"Commune {i}" for i in range(n)],
            "parent_id": [f"R{i * regions // n}.P{i % 2}" for i in range(n)],
            "region_id": [f"R{i * regions // n}" for i in range(n)],
            "lon": np.arange(n, dtype=float),
            "lat": 0.0,
            "probability": p,
            "lower": p / 2,
            "upper": p + (1 - p) / 3,
            "expected_incidents": e,
            "population": np.arange(n, dtype=float) + 1,
            "incidents_last_year": np.arange(n, dtype=float)[::-1],
        }
    )


NOBODY = pd.DataFrame({"unit_id": [], "base": [], "mediators": []})


class Rules:
    """A request's constraints said again, plainly, to try every plan in turn."""

    def __init__(self, request: Request, units: pd.DataFrame) -> None:
        self.request, self.rows = request, units.to_dict("records")
        at = {row["unit_id"]: i for i, row in enumerate(self.rows)}
        km = [kilometres(units, at[b.unit_id]) for b in request.bases]
        self.reach = [
            [
                (b.max_km is None or far[i] <= b.max_km) and self._understood(b, row)
                for i, row in enumerate(self.rows)
            ]
            for b, far in zip(request.bases, km, strict=True)
        ]

    def _understood(self, base: Base, row: dict[Any, Any]) -> bool:
        for place in (row["unit_id"], row["parent_id"], row["region_id"]):
            if place in self.request.languages:
                spoken = set(base.languages) & set(self.request.languages[place])
                return not base.languages or bool(spoken)
        return True

    def allow(self, people: tuple[int, ...]) -> bool:
        r = self.request
        if sum(people) > r.mediators:
            return False
        for row, m in zip(self.rows, people, strict=True):
            limit = r.units.get(row["unit_id"], Limit())
            top = r.cap if limit.maximum is None else min(limit.maximum, r.cap)
            low = max(limit.minimum, 1 if row["unit_id"] in r.must_cover else 0)
            out = (
                row["unit_id"] in r.unreachable
                or row["region_id"] in r.regions_out
                or (r.regions_in and row["region_id"] not in r.regions_in)
            )
            if not low <= m <= (0 if out else top):
                return False
        for area, limit in r.areas.items():
            there = sum(
                m
                for row, m in zip(self.rows, people, strict=True)
                if area in (row["region_id"], row["parent_id"])
            )
            if there < limit.minimum or (limit.maximum is not None and there > limit.maximum):
                return False
        return not r.bases or self._from_bases(people)

    def _from_bases(self, people: tuple[int, ...]) -> bool:
        """Hall's condition: the bases near any set of units have teams enough for it."""
        size = self.request.team_size
        wanted = [i for i, m in enumerate(people) if m]
        for count in range(1, len(wanted) + 1):
            for some in itertools.combinations(wanted, count):
                teams = sum(
                    b.mediators // size
                    for b, near in zip(self.request.bases, self.reach, strict=True)
                    if any(near[i] for i in some)
                )
                if teams < sum(people[i] // size for i in some):
                    return False
        return True

    def best(self) -> float | None:
        """What the best of all plans covers."""
        e = np.nan_to_num([row["expected_incidents"] for row in self.rows])
        steps = range(0, self.request.cap + 1, self.request.team_size)
        values = [
            float(e @ effect(self.request, np.array(people)))
            for people in itertools.product(steps, repeat=len(self.rows))
            if self.allow(people)
        ]
        return max(values, default=None)


ids = st.sampled_from([f"U{i}" for i in range(4)])
limits = st.builds(
    lambda low, more: Limit(minimum=low, maximum=None if more is None else low + more),
    st.integers(0, 3),
    st.none() | st.integers(0, 4),
)
bases = st.lists(
    st.builds(
        Base,
        name=st.sampled_from(["A", "B", "C"]),
        unit_id=ids,
        mediators=st.integers(0, 6),
        max_km=st.none() | st.sampled_from([50.0, 120.0, 300.0]),
        languages=st.lists(st.sampled_from(["ful", "dog"]), max_size=1).map(tuple),
    ),
    max_size=3,
    unique_by=lambda b: b.name,
).map(tuple)
requests = st.builds(
    lambda bases, languages, **k: Request(
        bases=bases, languages=languages if bases else {}, risk=FEW, **k
    ),
    mediators=st.integers(0, 9),
    team_size=st.integers(1, 2),
    effectiveness=st.sampled_from([0.2, 0.5, 0.9]),
    cap=st.integers(2, 4),
    areas=st.dictionaries(st.sampled_from(["R0", "R1", "R0.P0"]), limits, max_size=2),
    units=st.dictionaries(ids, limits, max_size=1),
    regions_in=st.sampled_from([(), (), ("R0",), ("R0", "R1")]),
    regions_out=st.sampled_from([(), (), (), ("R1",)]),
    unreachable=st.dictionaries(ids, st.just("flood"), max_size=2),
    must_cover=st.lists(ids, max_size=2, unique=True).map(tuple),
    bases=bases,
    languages=st.dictionaries(
        st.sampled_from(["R0", "R1.P0", "U1"]),
        st.lists(st.sampled_from(["ful", "dog"]), min_size=1, max_size=2).map(tuple),
        max_size=1,
    ),
)
numbers = st.lists(st.none() | st.floats(0, 4).map(lambda x: round(x, 2)), min_size=4, max_size=4)


@settings(max_examples=60, deadline=None)
@given(requests, numbers)
def test_the_plan_is_the_best_of_all_plans(request_: Request, expected: list[float | None]) -> None:
    units = country(expected)
    rules = Rules(request_, units)
    by_hand = rules.best()
    e = stood_in(units, Abstained.LEAVE_OUT)
    found = solve(network(request_, units, NOBODY), e)
    if by_hand is None:
        assert found is None
        return
    assert found is not None
    people = tuple(int(t) * request_.team_size for t in found.teams)
    assert rules.allow(people)
    assert found.value == pytest.approx(by_hand, abs=1e-6)
    assert e @ effect(request_, np.array(people)) == pytest.approx(by_hand, abs=1e-6)
    if request_.bases:
        size = request_.team_size
        net = network(request_, units, NOBODY)
        for number, supply in enumerate(net.supplies):
            sent = [(u, n) for s, u, n in found.sent if s == number]
            base = next(b for b in request_.bases if b.name == supply.base)
            assert sum(n for _, n in sent) * size <= base.mediators
            assert all(rules.reach[request_.bases.index(base)][u] for u, _ in sent)


@settings(max_examples=20, deadline=None)
@given(requests, numbers)
def test_clashes_are_smallest_and_lifting_them_helps(
    request_: Request, expected: list[float | None]
) -> None:
    units = country([x or 1.0 for x in expected])
    if Rules(request_, units).best() is not None:
        assert plan(Situation(units, 0.9), request_).posts["mediators"].sum() <= request_.mediators
        return
    with pytest.raises(InfeasibleError) as caught:
        plan(Situation(units, 0.9), request_)
    every = {c.key for c in constraints(request_)}
    zero = np.zeros(len(units))

    def feasible(kept: set[str]) -> bool:
        eased = without(request_, frozenset(every - kept))
        return solve(network(eased, units, NOBODY), zero) is not None

    lifted_keys = set()
    for group in caught.value.clashes:
        keys = {c.key for c in group}
        assert not feasible(keys)
        assert all(feasible(keys - {key}) for key in keys)
        assert all(c.key in str(caught.value) for c in group)
        lifted_keys |= keys
    assert feasible(every - lifted_keys)


@settings(max_examples=20, deadline=None)
@given(requests, numbers)
def test_more_mediators_never_hurt_and_no_rule_does_better(
    request_: Request, expected: list[float | None]
) -> None:
    units = country(expected)
    e = stood_in(units, Abstained.LEAVE_OUT)
    now = covers(request_, units, e)
    net, rules = network(request_, units, NOBODY), Rules(request_, units)
    if now is None:
        return
    more = covers(request_.model_copy(update={"mediators": request_.mediators + 1}), units, e)
    assert more is not None
    assert more >= now - 1e-7
    for rival in rivals(net, units, ("R0",)):
        if rival.teams is None:
            continue
        people = rival.teams * request_.team_size
        assert people.sum() <= request_.mediators
        assert rival.keeps == rules.allow(tuple(int(p) for p in people))
        if rival.keeps:
            assert e @ effect(request_, people) <= now + 1e-7
    gains = lifted(request_, units, e, 99)["gain"]
    assert (gains >= 0).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(0, 10**6), st.booleans())
def test_pruning_leaves_the_best_plan(teams: int, seed: int, limited: bool) -> None:
    random = np.random.default_rng(seed)
    units = country(list(random.gamma(0.3, 1, 60)), regions=4)
    request = Request(
        mediators=teams * 2,
        areas={"R1": Limit(maximum=6), "R2": Limit(minimum=2)} if limited else {},
        bases=(
            Base(name="A", unit_id="U3", mediators=20, max_km=2500),
            Base(name="B", unit_id="U50", mediators=2 * teams),
        )
        if seed % 2
        else (),
    )
    net = network(request, units, NOBODY)
    e = units["expected_incidents"].to_numpy()
    smaller = pruned(net, e)
    assert (smaller.most > 0).sum() <= (net.most > 0).sum()
    # Where moves cost something nothing is pruned: next to no cost gives the plain answer.
    dear = tuple(replace(s, cost=np.full(len(s.units), 1e-12)) for s in net.supplies)
    found = solve(net, e)
    plain = solve(replace(net, supplies=dear), e) if dear else None
    if not dear and not limited:
        gains = np.sort(np.outer(e, np.diff(net.effect)).ravel())[::-1]
        assert found is not None
        assert found.value == pytest.approx(gains[:teams].sum(), abs=1e-6)
    if dear:
        assert (plain is None) == (found is None)
    if plain is not None and found is not None:
        assert found.value == pytest.approx(plain.value, abs=1e-6)


def test_golden_plan() -> None:
    """Three units, two teams of two at 0.5 each: 3 x 0.75 + 1 x 0.75 beats 3 x 0.9375."""
    units = country([3.0, 1.0, 0.5], regions=1)
    found = plan(Situation(units, 0.9), Request(mediators=5, effectiveness=0.5, cap=4, risk=FEW))
    assert found.posts.to_dict("records") == [
        {"unit_id": "U0", "base": "", "mediators": 2},
        {"unit_id": "U1", "base": "", "mediators": 2},
    ]
    assert found.figures["covered"] == pytest.approx(3.0)
    assert found.figures["share"] == pytest.approx(3.0 / 4.5)
    assert found.figures["sent"] == 4
    assert found.figures["one_more_team"] == pytest.approx(3 * (0.9375 - 0.75))


def test_wrong_ids_and_wrong_requests_are_refused() -> None:
    units = country([1.0, 2.0])
    for wrong in (
        {"areas": {"R9": Limit(minimum=1)}},
        {"must_cover": ("X",)},
        {"unreachable": {"X": "no road"}},
        {"regions_out": ("U0",)},
        {"bases": (Base(name="A", unit_id="X", mediators=2),)},
        {"languages": {"R0": ("ful",)}},
    ):
        with pytest.raises(ContractError, match="expected"):
            plan(Situation(units, 0.9), Request(mediators=4, risk=FEW, **wrong))  # type: ignore[arg-type]
    for broken in ({"mediators": -1}, {"mediators": 2, "cap": 1}, {"mediators": 2, "color": 1}):
        with pytest.raises(ValidationError):
            Request.model_validate(broken)


def test_a_clash_is_said_in_both_languages() -> None:
    units = country([1.0, 2.0])
    asked = Request(
        mediators=4,
        must_cover=("U0",),
        unreachable={"U0": "pont coupé"},
        areas={"R1": Limit(minimum=10)},
        risk=FEW,
    )
    with pytest.raises(InfeasibleError) as caught:
        plan(Situation(units, 0.9), asked)
    groups = [{c.key for c in group} for group in caught.value.clashes]
    assert {"must_cover:U0", "unreachable:U0"} in groups
    assert {"cap", "areas.min:R1"} in groups or {"mediators", "areas.min:R1"} in groups
    assert "U0 cannot be reached: pont coupé" in str(caught.value)
    assert "U0 est inaccessible" in caught.value.says(Language.FR)


def test_the_smallest_conflict_is_found_among_many() -> None:
    keys = [f"k{i}" for i in range(200)]
    bad = {"k3", "k77", "k199"}
    asked = []

    def feasible(kept: frozenset[str]) -> bool:
        asked.append(kept)
        return not bad <= kept

    assert set(smallest_conflict(keys, feasible)) == bad
    assert len(asked) < 60


def test_units_that_abstain_are_said_and_can_be_stood_in_for() -> None:
    units = country([2.0, 1.0, None, 0.1])
    left = plan(Situation(units, 0.9), Request(mediators=4, risk=FEW))
    assert (left.figures["abstained"], left.figures["abstained_with_mediators"]) == (1, 0)
    e = stood_in(units, Abstained.AREA_MEAN)
    assert e.tolist() == [2.0, 1.0, pytest.approx(0.1), 0.1]
    asked = Request(mediators=6, abstained="area_mean", must_cover=("U2",), risk=FEW)
    kept = plan(Situation(units, 0.9), asked)
    assert kept.figures["abstained_with_mediators"] == 1
    assert kept.figures["expected_incidents"] == pytest.approx(3.1)
    with pytest.raises(ContractError, match="abstains"):
        plan(Situation(country([None, None]), 0.9), Request(mediators=2, risk=FEW))


def test_moving_costs_keep_people_where_they_are() -> None:
    units = country([1.0, 1.2, 0.0, 5.0], regions=1)
    before = pd.DataFrame({"unit_id": ["U0"], "base": [""], "mediators": [2]})
    situation = Situation(units, 0.9, posts=before)

    def where(**how: Any) -> list[str]:
        asked = Request(mediators=2, risk=FEW, **how)
        return plan(situation, asked).posts["unit_id"].tolist()

    assert where() == ["U3"]
    assert where(moving=Moving(each=0.5)) == ["U3"]
    assert where(moving=Moving(each=1.5)) == ["U0"]
    assert where(moving=Moving(per_100_km=0.4)) == ["U1"] or where(
        moving=Moving(per_100_km=0.4)
    ) == ["U0"]


def test_shares_follow_weights() -> None:
    assert spread(np.array([1.0, 2.0, 1.0]), 4, np.array([9, 9, 9])).tolist() == [1, 2, 1]
    assert spread(np.array([1.0, 2.0, 1.0]), 8, np.array([9, 2, 9])).tolist() == [3, 2, 3]
    assert spread(np.ones(6), 3, np.full(6, 1)).tolist() == [0, 1, 0, 1, 0, 1]
    assert spread(np.ones(2), 9, np.array([1, 1])).tolist() == [1, 1]


def test_a_fixed_plan_keeps_constraints_or_not() -> None:
    units = country([1.0, 1.0])
    net = network(Request(mediators=4, areas={"R0": Limit(maximum=2)}), units, NOBODY)
    assert keeps(net, np.array([1, 1]))
    assert not keeps(net, np.array([2, 0]))


def test_the_curve_runs_from_none_to_twice_and_bends_down() -> None:
    units = country([3.0, 1.0, 0.5, 0.2, 0.1, 0.4])
    along = curve(Request(mediators=10, risk=FEW), units, units["expected_incidents"].to_numpy())
    assert along["mediators"].iloc[0] == 0
    assert along["mediators"].iloc[-1] == 20
    slopes = np.diff(along["covered"]) / np.diff(along["mediators"])
    assert (np.diff(slopes) <= 1e-9).all()
