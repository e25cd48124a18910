"""Deployment against need: golden shares, an exact optimum, and honest bounds."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.lessons_round import AS_OF, POSTS, SOURCE, UNITS, evidence

from features.errors import ContractError
from response.lessons_coverage import (
    best_plan,
    coverage_section,
    covered_share,
    curve,
    needed,
    posted,
    region_posts,
    told_share,
)
from response.lessons_evidence import Evidence, Limits, Sent, known_by
from response.lessons_forecast import named
from response.lessons_outcomes import by_region, per_unit

TOLD = Sent(4, ("RA", "RB"), None, SOURCE)


def section(given: Evidence, limits: Limits | None = None) -> dict[str, object]:
    limits = limits or Limits()
    known = known_by(given, AS_OF)
    happened = per_unit(known)
    regions = region_posts(known, by_region(known, happened))
    return coverage_section(known, happened, regions, named(known, happened, limits), limits)


def plans(given: Evidence, counted: str = "incidents") -> pd.DataFrame:
    table = section(given)["plans"]
    return table.loc[table["counted"] == counted].set_index("plan")


def test_plans_cover_what_is_worked_out_by_hand() -> None:
    # Six mediators: A1 with 2 and A3 with 4. Three teams: A1, A3 and B1 are expected highest.
    got = plans(evidence())["value"]
    assert got["sent"] == pytest.approx(3 / 6)
    assert got["bulletin"] == pytest.approx((3 + 2) / 6)
    assert got["baseline"] == pytest.approx((3 + 2 + 1) / 6)
    assert got["equal"] == pytest.approx(3 / 6)
    assert got["hindsight"] == pytest.approx(1)
    assert got["hindsight_in_regions"] == pytest.approx(4 / 6)
    assert got["bulletin_in_regions"] == pytest.approx(4 / 6)
    assert plans(evidence(), "electoral").loc["sent", "value"] == pytest.approx(1 / 4)


def test_one_mediator_more_where_it_happened_covers_it() -> None:
    moved = POSTS.assign(unit_id=["B1", "A3"])
    got = plans(evidence(sent=Sent.of_posts(moved, UNITS, SOURCE)))["value"]
    assert got["sent"] == pytest.approx(2 / 6)


def test_where_only_regions_are_known_coverage_is_bounded() -> None:
    # Two teams of two in Alpha and Bravo, one in each: at best A1 and B1; all four of them in
    # one unit would leave the other region bare, so at least A3 and B2.
    row = plans(evidence(sent=TOLD)).loc["sent"]
    assert (row["low"], row["high"]) == pytest.approx((0, 5 / 6))
    assert row["value"] == pytest.approx(2 / 5)  # two of five units, all equally likely
    assert pd.isna(row["units"])


def _every_stand(
    counts: np.ndarray, regions: np.ndarray, sent: Sent, team: int, most: int
) -> list[float]:
    """Coverage of every set of units that could have been stood in."""
    inside = np.flatnonzero(np.isin(regions, sent.regions))
    many = min(len(inside), sent.mediators // team)
    few = max(-(-sent.mediators // max(most, team)), len(set(regions[inside])))
    few = min(many, few)
    out = []
    for size in range(few, many + 1):
        for stood in combinations(inside, size):
            named_regions = {regions[i] for i in stood}
            if len(named_regions) == len(set(regions[inside])):
                out.append(counts[list(stood)].sum() / counts.sum())
    return out


@given(
    st.lists(st.tuples(st.integers(0, 4), st.sampled_from("ABC")), min_size=3, max_size=7),
    st.integers(6, 14),
    st.integers(2, 6),
)
def test_bounds_are_those_of_every_deployment_that_can_be_meant(
    rows: list[tuple[int, str]], mediators: int, most: int
) -> None:
    counts = np.array([n for n, _ in rows], dtype=float)
    regions = np.array([r for _, r in rows])
    sent = Sent(mediators, ("A", "B"), None, SOURCE)
    found = told_share(counts, regions, sent, 2, most)
    every = _every_stand(counts, regions, sent, 2, most) if counts.sum() else []
    if every:
        assert found.high == pytest.approx(max(every))
        assert found.low == pytest.approx(min(every))
        assert found.low - 1e-9 <= found.value <= found.high + 1e-9


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=4),
    st.integers(0, 6),
    st.sampled_from([(0.0, 1.0), (0.0, 0.5, 0.75), (0.0, 0.4, 0.7, 0.8)]),
)
def test_the_best_plan_is_as_good_as_trying_every_plan(
    worth: list[int], mediators: int, effect: tuple[float, ...]
) -> None:
    counts = np.array(worth, dtype=float)
    gain = np.array(effect)
    made = best_plan(counts, mediators, 1, effect)
    every = (p for p in product(range(len(effect)), repeat=len(worth)) if sum(p) <= mediators)
    best = max(float((counts * gain[list(p)]).sum()) for p in every)
    assert made.sum() <= mediators
    assert float((counts * gain[made]).sum()) == pytest.approx(best)


def test_teams_go_together_and_stay_at_home_where_they_add_nothing() -> None:
    assert best_plan(np.array([3.0, 0.0, 1.0]), 7, 2).tolist() == [2, 0, 2]
    with pytest.raises(ValueError, match="steps that only shrink"):
        best_plan(np.array([1.0]), 1, 1, (0.0, 0.1, 0.9))


def test_without_incidents_there_is_no_share() -> None:
    assert np.isnan(covered_share(np.zeros(2), np.array([1, 0])))
    found = told_share(np.zeros(6), UNITS["region_id"].to_numpy(), TOLD, 2, 8)
    assert np.isnan([found.low, found.value, found.high]).all()
    assert needed(np.zeros(3), 2) == {}


def test_needed_is_the_fewest_that_reach_the_share() -> None:
    # 3, 2 and 1 incidents: half by one team, four in five by two, all by three.
    assert needed(np.array([1.0, 0, 3, 2]), 2) == {"50%": 2, "80%": 4, "100%": 6}


def test_the_curve_rises_to_what_the_plans_cover() -> None:
    known = known_by(evidence(), AS_OF)
    table = curve(known, per_unit(known), Limits()).set_index("mediators")
    assert table.loc[0].tolist() == [0, 0]
    assert table.loc[6].tolist() == pytest.approx([1, 5 / 6])
    assert table.loc[12].tolist() == pytest.approx([1, 1])
    assert (table.diff().dropna() >= 0).all().all()


def test_posts_of_a_region_are_known_unknown_or_none() -> None:
    known = known_by(evidence(), AS_OF)
    regions = by_region(known, per_unit(known))
    told = region_posts(known_by(evidence(sent=TOLD), AS_OF), regions).set_index("region")
    assert told["posted"].to_dict() == {"Alpha": "yes", "Bravo": "yes", "Charlie": "no"}
    assert told["mediators"].isna().to_dict() == {"Alpha": True, "Bravo": True, "Charlie": False}
    exact = region_posts(known, regions).set_index("region")
    assert exact["mediators"].to_dict() == {"Alpha": 6, "Bravo": 0, "Charlie": 0}
    nothing = region_posts(known_by(evidence(sent=None), AS_OF), regions)
    assert nothing["posted"].eq("unknown").all()
    assert posted(evidence(sent=None)).isna().all()


def test_hot_spots_say_whether_somebody_stood_there() -> None:
    got = section(evidence())["hot_spots"].set_index("unit_id")["posted"]
    assert got.to_dict() == {"A1": "yes", "B1": "no", "A2": "no", "B2": "no"}
    assert list(got.index)[:2] == ["A1", "B1"]


def test_nothing_on_record_is_said_and_not_counted_as_nobody() -> None:
    assert section(evidence(sent=None)) == {"status": "none"}


def test_a_post_outside_the_registry_is_refused() -> None:
    with pytest.raises(ContractError, match="expected units of the bulletin's registry, got Z9"):
        Sent.of_posts(POSTS.assign(unit_id=["A1", "Z9"]), UNITS, SOURCE)
