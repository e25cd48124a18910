"""Alerts: drafting them, and each step of them.

Each function works inside the caller's transaction: it flushes, the caller commits.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from features.errors import ConflictError, ContractError, NotFoundError
from response.alerts import Draft, State, Step, after
from store import audit
from store.alert_schema import Alert, AlertEvent, AlertUnit
from store.schema import Election, Unit

DRAFTED = "draft"
"""Step of an alert's first event, which is none that follows another."""


@dataclass(frozen=True)
class Actor:
    """Who steps: the id of a token or who runs a command, a name of office, and a role."""

    actor: str
    name: str
    role: str


MACHINE = Actor("pipelines", "Vigie", "rule")


def write_draft(
    session: Session, draft: Draft, *, registry_id: str, synthetic: bool, by: Actor = MACHINE
) -> bool:
    """Keep a draft.

    Returns:
        False where the same one is already there.

    Raises:
        ContractError: a unit is not in that registry, or there is none.
        NotFoundError: there is no such round.
    """
    if is_kept(session, draft.alert_id):
        return False
    if session.get(Election, draft.election_id) is None:
        raise NotFoundError(
            f"expected the id of a round, got {draft.election_id!r}; GET /v1/elections lists them"
        )
    units = units_of(session, registry_id, draft.unit_ids)
    columns = {c.name for c in Alert.__table__.columns}
    values = {key: value for key, value in vars(draft).items() if key in columns}
    values |= {
        "alert_id": draft.alert_id,
        "registry_id": registry_id,
        "channels": [str(channel) for channel in draft.channels],
        "words": {str(language): asdict(words) for language, words in draft.words.items()},
        "evidence": dict(draft.evidence),
        "drafted_by": by.actor,
        "synthetic": synthetic,
    }
    plain = (str(values[key]) for key in _ENUMS)
    session.add(Alert(**{**values, **dict(zip(_ENUMS, plain, strict=True))}))
    session.flush()
    session.add_all(
        AlertUnit(
            alert_id=draft.alert_id,
            unit_id=unit.unit_id,
            parent_id=unit.parent_id,
            region_id=unit.region_id,
        )
        for unit in units
    )
    _write_event(session, draft.alert_id, 0, DRAFTED, State.DRAFT, draft.drafted_at, by, "")
    audit.record(session, audit.Entry(draft.drafted_at, by.actor, "alert.drafted", draft.alert_id))
    return True


def is_kept(session: Session, alert_id: str) -> bool:
    """Whether there is such an alert."""
    return session.get(Alert, alert_id) is not None


_ENUMS = ("level", "area_kind", "urgency", "severity", "certainty")


def units_of(session: Session, registry_id: str, unit_ids: Sequence[str]) -> list[Unit]:
    """Units of a registry, in the order asked for.

    Raises:
        ContractError: one is not there, or none was asked for.
    """
    query = select(Unit).where(Unit.registry_id == registry_id, Unit.unit_id.in_(unit_ids))
    found = {unit.unit_id: unit for unit in session.scalars(query)}
    missing = [unit_id for unit_id in unit_ids if unit_id not in found]
    if missing or not unit_ids:
        raise ContractError(
            f"alert: expected units of the registry {registry_id[:12]}, got "
            f"{', '.join(missing[:5]) or 'none'}; take them from a bulletin of the round"
        )
    return [found[unit_id] for unit_id in unit_ids]


def _write_event(
    session: Session,
    alert_id: str,
    number: int,
    step: str,
    state: State,
    at: datetime,
    by: Actor,
    note: str,
    digest: str | None = None,
) -> None:
    try:
        with session.begin_nested():
            session.add(
                AlertEvent(
                    alert_id=alert_id,
                    number=number,
                    at=at,
                    step=str(step),
                    state=str(state),
                    actor=by.actor,
                    name=by.name,
                    role=by.role,
                    note=note,
                    digest=digest,
                )
            )
    except IntegrityError as error:
        raise ConflictError(
            f"alert {alert_id}: somebody else stepped at the same time; read it again"
        ) from error


def take(
    session: Session, alert_id: str, step: Step, *, at: datetime, by: Actor, note: str = ""
) -> State:
    """Take a step, if the alert stands where that step can be taken.

    Returns:
        The state after it.

    Raises:
        NotFoundError: there is no such alert.
        ConflictError: the step cannot be taken from where the alert stands, the alert has
            expired, or somebody else was faster.
    """
    alert = session.get(Alert, alert_id)
    last = session.scalar(_last_event(alert_id))
    if alert is None or last is None:
        raise NotFoundError(f"expected the id of an alert, got {alert_id!r}; GET /v1/alerts lists")
    state = after(State(last.state), step)
    if step in (Step.RELEASE, Step.SIGN, Step.SEND) and at >= alert.expires_at:
        raise ConflictError(
            f"alert {alert_id}: expected a signature before it expired on "
            f"{alert.expires_at:%Y-%m-%d %H:%M} UTC; draft a new one"
        )
    digest = words_digest(alert) if step is Step.SIGN else None
    _write_event(session, alert_id, last.number + 1, step, state, at, by, note, digest)
    audit.record(session, audit.Entry(at, by.actor, f"alert.{step}", alert_id))
    return state


def words_digest(alert: Alert) -> str:
    """SHA-256 of what a signature stands for: the words, the units' area, level and channels."""
    signed = [alert.alert_id, alert.level, alert.area_id, alert.channels, alert.words]
    return hashlib.sha256(json.dumps(signed, sort_keys=True).encode()).hexdigest()


def _last_event(alert_id: str) -> Select[AlertEvent]:
    query = select(AlertEvent).where(AlertEvent.alert_id == alert_id)
    return query.order_by(AlertEvent.number.desc()).limit(1)
