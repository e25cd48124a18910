"""Teams because of field reports: the gravest first, as far as teams reach, and who is left out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from features.vocabulary import Language
from response.deployment import Situation, plan
from response.deployment_assumed import assumptions
from response.deployment_network import network
from response.deployment_programme import solve
from response.deployment_reports import answer, asked, gravest
from response.deployment_request import Base, Limit, Request, Risk

FEW = Risk(draws=60)
NOBODY = pd.DataFrame({"unit_id": [], "base": [], "mediators": []})


def country(n: int) -> pd.DataFrame:
    expected = np.linspace(2, 0.1, n)
    probability = 1 - np.exp(-expected)
    return pd.DataFrame(
        {
            "unit_id": [f"U{i}" for i in range(n)],
            "name": [f"Commune {i}" for i in range(n)],
            "parent_id": [f"P{4 * i // n}" for i in range(n)],
            "region_id": [f"R{2 * i // n}" for i in range(n)],
            "lon": np.arange(n, dtype=float),
            "lat": 0.0,
            "probability": probability,
            "lower": probability / 2,
            "upper": probability + (1 - probability) / 3,
            "expected_incidents": expected,
            "population": 1.0,
            "incidents_last_year": 0.0,
        }
    )


def told(*rows: tuple[str, int, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["unit_id", "severity", "verification"])


def test_the_order_is_severity_then_proof_then_number() -> None:
    found = gravest(
        told(
            *(("few", 4, "unverified"), ("many", 4, "unverified"), ("many", 4, "unverified")),
            *(("sure", 4, "confirmed"), ("worst", 5, "unverified"), ("worst", 4, "confirmed")),
            *(("slight", 2, "confirmed"), ("no", 5, "refuted")),
        ),
        4,
    )
    assert found["unit_id"].tolist() == ["worst", "sure", "many", "few"]
    assert found["reports"].tolist() == [2, 1, 2, 1]


def test_the_gravest_get_teams_and_the_others_are_named_with_the_reason() -> None:
    units = country(10)
    reports = told(
        *((f"U{i}", 5 if i == 7 else 4, "unverified") for i in (4, 5, 6, 7, 8)),
        *(("U9", 5, "confirmed"), ("U3", 5, "confirmed"), ("gone", 4, "unverified")),
        ("U2", 5, "confirmed"),
    )
    request = Request(
        mediators=6,
        cover_reports_from=4,
        unreachable={"U9": "flood"},
        units={"U2": Limit(maximum=0)},
        risk=FEW,
    )
    found = plan(Situation(units, 0.9, reports=reports), request)
    assert found.request.must_cover == ("U3", "U7", "U4")
    assert set(found.posts["unit_id"]) == {"U3", "U7", "U4"}
    said = found.figures["reports"]
    assert said["promised"] == ["U3", "U7", "U4"]
    whys = {one["unit_id"]: one["why"] for one in said["left_out"]}
    assert whys == {
        "U9": "unreachable",
        "U2": "closed",
        "gone": "unknown",
        **dict.fromkeys(["U5", "U6", "U8"], "no_team"),
    }
    assert said["left_out"][0]["name"] == "Commune 2"
    english = assumptions(found.request, found.figures, Language.EN)[-1]
    assert "3 units get a team for them, 6 are not promised one" in english
    assert "Commune" not in english, "no names: it is read by those who see some areas alone"
    assert "6 n'en sont pas" in assumptions(found.request, found.figures, Language.FR)[-1]


def test_no_more_are_promised_than_was_asked_for() -> None:
    reports = told(*((f"U{i}", 4, "unverified") for i in (5, 6, 7)))
    request = Request(mediators=8, cover_reports_from=4, cover_reports_most=1, risk=FEW)
    found = plan(Situation(country(8), 0.9, reports=reports), request)
    assert found.figures["reports"]["promised"] == ["U5"]
    assert {one["why"] for one in found.figures["reports"]["left_out"]} == {"most"}


def test_reports_never_make_a_request_impossible() -> None:
    """Teams that other constraints need are not promised away."""
    units = country(6)
    reports = told(*((f"U{i}", 5, "confirmed") for i in (3, 4, 5)))
    request = Request(
        mediators=4, cover_reports_from=5, must_cover=("U0",), areas={"R1": Limit(minimum=2)},
        risk=FEW,
    )  # fmt: skip
    found = plan(Situation(units, 0.9, reports=reports), request)
    assert found.figures["reports"]["promised"] == ["U3"]
    assert set(found.posts["unit_id"]) == {"U0", "U3"}


def greedy(request: Request, units: pd.DataFrame, order: list[str]) -> list[str]:
    """The gravest first, each kept if there is still a plan: slow, and plainly what is meant."""
    kept: list[str] = []
    for unit_id in order:
        tried = request.model_copy(update={"must_cover": (*request.must_cover, *kept, unit_id)})
        if solve(network(tried, units, NOBODY), np.zeros(len(units))) is not None:
            kept.append(unit_id)
    return kept


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_it_is_what_trying_one_after_the_other_gives(data: st.DataObject) -> None:
    units, draw = country(8), data.draw
    ids = units["unit_id"].tolist()
    limits: dict[str, Any] = {
        area: Limit(
            minimum=draw(st.sampled_from([0, 0, 2])), maximum=draw(st.sampled_from([None, 2, 4]))
        )
        for area in draw(st.lists(st.sampled_from(["R0", "R1", "P0"]), unique=True))
    }
    bases = tuple(
        Base(
            name=f"b{i}",
            unit_id=draw(st.sampled_from(ids)),
            mediators=draw(st.sampled_from([0, 2, 4])),
            max_km=draw(st.sampled_from([None, 120.0, 250.0])),
        )
        for i in range(draw(st.integers(0, 2)))
    )
    request = Request(
        mediators=draw(st.sampled_from([2, 4, 8])), cap=4, areas=limits, bases=bases,
        cover_reports_from=1, must_cover=tuple(draw(st.sets(st.sampled_from(ids), max_size=1))),
    )  # fmt: skip
    order = draw(st.lists(st.sampled_from(ids), unique=True))
    # The earlier in the order, the more reports: that is what the order of equals goes by.
    rows = [(u, 3, "unverified") for place, u in enumerate(order) for _ in range(9 - place)]
    reports = told(*rows).astype({"severity": "int64"})
    answered = answer(request, units, NOBODY, reports)
    assert answered is not None
    if solve(network(request, units, NOBODY), np.zeros(len(units))) is None:
        assert answered.promised == ()
        return
    assert list(answered.promised) == greedy(request, units, order)
    tried = network(asked(request, answered), units, NOBODY)
    assert solve(tried, np.zeros(len(units))) is not None
