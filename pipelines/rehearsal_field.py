"""How simulated reports reach the store: the same way in as real ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy.orm import Session

from response.submissions import Arrival, report_id
from response.vocabulary import SAID, Intake, People, PlaceKind, ReportKind, Sign, Verification
from store import report_changes
from store.landing import receive
from store.report_places import places

SENDER, VERIFIED = "rehearsal", "verified"
AGAIN = 0.15
"""Share of the submissions that a phone sends once more, as they are."""

GARBLED = 5
_WORDS: dict[str, type[StrEnum]] = {
    "kind": ReportKind,
    "sign": Sign,
    "place_kind": PlaceKind,
    "people": People,
}


@dataclass(frozen=True)
class Sent:
    """A submission, and when it arrives."""

    at: datetime
    arrival: Arrival


@dataclass(frozen=True)
class Checked:
    """What a person finds when checking a report, and when."""

    at: datetime
    report_id: str
    verification: Verification


Post = Sent | Checked


def deliveries(rng: np.random.Generator, told: pd.DataFrame) -> list[Post]:
    """Everything that brings a simulated history of reports about, some of it twice.

    Args:
        rng: source of randomness.
        told: keeps `REPORTS`, as the field would have it known.
    """
    found: list[Post] = []
    before: dict[str, dict[str, Any]] = {}
    ordered = told.sort_values(["known_at", "report_id", "version"])
    for row in ordered.to_dict("records"):
        version: dict[str, Any] = {str(key): value for key, value in row.items()}
        at = version["known_at"].to_pydatetime()
        last = before.get(version["report_id"])
        before[version["report_id"]] = version
        if last is not None and last["verification"] != version["verification"]:
            state = Verification(version["verification"])
            found.append(Checked(at, landed(version), state))
            continue
        post = Sent(at, _arrival(version, at))
        found.append(post)
        if rng.random() < AGAIN:
            found.append(replace(post, at=at + timedelta(hours=float(rng.uniform(0.1, 40)))))
    return found


def landed(version: dict[str, Any]) -> str:
    """The id under which a simulated report is in the store."""
    return report_id(Intake(version["intake"]), SENDER, version["report_id"])


def _arrival(version: dict[str, Any], at: datetime) -> Arrival:
    said = {
        name: SAID[words(version[name])].code
        for name, words in _WORDS.items()
        if not pd.isna(version[name])
    }
    fields = {
        **said,
        **({"severity": version["severity"]} if version["severity"] else {}),
        "unit": version["unit_id"],
        "seen_at": version["seen_at"].isoformat(),
        "sent_at": version["sent_at"].isoformat(),
    }
    return Arrival(
        Intake(version["intake"]),
        SENDER,
        version["report_id"],
        fields,
        fields,
        reporter=version["reporter"],
        edited_at=at,
        withdraw=bool(version["withdrawn"]),
    )


def garbled(rng: np.random.Generator, first: datetime, last: datetime) -> list[Sent]:
    """Messages that nobody can understand: they wait for a person."""
    found = []
    for number in range(GARBLED):
        at = first + (last - first) * float(rng.random())
        fields = {"unit": "NOWHERE", "kind": "?", "seen_at": "yesterday"}
        arrival = Arrival(Intake.SMS, SENDER, f"garbled-{at:%Y%m%d}-{number}", fields, fields)
        found.append(Sent(at, arrival))
    return found


def deliver(session: Session, post: Post) -> str:
    """Let something arrive at its moment, and say what became of it."""
    if isinstance(post, Sent):
        return str(receive(session, post.arrival, places(session), post.at).state)
    newest = report_changes.require_report(session, post.report_id)
    report_changes.verify(
        session,
        post.report_id,
        post.verification,
        version=newest.version,
        reason="asked two people there",
        actor=SENDER,
        now=post.at,
    )
    return VERIFIED
