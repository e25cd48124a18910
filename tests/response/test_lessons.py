"""The whole document: as-of, rules that follow their figures, words in both languages."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import date
from functools import cache
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.lessons_round import (
    ABOUT,
    AS_OF,
    INCIDENTS,
    POSTS,
    SCORES,
    SOURCE,
    UNITS,
    alerts,
    evidence,
    incidents,
    reports,
)

from features.errors import ConfigError, ContractError
from features.vocabulary import Language
from response import lessons_rules
from response.contracts import MOMENT
from response.lessons import learn
from response.lessons_evidence import Evidence, Limits, Sent
from response.lessons_words import FIGURES, RULES

USUAL = evidence()
SIGN = {"seen_at": "2018-07-18T08:00Z"}


@cache
def found(given: Evidence, limits: Limits | None = None) -> dict[tuple[str, str], dict[str, Any]]:
    """Findings by rule and level; of several regions, the first."""
    document = learn(given, AS_OF, limits)
    return {(f["rule"], f["level"]): f for f in reversed(document["findings"])}


def state(rule: str, level: str, given: Evidence, limits: Limits | None = None) -> str:
    return str(found(given, limits)[rule, level]["state"])


def test_the_document_is_plain_and_the_same_each_time() -> None:
    one, two = (json.dumps(learn(evidence(), AS_OF), allow_nan=False) for _ in range(2))
    assert one == two
    assert json.loads(one) == learn(evidence(), AS_OF)


def test_a_round_that_has_not_begun_teaches_nothing() -> None:
    with pytest.raises(ConfigError, match="expected an as_of of 2018-07-02 or later"):
        learn(evidence(), date(2018, 7, 1))


HISTORY = reports(
    SIGN,
    {"version": 2, "known_at": "2018-08-20T10:00Z", "verification": "confirmed"},
    {"report_id": "R2", "known_at": "2018-08-21T10:00Z", "unit_id": "A3"},
)
SENT = alerts(
    {"drafted_at": "2018-07-17T06:00Z", "sent_at": "2018-07-17T09:00Z",
     "acknowledged_at": "2018-08-21T10:00Z", "closed_at": "2018-08-22T10:00Z"},
    {"alert_id": "L2", "drafted_at": "2018-08-21T06:00Z"},
)  # fmt: skip


@settings(max_examples=8, deadline=None)
@given(st.data())
def test_what_becomes_known_later_changes_nothing(data: st.DataObject) -> None:
    as_of = data.draw(st.dates(date(2018, 7, 20), date(2018, 9, 1)))
    moment = pd.Timestamp(as_of, tz="UTC") + pd.Timedelta(1, "D")
    rows = INCIDENTS.assign(
        known_on=pd.to_datetime(INCIDENTS["event_date"])
        + pd.to_timedelta(data.draw(st.lists(st.integers(0, 60), min_size=12, max_size=12)), "D")
    ).astype(INCIDENTS.dtypes.to_dict())
    whole = evidence(incidents=rows, reports=HISTORY, alerts=SENT)
    known = rows.loc[rows["known_on"] <= pd.Timestamp(as_of)]
    later = rows.loc[rows["known_on"] > pd.Timestamp(as_of)].assign(unit_id="C1", fatalities=99.0)
    history = HISTORY.loc[HISTORY["known_at"] < moment]
    told = SENT.loc[SENT["drafted_at"] < moment].copy()
    for column in [c for c in told.columns if c.endswith("_at")]:
        told[column] = told[column].where(told[column] < moment).astype(MOMENT)
    mutated = pd.concat([known, later], ignore_index=True)
    past = evidence(
        incidents=mutated,
        reports=history.reset_index(drop=True),
        alerts=told.reset_index(drop=True),
    )
    assert json.dumps(learn(whole, as_of)) == json.dumps(learn(past, as_of))


def test_the_future_does_change_a_later_day() -> None:
    assert learn(evidence(), AS_OF) != learn(evidence(), date(2019, 3, 1)) | {"about": {}}
    late = learn(evidence(), date(2019, 3, 1))["totals"]["incidents"]
    assert late == learn(evidence(), AS_OF)["totals"]["incidents"] + 1


def test_a_region_where_much_fell_and_nobody_stood_is_named() -> None:
    got = found(USUAL)["uncovered_region", "national"]
    assert got["state"] == "change"
    assert got["values"]["region"] == "Bravo"
    assert (
        "Bravo: 2 of 6 incidents (33%) and 2 of 4 linked to the election (50%)"
        in (got["says"]["en"])
    )
    assert "Bravo\u202f: 2 des 6 incidents (33\u202f%)" in got["says"]["fr"]


def test_it_is_not_once_somebody_stands_there_or_less_fell() -> None:
    there = Sent.of_posts(
        pd.concat([POSTS, pd.DataFrame({"unit_id": ["B2"], "mediators": [2]})], ignore_index=True),
        UNITS,
        SOURCE,
    )
    assert state("uncovered_region", "national", evidence(sent=there)) == "fine"
    assert state("uncovered_region", "national", USUAL, Limits(region_share=0.51)) == "fine"
    assert state("uncovered_region", "national", evidence(sent=None)) == "no_data"
    few = Limits(least_incidents=7)
    assert state("uncovered_region", "national", USUAL, few) == "no_data"


def quiet(given: Evidence) -> Evidence:
    """The same without the incidents that a rule turns on."""
    return replace(given, incidents=incidents(("A3", "2018-10-01", "battle", False, 0)))


TOLD = Sent(4, ("RA",), None, SOURCE)
WARNED = SCORES.assign(band="very_high", probability=SCORES["probability"].fillna(0.5))
FAR = SCORES.assign(probability=0.9, band="very_high")
BEFORE = incidents(
    *[("A2", "2018-06-01", "battle", False, 0)] * 2,
    *[("A1", "2018-07-20", "battle", False, 1)] * 6,
    ("A3", "2018-10-01", "battle", False, 0),
)
MANY_SIGNS = reports(
    *(
        {"report_id": f"T{n}", "unit_id": "A3", "seen_at": "2018-07-20T08:00Z"} for n in range(10)
    ),
    *(
        {"report_id": f"N{n}", "unit_id": "A1", "kind": "nothing_seen", "sign": None,
         "severity": 0, "seen_at": "2018-07-19T08:00Z"}
        for n in range(10)
    ),
)  # fmt: skip
SLOW = {
    "drafted_at": "2018-07-17T06:00Z",
    "approved_at": "2018-07-18T06:00Z",
    "sent_at": "2018-07-18T06:00Z",
    "acknowledged_at": "2018-07-19T06:00Z",
    "acted_at": "2018-07-21T06:00Z",
}
QUICK = {
    "drafted_at": "2018-07-17T06:00Z",
    "approved_at": "2018-07-17T07:00Z",
    "sent_at": "2018-07-17T07:00Z",
    "acknowledged_at": "2018-07-17T08:00Z",
    "acted_at": "2018-07-17T09:00Z",
}
EVERY_UNIT = alerts(
    {**QUICK, "alert_id": "L0", "drafted_at": "2018-07-01T06:00Z", "sent_at": "2018-07-01T07:00Z"},
    *({**QUICK, "alert_id": u, "unit_id": u, "sent_at": "2018-07-26T00:00Z",
       "drafted_at": "2018-07-26T00:00Z"} for u in ("A1", "A2", "B1"))
)  # fmt: skip

LEVELS = ("local", "national", "regional")
SLOWLY = {v: evidence(alerts=alerts(SLOW | {"level": v})) for v in LEVELS}
QUICKLY = {v: evidence(alerts=alerts(QUICK | {"level": v})) for v in LEVELS}
CASES: list[tuple[str, str, Evidence, Evidence]] = [
    # rule, level, where it asks for a change, where it does not
    ("uncovered_spots", "local", evidence(sent=Sent.of_posts(POSTS.iloc[1:], UNITS, SOURCE)),
     USUAL),
    ("no_deployment", "national", evidence(sent=None), evidence(sent=TOLD)),
    ("unknown_posts", "national", evidence(sent=TOLD), USUAL),
    ("better_plan", "national", USUAL, evidence(sent=Sent.of_posts(
        pd.DataFrame({"unit_id": ["A1", "A2", "B1"], "mediators": 2}), UNITS, SOURCE))),
    ("missed", "local", USUAL, evidence(scores=WARNED)),
    ("false_alarms", "local", evidence(scores=FAR), USUAL),
    ("outcome_ratio", "national",
     quiet(evidence(scores=FAR.assign(probability=1.0))), USUAL),
    ("calibration_error", "national", USUAL, evidence(scores=SCORES.assign(
        probability=[1.0, 1.0, 0.0, 1.0, 0.0, None]))),
    ("below_baseline", "national", USUAL, evidence(scores=SCORES.assign(
        probability=[0.9, 0.8, 0.1, 0.8, 0.01, None]))),
    ("no_score", "local", evidence(incidents=incidents(
        ("C1", "2018-07-20", "battle", False, 0), ("A1", "2018-07-20", "battle", False, 0))),
     USUAL),
    ("no_reports", "local", USUAL, evidence(reports=reports(SIGN))),
    ("report_delay", "local", evidence(reports=reports(SIGN)),
     evidence(reports=reports({"known_at": "2018-07-18T11:00Z"}))),
    ("report_checked", "national", evidence(reports=reports(SIGN)),
     evidence(reports=reports({"verification": "refuted"}))),
    ("silent_posts", "local", evidence(reports=reports(SIGN)),
     evidence(reports=reports(SIGN, {"report_id": "R2", "unit_id": "A3"}))),
    ("unseen", "local", evidence(reports=reports({"kind": "nothing_seen", "sign": None})),
     evidence(reports=reports(SIGN))),
    ("empty_signs", "national", evidence(reports=MANY_SIGNS),
     evidence(reports=MANY_SIGNS.assign(unit_id=MANY_SIGNS["unit_id"].map(
         {"A1": "A3", "A3": "A1"}), seen_at=MANY_SIGNS["seen_at"].max().floor("D")
         - pd.Timedelta(1, "D")))),
    ("no_alerts", "national", USUAL, SLOWLY["local"]),
    ("approve_hours", "national", SLOWLY["local"],
     QUICKLY["local"]),
    *(
        (rule, level, SLOWLY[level],
         QUICKLY[level])
        for rule in ("acknowledge_hours", "act_hours")
        for level in ("local", "national", "regional")
    ),
    *(
        ("acted", level, evidence(alerts=alerts(QUICK | {"level": level, "acted_at": None})),
         QUICKLY[level])
        for level in ("local", "national", "regional")
    ),
    ("unalerted", "national", QUICKLY["local"], evidence(alerts=EVERY_UNIT)),
    ("rise", "regional", evidence(incidents=BEFORE), evidence(
        incidents=BEFORE, alerts=alerts(QUICK | {"level": "regional"}))),
    ("no_regional_alert", "regional", USUAL,
     QUICKLY["regional"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "level", "past", "within"), CASES, ids=[f"{c[0]}-{c[1]}" for c in CASES]
)
def test_a_rule_asks_for_a_change_where_its_figure_is_past_its_limit(
    rule: str, level: str, past: Evidence, within: Evidence
) -> None:
    asking = found(past)[rule, level]
    assert asking["state"] == "change"
    for language in Language:
        assert asking["says"][language]
        assert "{" not in asking["says"][language] + asking["asks"][language]
        assert "–" not in asking["says"][language]
    still = found(within).get((rule, level), {"state": "fine", "says": {"en": None, "fr": None}})
    assert still["state"] == "fine"
    assert still["says"] == {"en": None, "fr": None}


def test_every_rule_is_tried_above_and_has_its_words() -> None:
    tried = {rule for rule, *_ in CASES} | {"uncovered_region"}
    assert tried == set(FIGURES) == set(RULES[Language.EN]) == set(RULES[Language.FR])
    assert len(lessons_rules.RULES) == len(set(lessons_rules.RULES))


def test_french_has_narrow_spaces_and_the_same_values_as_english() -> None:
    for rule, words in RULES[Language.FR].items():
        english = RULES[Language.EN][rule]
        for one, other in zip(words, english, strict=True):
            assert sorted(_fields(one)) == sorted(_fields(other)), rule
    said = [f["says"]["fr"] for f in learn(evidence(sent=TOLD), AS_OF)["findings"]]
    text = " ".join(s for s in said if s)
    assert not any(f" {mark}" in text for mark in ":;!?%»")
    assert "\u202f%" in text


def _fields(text: str) -> list[str]:
    return [part.split("}")[0] for part in text.split("{")[1:]]


def test_headlines_follow_the_figures() -> None:
    lines = learn(evidence(), AS_OF)["headlines"]
    english = " ".join(lines["en"])
    assert "6 incidents in 3 of 6 communes, 8 deaths." in english
    assert "They fell mostly in Alpha (4, 67%) and Bravo (2, 33%)." in english
    assert "No mediator was posted in Bravo (2): 2 of 6 incidents (33%)." in english
    assert "50% of incidents fell in communes where mediators stood." in english
    assert len(lines["fr"]) == len(lines["en"])
    moved = evidence(sent=Sent.of_posts(POSTS.assign(unit_id=["B1", "C1"]), UNITS, SOURCE))
    assert "No mediator was posted in Alpha (4)" in " ".join(learn(moved, AS_OF)["headlines"]["en"])
    bare = learn(evidence(sent=None), AS_OF)["headlines"]["en"]
    assert "Nothing is on record of a deployment." in bare


def test_levels_have_figures_of_their_own() -> None:
    levels = learn(evidence(), AS_OF)["levels"]
    assert levels["local"]["figures"]["posted"] == 1
    assert levels["local"]["figures"]["not_posted"] == 2
    assert levels["national"]["figures"]["regions_not_posted"] == 1
    assert levels["national"]["figures"]["incidents_not_posted"] == 2
    assert levels["regional"]["figures"]["deaths"] == 8


def test_a_quiet_round_is_a_round_too() -> None:
    document = learn(quiet(evidence(sent=TOLD)), AS_OF)
    assert document["totals"]["incidents"] == 0
    assert document["headlines"]["en"][0] == "0 incidents in 0 of 6 communes, 0 deaths."
    assert json.dumps(document, allow_nan=False)


def test_limits_are_in_the_document() -> None:
    limits = learn(evidence(), AS_OF, Limits(team=3))["limits"]
    assert set(limits) == {f.name for f in fields(Limits)}
    assert limits["team"] == 3


def test_a_table_that_breaks_its_contract_is_refused() -> None:
    with pytest.raises(ContractError, match="table 'alerts'"):
        learn(evidence(alerts=alerts(QUICK).assign(level="village")), AS_OF)


def test_provisional_lessons_say_so() -> None:
    assert learn(evidence(), date(2018, 8, 12))["settled"]["why"] == "reports_due"
    assert learn(evidence(about=replace(ABOUT, settle_days=0)), date(2018, 10, 1))["settled"][
        "is_settled"
    ]


def test_what_was_typed_into_reports_is_in_no_lesson() -> None:
    planted = "chez Moussa 76123456"
    typed = reports({"voting_center": planted, "reporter": "planted-hash"})
    said = json.dumps(learn(evidence(reports=typed), AS_OF), default=str)
    assert "threats" in said
    assert planted not in said
    assert "planted-hash" not in said
