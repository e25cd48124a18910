"""Rules against what is known: when each is met, when it is quiet, and that it sees no future."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from pydantic import TypeAdapter, ValidationError

from features.vocabulary import Language
from response.alerts import Draft
from response.contracts import MOMENT, empty, require
from response.rules import Rule
from response.triggers import drafts, escalations
from response.trips import Situation

T0 = pd.Timestamp("2018-07-20T12:00:00", tz="UTC")
INSTRUCTION = {"fr": "Appelez le préfet.", "en": "Call the prefect."}
RULE: Any = TypeAdapter(Rule)


def _units() -> pd.DataFrame:
    ids = [f"XX{r}{p}0{u}" for r in "12" for p in "12" for u in "12"]
    return pd.DataFrame(
        {
            "unit_id": ids,
            "name": [f"Commune {i[2:]}" for i in ids],
            "parent_id": [i[:4] for i in ids],
            "parent_name": [f"Cercle {i[2:4]}" for i in ids],
            "region_id": [i[:3] for i in ids],
            "region_name": [f"Région {i[2]}" for i in ids],
        }
    )


def _moments(table: pd.DataFrame, *columns: str) -> pd.DataFrame:
    moments = {c: pd.to_datetime(table[c], utc=True).astype(MOMENT) for c in columns}
    return table.assign(**moments)


@pytest.fixture
def units() -> pd.DataFrame:
    return _units()


@pytest.fixture
def scored() -> Callable[..., pd.DataFrame]:
    """Scores from (unit, hours before T0, probability)."""

    def made(*rows: tuple[str, float, float | None]) -> pd.DataFrame:
        if not rows:
            return empty("score_history")
        table = pd.DataFrame(
            {
                "unit_id": [u for u, _, _ in rows],
                "known_at": [T0 - pd.Timedelta(hours=h) for _, h, _ in rows],
                "source": [f"b{h:g}" for _, h, _ in rows],
                "probability": [p for _, _, p in rows],
            }
        )
        return require(_moments(table.astype({"probability": float}), "known_at"), "score_history")

    return made


REPORT: dict[str, Any] = {
    "version": 1,
    "kind": "warning_sign",
    "sign": "armed_presence",
    "severity": 3,
    "place_kind": None,
    "voting_center": None,
    "people": None,
    "verification": "unverified",
    "withdrawn": False,
    "intake": "sms",
    "reporter": "r1",
}


@pytest.fixture
def reported() -> Callable[..., pd.DataFrame]:
    """Reports from dicts with `unit_id`, `hours` before T0 and what is not as usual."""

    def made(*rows: dict[str, Any]) -> pd.DataFrame:
        if not rows:
            return empty("reports")
        whole = []
        for i, row in enumerate(rows):
            said = {**REPORT, "report_id": f"q{i}", **row}
            seen = T0 - pd.Timedelta(hours=said.pop("hours"))
            late = pd.Timedelta(hours=said.pop("late", 0))
            moments = {"seen_at": seen, "sent_at": seen, "known_at": seen + late}
            whole.append({**moments, **said})
        table = _moments(pd.DataFrame(whole), "seen_at", "sent_at", "known_at")
        texts = ("sign", "place_kind", "voting_center", "people", "reporter")
        table = table.astype(dict.fromkeys(texts, "str"))
        return require(table[list(empty("reports").columns)], "reports")

    return made


@pytest.fixture
def past() -> Callable[..., pd.DataFrame]:
    """Past alerts from dicts with `hours` before T0 and what is not as usual."""

    def made(*rows: dict[str, Any]) -> pd.DataFrame:
        if not rows:
            return empty("past_alerts")
        whole = []
        for i, row in enumerate(rows):
            usual = {"alert_id": f"a{i}", "level": "local", "state": "sent", "strength": 0.5}
            said = {**usual, "escalated": False, **row}
            said["drafted_at"] = T0 - pd.Timedelta(hours=said.pop("hours"))
            said.setdefault("shown_at", pd.NaT if said["state"] == "held" else said["drafted_at"])
            sent = said["state"] not in ("draft", "held", "approved", "rejected", "expired")
            said["sent_at"] = said["drafted_at"] if sent else pd.NaT
            whole.append(said)
        table = _moments(pd.DataFrame(whole), "drafted_at", "shown_at", "sent_at")
        return require(table[list(empty("past_alerts").columns)], "past_alerts")

    return made


@pytest.fixture
def situation(units: pd.DataFrame, scored: Any, reported: Any, past: Any) -> Callable[..., Any]:
    """A situation in which nothing is known but what is given."""

    def made(**known: Any) -> Situation:
        usual: dict[str, Any] = {
            "election_id": "XXA-2018-PRES-1",
            "country": ("XXA", "Testland"),
            "units": units,
            "scores": scored(),
            "reports": reported(),
            "posts": empty("posts"),
            "posted_at": None,
            "past": past(),
        }
        return Situation(**{**usual, **known})

    return made


def rule(kind: str, **how: Any) -> Any:
    usual = {"name": kind, "level": "local", "area": "unit", "channels": ["email"]}
    return RULE.validate_python(
        {**usual, "kind": kind, "instruction": INSTRUCTION, **how}, strict=False
    )


def said(found: list[Draft], language: Language = Language.EN) -> list[tuple[str, str]]:
    return [(draft.area_id, draft.words[language].reason) for draft in found]


def test_a_probability_at_its_threshold_is_told_by_area(situation: Any, scored: Any) -> None:
    known = situation(
        scores=scored(
            ("XX1101", 50, 0.9),
            ("XX1101", 5, 0.5),
            ("XX1102", 5, 0.62),
            ("XX1201", 5, 0.499),
            ("XX2101", 5, None),
        )
    )
    by_region = rule("probability", area="region", threshold=0.5)
    (draft,) = drafts([by_region], known, T0)
    assert (draft.area_id, draft.unit_ids, draft.strength) == ("XX1", ("XX1102", "XX1101"), 0.62)
    assert draft.words[Language.EN].reason == (
        "Probability of at least one incident of 50% or more in 2 communes: "
        "Commune 1102 (62%), Commune 1101 (50%)."
    )
    assert draft.words[Language.FR].reason == (
        "Probabilité d'au moins un incident de 50\u202f% ou plus dans 2 communes\u202f: "
        "Commune 1102 (62\u202f%), Commune 1101 (50\u202f%)."
    )
    assert draft.words[Language.FR].headline == "Région 1\u202f: risque élevé"
    assert draft.evidence["sources"] == ["b5"]
    by_unit = rule("probability", threshold=0.5)
    assert [d.area_id for d in drafts([by_unit], known, T0)] == ["XX1101", "XX1102"]
    country = rule("probability", area="country", threshold=0.5)
    assert [(d.area_id, d.area_name) for d in drafts([country], known, T0)] == [("XXA", "Testland")]


def test_a_unit_that_now_abstains_is_not_told_of_with_its_old_score(
    situation: Any, scored: Any
) -> None:
    known = situation(scores=scored(("XX1101", 50, 0.9), ("XX1101", 5, None)))
    assert drafts([rule("probability", threshold=0.5)], known, T0) == []


@pytest.mark.parametrize(
    ("scores", "tripped"),
    [
        ([("XX1101", 200, 0.2), ("XX1101", 1, 0.4)], True),  # what stood when the time began
        ([("XX1101", 20, 0.1), ("XX1101", 10, 0.3)], True),  # exactly, by decimals
        ([("XX1101", 200, 0.1), ("XX1101", 100, 0.35), ("XX1101", 1, 0.4)], True),
        ([("XX1101", 400, 0.1), ("XX1101", 200, 0.35), ("XX1101", 1, 0.4)], False),
        ([("XX1101", 20, 0.3), ("XX1101", 10, 0.6), ("XX1101", 1, 0.45)], False),  # fell again
        ([("XX1101", 1, 0.9)], False),  # nothing to compare with
        ([("XX1101", 20, 0.0), ("XX1101", 1, 0.25)], False),  # from next to nothing to little
    ],
)
def test_a_rise_counts_from_the_lowest_within_its_hours(
    situation: Any, scored: Any, scores: list[Any], tripped: bool
) -> None:
    rising = rule("rise", rise=0.2, threshold=0.3, within_hours=168)
    assert bool(drafts([rising], situation(scores=scored(*scores)), T0)) is tripped


def test_a_rise_says_from_where_to_where(situation: Any, scored: Any) -> None:
    known = situation(scores=scored(("XX1101", 50, 0.21), ("XX1101", 5, 0.44)))
    found = drafts([rule("rise", rise=0.2)], known, T0)
    assert said(found) == [
        ("XX1101", "The probability rose within 7 days: Commune 1101 (21% to 44%).")
    ]


def test_an_incident_is_told_by_severity_verification_and_time(
    situation: Any, reported: Any
) -> None:
    grave = {"kind": "incident", "sign": "clash", "severity": 4}
    known = situation(
        reports=reported(
            {"unit_id": "XX1101", "hours": 3, **grave},
            {"unit_id": "XX1101", "hours": 2, **grave, "severity": 5, "verification": "confirmed"},
            {"unit_id": "XX1102", "hours": 2, **grave, "severity": 3},
            {"unit_id": "XX1201", "hours": 2, **grave, "verification": "refuted"},
            {"unit_id": "XX1202", "hours": 30, **grave},
            {"unit_id": "XX2101", "hours": 2, **grave, "kind": "tension_defused"},
            {"unit_id": "XX2102", "hours": 2, **grave, "withdrawn": True},
        )
    )
    found = drafts([rule("incident", min_severity=4, within_hours=24)], known, T0)
    assert said(found) == [
        (
            "XX1101",
            "2 incidents within 24 hours: Commune 1101, clash or brawl, severity 5 (confirmed); "
            "Commune 1101, clash or brawl, severity 4 (unverified).",
        )
    ]
    assert found[0].evidence == {"severity": 5, "reports": ["q1", "q0"]}


def test_a_cluster_needs_signs_and_people(situation: Any, reported: Any) -> None:
    def signs(*reporters: str | None) -> Situation:
        rows = [
            {"unit_id": f"XX110{1 + i % 2}", "hours": 1 + i, "reporter": r}
            for i, r in enumerate(reporters)
        ]
        other = {"unit_id": "XX1101", "hours": 1, "sign": "fraud_rumour", "reporter": "z"}
        result: Situation = situation(reports=reported(*rows, other))
        return result

    cluster = rule("cluster", area="parent", count=3, reporters=2, signs=["armed_presence"])
    assert drafts([cluster], signs("a", "b"), T0) == []
    assert drafts([cluster], signs("a", "a", "a"), T0) == []
    assert drafts([cluster], signs(None, None, None), T0) == []
    (draft,) = drafts([cluster], signs("a", "a", None), T0)
    assert (draft.area_id, draft.unit_ids, draft.strength) == ("XX11", ("XX1101", "XX1102"), 3)
    assert draft.words[Language.FR].reason == (
        "3 signes d'alerte en 24 heures à Cercle 11, par 2 personnes\u202f: présence armée (3)."
    )


def test_silence_is_of_posted_areas_alone_and_names_no_post(situation: Any, reported: Any) -> None:
    posts = pd.DataFrame({"unit_id": ["XX1101", "XX1201", "XX2101"], "mediators": [4, 2, 0]})
    reports = reported(
        {"unit_id": "XX1201", "hours": 5, "kind": "nothing_seen", "sign": None, "severity": 0},
        {"unit_id": "XX1102", "hours": 5},  # nobody is posted there: no word from the post
    )
    silent = rule("silence", area="parent", hours=24)

    def found(posted: float) -> list[Draft]:
        since = T0 - pd.Timedelta(hours=posted)
        return drafts([silent], situation(posts=posts, posted_at=since, reports=reports), T0)

    assert found(23) == []
    (draft,) = found(30)
    assert (draft.area_id, draft.unit_ids) == ("XX11", ("XX1101", "XX1102"))
    for words in draft.words.values():
        assert "Commune" not in words.reason
        assert "Cercle 11" in words.reason
    assert drafts([silent], situation(posts=posts, reports=reports), T0) == []  # nobody posted yet


def test_silence_of_a_commune_is_no_rule() -> None:
    with pytest.raises(ValidationError, match="tells where people stand"):
        rule("silence", hours=24)


def test_a_rule_may_be_held_to_some_areas(situation: Any, scored: Any, units: Any) -> None:
    known = situation(scores=scored(*((u, 5, 0.9) for u in units["unit_id"])))
    only = rule("probability", threshold=0.5, only=["XX2", "XX11", "XX1202"])
    assert [d.area_id for d in drafts([only], known, T0)] == [
        *("XX1101", "XX1102", "XX1202"),
        *("XX2101", "XX2102", "XX2201", "XX2202"),
    ]


@pytest.mark.parametrize(
    ("before", "drafted"),
    [
        ({"hours": 23}, False),
        ({"hours": 24}, True),
        ({"hours": 23, "state": "rejected"}, False),  # a person said no: not again at once
        ({"hours": 90, "state": "draft"}, False),  # it still waits for a signature
        ({"hours": 90, "state": "held"}, False),  # the ceiling holds it back
        ({"hours": 23, "strength": 0.69}, True),  # it got worse
        ({"hours": 23, "area_id": "XX1102"}, True),
        ({"hours": 23, "rule": "another"}, True),
        ({"hours": 23, "level": "national"}, True),
    ],
)
def test_cooldown_by_rule_and_area(
    situation: Any, scored: Any, past: Any, before: Any, drafted: bool
) -> None:
    usual = {"rule": "probability", "area_id": "XX1101", "strength": 0.8}
    known = situation(scores=scored(("XX1101", 5, 0.8)), past=past({**usual, **before}))
    cooling = rule("probability", threshold=0.5, cooldown_hours=24, worse_by=0.1)
    assert bool(drafts([cooling], known, T0)) is drafted
    never = replace(known, past=known.past.assign(strength=0.0))
    stubborn = rule("probability", threshold=0.5, cooldown_hours=24)
    if before == {"hours": 23}:
        assert drafts([stubborn], never, T0) == []


def test_what_people_were_told_of_is_updated(situation: Any, scored: Any, past: Any) -> None:
    for state, updates in (("acknowledged", "a0"), ("closed", None), ("rejected", None)):
        before = past({"hours": 50, "state": state, "rule": "probability", "area_id": "XX1101"})
        known = situation(scores=scored(("XX1101", 5, 0.8)), past=before)
        (draft,) = drafts([rule("probability", threshold=0.5)], known, T0)
        assert draft.updates == updates


def test_a_draft_made_twice_is_one(situation: Any, scored: Any) -> None:
    known = situation(scores=scored(("XX1101", 5, 0.8)))
    rules = [rule("probability", threshold=0.5)]
    (first,), (again,) = drafts(rules, known, T0), drafts(rules, known, T0)
    (later,) = drafts(rules, known, T0 + pd.Timedelta(minutes=1))
    assert first.alert_id == again.alert_id != later.alert_id


def test_the_next_level_is_told_when_nobody_acknowledges(
    situation: Any, scored: Any, past: Any
) -> None:
    local = rule("probability", threshold=0.5, escalate_hours=6)
    (draft,) = drafts([local], situation(scores=scored(("XX1101", 5, 0.8))), T0)

    def raised(level: str = "local", **how: Any) -> list[Draft]:
        before = past({"rule": "probability", "area_id": "XX1101", "level": level, **how})
        return escalations([local], before, lambda _: draft, T0)

    assert raised(hours=5.9) == []
    assert raised(hours=6, state="acknowledged") == []
    assert raised(hours=6, escalated=True) == []
    assert raised(hours=6, level="regional") == []
    assert raised(hours=6, rule="gone") == []
    (up,) = raised(hours=6)
    assert (up.level, up.escalates, up.updates) == ("national", "a0", None)
    assert up.alert_id != draft.alert_id
    assert up.words[Language.EN].reason.startswith(
        "Nobody acknowledged the local alert within 6 hours. Probability of"
    )
    assert up.words[Language.FR].reason.startswith("Personne n'a accusé réception")


RULES = [
    rule("probability", threshold=0.5),
    rule("rise", rise=0.1, within_hours=48),
    rule("incident", min_severity=3, area="region"),
    rule("cluster", area="parent", count=2),
    rule("silence", area="region", hours=10),
]


def _everything(situation: Any, scored: Any, reported: Any, past: Any, units: Any) -> Situation:
    ids = units["unit_id"].tolist()
    # Minus hours are in the future.
    scores = scored(
        *(
            (u, h, (0.1 * i + 0.9 - 0.004 * h) % 1)
            for i, u in enumerate(ids)
            for h in (60, 30, 2, -2)
        )
    )
    kinds = ("incident", "warning_sign")
    reports = reported(
        *(
            {"unit_id": u, "hours": h, "kind": kinds[i % 2], "severity": 3 + i % 3, "late": late}
            for i, u in enumerate(ids[:5])
            for h, late in ((20, 0), (6, 0), (6, 9), (-3, 0))
        )
    )
    before = past(*({"hours": h, "rule": "cluster", "area_id": "XX11"} for h in (40, -1)))
    posts = pd.DataFrame({"unit_id": ids, "mediators": 2})
    result: Situation = situation(
        scores=scores,
        reports=reports,
        past=before,
        posts=posts,
        posted_at=T0 - pd.Timedelta(hours=30),
    )
    return result


def _mutated(table: pd.DataFrame, late: pd.Series, seed: int) -> pd.DataFrame:
    """The late rows moved to other units, with other figures."""
    changed = table.loc[late].copy()
    for column in {"unit_id", "area_id"} & set(changed):
        changed[column] = table[column].sample(len(changed), random_state=seed, replace=True).array
    if "probability" in changed:
        changed["probability"] = 0.99
    if "severity" in changed:
        changed["severity"] = 5
    return pd.concat([table.loc[~late], changed])


@pytest.mark.parametrize("hours", [0, 11])
@pytest.mark.parametrize("delete", [True, False])
def test_nothing_known_later_is_seen(
    situation: Any, scored: Any, reported: Any, past: Any, units: Any, delete: bool, hours: int
) -> None:
    as_of = T0 - pd.Timedelta(hours=hours)
    whole = _everything(situation, scored, reported, past, units)
    tables = {"scores": "known_at", "reports": "known_at", "past": "drafted_at"}
    other = {}
    for name, column in tables.items():
        table = getattr(whole, name)
        late = table[column] > as_of
        assert late.any()
        other[name] = table.loc[~late] if delete else _mutated(table, late, hours)
    found = drafts(RULES, whole, as_of)
    assert found == drafts(RULES, replace(whole, **other), as_of)
    assert {draft.kind for draft in found} >= {"probability"}


def test_a_leak_would_be_noticed(
    situation: Any, scored: Any, reported: Any, past: Any, units: Any, monkeypatch: Any
) -> None:
    whole = _everything(situation, scored, reported, past, units)
    late = whole.scores["known_at"] > T0
    without = replace(whole, scores=whole.scores.loc[~late])
    assert drafts(RULES, whole, T0) == drafts(RULES, without, T0)
    monkeypatch.setattr(Situation, "known", lambda self, _: self)
    assert drafts(RULES, whole, T0) != drafts(RULES, without, T0)


def test_where_nothing_is_known_nothing_is_drafted(situation: Any) -> None:
    assert drafts(RULES, situation(), T0) == []


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"instruction": {"fr": "Oui."}}, "expected words in"),
        ({"level": "regional", "escalate_hours": 3}, "below regional"),
        ({"channels": []}, "at least 1"),
        ({"threshold": 1.5}, "less than or equal to 1"),
        ({"kind": "mood"}, "mood"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_rules_that_cannot_be_kept_are_refused(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        rule(**{"kind": "probability", "threshold": 0.5, **wrong})
