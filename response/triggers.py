"""Holding rules against what is known: tables in, drafts of alerts out.

Nothing that became known after `as_of` is seen: the same drafts come out when every later row
is deleted or changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pandas as pd

from features.vocabulary import Language
from response import alert_words
from response.alerts import NEXT_LEVEL, TOLD, Draft, State
from response.cap import Words
from response.contracts import require
from response.rules import Rule
from response.trips import Situation, Trip, trips
from response.vocabulary import Level


def drafts(rules: Sequence[Rule], situation: Situation, as_of: pd.Timestamp) -> list[Draft]:
    """What to put before a person for signature at a moment.

    Args:
        rules: of the pack.
        situation: tables that keep their contracts.
        as_of: the moment, with a time zone.

    Returns:
        A draft for each area in which a rule is met and is not cooling down, and one for the
        next level for each alert that nobody acknowledged in time; in the order of the rules.

    Raises:
        ContractError: a table breaks its contract.
    """
    seen = situation.known(as_of)
    found: list[Draft] = []
    for rule in rules:
        found += [
            _draft(rule, trip, seen, as_of)
            for trip in trips(rule, seen, as_of)
            if not _cooling(rule, trip, seen.past, as_of)
        ]
    return found


def _last(rule: str, level: Level, area_id: str, past: pd.DataFrame) -> pd.Series | None:
    same = past.loc[
        (past["rule"] == rule) & (past["area_id"] == area_id) & (past["level"] == str(level))
    ]
    return None if same.empty else same.sort_values(["drafted_at", "alert_id"]).iloc[-1]


def _cooling(rule: Rule, trip: Trip, past: pd.DataFrame, as_of: pd.Timestamp) -> bool:
    """Whether the rule has spoken of the area not long ago, and it has not got worse since.

    A draft that waits for its signature, or is held back, cools down for as long as it waits.
    """
    last = _last(rule.name, rule.level, trip.area_id, past)
    if last is None:
        return False
    waits = last["state"] in (State.DRAFT, State.HELD, State.APPROVED)
    if not waits and as_of - last["drafted_at"] >= timedelta(hours=rule.cooldown_hours):
        return False
    return rule.worse_by is None or trip.strength < last["strength"] + rule.worse_by


def _draft(rule: Rule, trip: Trip, seen: Situation, as_of: pd.Timestamp) -> Draft:
    last = _last(rule.name, rule.level, trip.area_id, seen.past)
    stands = last is not None and State(last["state"]) in TOLD
    headline = alert_words.headline(rule.kind, trip.area_name)
    return Draft(
        election_id=seen.election_id,
        rule=rule.name,
        kind=rule.kind,
        level=rule.level,
        area_kind=rule.area,
        area_id=trip.area_id,
        area_name=trip.area_name,
        unit_ids=trip.unit_ids,
        channels=rule.channels,
        urgency=rule.urgency,
        severity=rule.severity,
        certainty=rule.certainty,
        strength=trip.strength,
        words={
            language: Words(headline[language], trip.reason[language], rule.instruction[language])
            for language in Language
        },
        evidence=trip.evidence,
        drafted_at=as_of.to_pydatetime(),
        expires_at=(as_of + timedelta(hours=rule.expires_hours)).to_pydatetime(),
        updates=str(last["alert_id"]) if last is not None and stands else None,
    )


Lookup = Callable[[str], Draft]


def escalations(
    rules: Sequence[Rule], past: pd.DataFrame, lookup: Lookup, as_of: pd.Timestamp
) -> list[Draft]:
    """A draft for the next level for each alert that nobody acknowledged in time.

    Args:
        rules: of the pack; `escalate_hours` says how long is in time.
        past: keeps `PAST_ALERTS`.
        lookup: the draft that an alert was, by its id.
        as_of: the moment, with a time zone.
    """
    known = require(past, "past_alerts")
    waiting = known.loc[
        (known["drafted_at"] < as_of)
        & (known["sent_at"] <= as_of)
        & (known["state"] == str(State.SENT))
        & ~known["escalated"]
    ].sort_values(["sent_at", "alert_id"])
    by_name = {rule.name: rule for rule in rules}
    found = []
    for row in waiting.itertuples():
        rule = by_name.get(str(row.rule))
        if rule is None or rule.escalate_hours is None or Level(str(row.level)) not in NEXT_LEVEL:
            continue
        if pd.Timestamp(str(row.sent_at)) + timedelta(hours=rule.escalate_hours) <= as_of:
            found.append(_raised(lookup(str(row.alert_id)), str(row.alert_id), rule, as_of))
    return found


def _raised(draft: Draft, alert_id: str, rule: Rule, as_of: pd.Timestamp) -> Draft:
    """The same alert for the next level."""
    after = rule.escalate_hours or 0.0
    reason = alert_words.escalation(
        {language: words.reason for language, words in draft.words.items()}, draft.level, after
    )
    return replace(
        draft,
        level=NEXT_LEVEL[draft.level],
        words={
            language: replace(words, reason=reason[language])
            for language, words in draft.words.items()
        },
        drafted_at=as_of.to_pydatetime(),
        expires_at=(as_of + timedelta(hours=rule.expires_hours)).to_pydatetime(),
        updates=None,
        escalates=alert_id,
    )
