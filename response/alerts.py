"""An alert: what a draft holds, which steps it may go through, when a delivery is tried again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from features.errors import ConflictError
from features.vocabulary import Language
from response.cap import Certainty, Severity, Urgency, Words
from response.rules import AreaKind, Channel
from response.vocabulary import Level


class State(StrEnum):
    """How far an alert has come."""

    DRAFT = "draft"
    HELD = "held"
    APPROVED = "approved"
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    ACTED = "acted"
    CLOSED = "closed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Step(StrEnum):
    """What is done to an alert."""

    HOLD = "hold"
    RELEASE = "release"
    SIGN = "sign"
    REJECT = "reject"
    SEND = "send"
    ACKNOWLEDGE = "acknowledge"
    ACT = "act"
    CLOSE = "close"
    CANCEL = "cancel"
    EXPIRE = "expire"


_TOLD = {Step.CLOSE: State.CLOSED, Step.CANCEL: State.CANCELLED}
TRANSITIONS: Mapping[State, Mapping[Step, State]] = MappingProxyType(
    {
        State.DRAFT: {
            Step.SIGN: State.APPROVED,
            Step.REJECT: State.REJECTED,
            Step.HOLD: State.HELD,
            Step.EXPIRE: State.EXPIRED,
        },
        State.HELD: {
            Step.RELEASE: State.DRAFT,
            Step.REJECT: State.REJECTED,
            Step.EXPIRE: State.EXPIRED,
        },
        State.APPROVED: {
            Step.SEND: State.SENT,
            Step.CANCEL: State.CANCELLED,
            Step.EXPIRE: State.EXPIRED,
        },
        State.SENT: {Step.ACKNOWLEDGE: State.ACKNOWLEDGED, Step.ACT: State.ACTED, **_TOLD},
        State.ACKNOWLEDGED: {
            Step.ACKNOWLEDGE: State.ACKNOWLEDGED,
            Step.ACT: State.ACTED,
            **_TOLD,
        },
        State.ACTED: {Step.ACKNOWLEDGE: State.ACTED, Step.ACT: State.ACTED, **_TOLD},
        State.CLOSED: {},
        State.REJECTED: {},
        State.CANCELLED: {},
        State.EXPIRED: {},
    }
)
"""State -> step -> state after it. Several may acknowledge and act; only one may do the rest."""

UNSIGNED = frozenset({State.DRAFT, State.HELD})
OPEN = UNSIGNED | {State.APPROVED, State.SENT, State.ACKNOWLEDGED, State.ACTED}
TOLD = frozenset({State.SENT, State.ACKNOWLEDGED, State.ACTED})
"""States in which recipients know of an alert that still stands."""

BY_HAND = "hand"
"""Rule of an alert that a person drafted."""

NEXT_LEVEL = MappingProxyType({Level.LOCAL: Level.NATIONAL, Level.NATIONAL: Level.REGIONAL})


def after(state: State, step: Step) -> State:
    """The state after a step.

    Raises:
        ConflictError: that step cannot be taken from there.
    """
    possible = TRANSITIONS[state]
    if step not in possible:
        steps = ", ".join(possible) or "nothing"
        raise ConflictError(
            f"alert: expected a step that follows {state!s} ({steps}), got {step!s}; "
            "read the alert again, somebody may have been faster"
        )
    return possible[step]


def follow(steps: Iterable[Step]) -> State:
    """The state of an alert that has gone through these steps, the first first."""
    state = State.DRAFT
    for step in steps:
        state = after(state, step)
    return state


@dataclass(frozen=True)
class Draft:
    """What somebody is asked to sign.

    Attributes:
        rule: name of the rule; `hand` where a person wrote it.
        kind: of the rule.
        unit_ids: the units that the alert is about; their P-codes go out.
        strength: how strongly the rule was met, in its own measure; cooldown compares it.
        evidence: figures behind the reason.
        updates: the alert sent before for the same rule and area, which this one replaces.
        escalates: the alert of the level below that nobody acknowledged.
    """

    election_id: str
    rule: str
    kind: str
    level: Level
    area_kind: AreaKind
    area_id: str
    area_name: str
    unit_ids: tuple[str, ...]
    channels: tuple[Channel, ...]
    urgency: Urgency
    severity: Severity
    certainty: Certainty
    strength: float
    words: Mapping[Language, Words]
    evidence: Mapping[str, object]
    drafted_at: datetime
    expires_at: datetime
    updates: str | None = None
    escalates: str | None = None

    @property
    def alert_id(self) -> str:
        """The same for the same rule, area and moment: a draft made twice is one."""
        parts = (self.election_id, self.rule, self.level, self.area_id, self.drafted_at.isoformat())
        text = "|".join([*parts, self.escalates or ""])
        return f"{self.election_id}.alert.{hashlib.sha256(text.encode()).hexdigest()[:10]}"


FIRST_RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=1)
MOST_TRIES = 8
"""About two hours of tries at most; then the message is a dead letter, and a person looks."""


def retry_after(tries: int, spread: float) -> timedelta | None:
    """How long to wait after a failed try: doubling from a minute to an hour, spread by half.

    Waiting times that are spread keep receivers that come back from being met by all at once.

    Args:
        tries: that were made so far, at least 1.
        spread: evenly random from 0 to 1.

    Returns:
        None when no further try is due.
    """
    if tries >= MOST_TRIES:
        return None
    longest: timedelta = min(FIRST_RETRY * 2 ** (tries - 1), LONGEST_RETRY)
    waits: timedelta = longest * (0.5 + 0.5 * spread)
    return waits
