"""Alerts: drafting them, each step of them, and reading them back as who asks may see them.

Each function works inside the caller's transaction: it flushes, the caller commits.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Select, and_, exists, func, not_, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from features.errors import ConflictError, ContractError, NotFoundError
from features.vocabulary import Language
from response.alerts import Draft, State, Step, after
from response.cap import Certainty, Severity, Urgency, Words
from response.rules import AreaKind, Channel
from response.vocabulary import Level
from store import audit
from store.alert_schema import Alert, AlertCap, AlertEvent, AlertUnit
from store.schema import Election, Unit

if TYPE_CHECKING:
    pass

DRAFTED = "draft"
"""Step of an alert's first event, which is none that follows another."""
READ = "alerts.read"


@dataclass(frozen=True)
class Actor:
    """Who steps: the id of a token or who runs a command, a name of office, and a role."""

    actor: str
    name: str
    role: str


MACHINE = Actor("pipelines", "Vigie", "rule")


@dataclass(frozen=True)
class Followed:
    """An alert, its units, its steps and the CAP messages that went out."""

    alert: Alert
    units: Sequence[Unit]
    events: Sequence[AlertEvent]
    caps: Sequence[AlertCap]

    @property
    def state(self) -> State:
        """How far it has come."""
        return State(self.events[-1].state)

    def at(self, step: Step | str) -> datetime | None:
        """When a step was first taken; None if it was not."""
        return next((event.at for event in self.events if event.step == str(step)), None)


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


def visible(areas: Sequence[str]) -> ColumnElement[bool]:
    """Whether a reader of `areas` may see an alert: all of its units lie there."""
    if not areas:
        return and_(True)
    within = or_(
        *(c.in_(areas) for c in (AlertUnit.unit_id, AlertUnit.parent_id, AlertUnit.region_id))
    )
    outside = exists().where(AlertUnit.alert_id == Alert.alert_id, not_(within))
    return not_(outside)


def with_state() -> Select[Alert, str]:
    """All alerts with the state they are in now."""
    newest = (
        select(func.max(AlertEvent.number))
        .where(AlertEvent.alert_id == Alert.alert_id)
        .correlate(Alert)
        .scalar_subquery()
    )
    return select(Alert, AlertEvent.state).join(
        AlertEvent, and_(AlertEvent.alert_id == Alert.alert_id, AlertEvent.number == newest)
    )


def page(
    session: Session,
    *,
    areas: Sequence[str] = (),
    election_id: str | None = None,
    level: str | None = None,
    state: str | None = None,
    since: datetime | None = None,
    after_: tuple[datetime, str] | None = None,
    limit: int = 50,
) -> list[Followed]:
    """Alerts that match every filter given, the newest first.

    Args:
        session: an open session.
        areas: what the reader may see; empty for all.
        election_id: the round.
        level: who has to act.
        state: the state they are in now.
        since: the first moment of drafting that counts.
        after_: `drafted_at` and id of the last alert of the page before.
        limit: most to return.
    """
    query = with_state().where(visible(areas))
    wanted = {Alert.election_id: election_id, Alert.level: level, AlertEvent.state: state}
    query = query.where(*(column == value for column, value in wanted.items() if value is not None))
    if since is not None:
        query = query.where(Alert.drafted_at >= since)
    if after_ is not None:
        at, alert_id = after_
        same = and_(Alert.drafted_at == at, Alert.alert_id > alert_id)
        query = query.where(or_(Alert.drafted_at < at, same))
    query = query.order_by(Alert.drafted_at.desc(), Alert.alert_id).limit(limit)
    return followed_by(session, [row[0] for row in session.execute(query)])


def one(session: Session, alert_id: str, areas: Sequence[str] = ()) -> Followed:
    """An alert that a reader of `areas` may see.

    Raises:
        NotFoundError: there is none, or it speaks of other areas.
    """
    query = select(Alert).where(Alert.alert_id == alert_id, visible(areas))
    alert: Alert | None = session.scalar(query)
    if alert is None:
        raise NotFoundError(
            f"expected the id of an alert within your areas, got {alert_id!r}; GET /v1/alerts "
            "lists them"
        )
    return followed_by(session, [alert])[0]


def followed_by(session: Session, alerts: Sequence[Alert]) -> list[Followed]:
    """Alerts with what belongs to them, by three questions whatever their number."""
    ids = [alert.alert_id for alert in alerts]
    units: dict[str, list[Unit]] = {alert_id: [] for alert_id in ids}
    events: dict[str, list[AlertEvent]] = {alert_id: [] for alert_id in ids}
    caps: dict[str, list[AlertCap]] = {alert_id: [] for alert_id in ids}
    placed = (
        select(AlertUnit.alert_id, Unit)
        .join(Alert, Alert.alert_id == AlertUnit.alert_id)
        .join(
            Unit,
            and_(Unit.registry_id == Alert.registry_id, Unit.unit_id == AlertUnit.unit_id),
        )
        .where(AlertUnit.alert_id.in_(ids))
        .order_by(Unit.unit_id)
    )
    for alert_id, unit in session.execute(placed):
        units[alert_id].append(unit)
    steps = select(AlertEvent).where(AlertEvent.alert_id.in_(ids)).order_by(AlertEvent.number)
    for event in session.scalars(steps):
        events[event.alert_id].append(event)
    messages = select(AlertCap).where(AlertCap.alert_id.in_(ids)).order_by(AlertCap.sent_at)
    for cap in session.scalars(messages):
        caps[cap.alert_id].append(cap)
    return [Followed(a, units[a.alert_id], events[a.alert_id], caps[a.alert_id]) for a in alerts]


@dataclass(frozen=True)
class Published:
    """A CAP message that went out, and its alert."""

    cap: AlertCap
    alert: Alert


def published(
    session: Session,
    *,
    areas: Sequence[str] = (),
    after_: tuple[datetime, str] | None = None,
    limit: int = 50,
) -> list[Published]:
    """What went out, the newest first.

    Args:
        session: an open session.
        areas: what the reader may see; empty for all.
        after_: `sent_at` and identifier of the last one of the page before.
        limit: most to return.
    """
    query = select(AlertCap, Alert).join(Alert, Alert.alert_id == AlertCap.alert_id)
    query = query.where(visible(areas))
    if after_ is not None:
        at, identifier = after_
        same = and_(AlertCap.sent_at == at, AlertCap.identifier > identifier)
        query = query.where(or_(AlertCap.sent_at < at, same))
    query = query.order_by(AlertCap.sent_at.desc(), AlertCap.identifier).limit(limit)
    return [Published(*row) for row in session.execute(query)]


def draft_of(followed: Followed) -> Draft:
    """The draft that an alert was."""
    alert = followed.alert
    return Draft(
        election_id=alert.election_id,
        rule=alert.rule,
        kind=alert.kind,
        level=Level(alert.level),
        area_kind=AreaKind(alert.area_kind),
        area_id=alert.area_id,
        area_name=alert.area_name,
        unit_ids=tuple(unit.unit_id for unit in followed.units),
        channels=tuple(Channel(channel) for channel in alert.channels),
        urgency=Urgency(alert.urgency),
        severity=Severity(alert.severity),
        certainty=Certainty(alert.certainty),
        strength=alert.strength,
        words={Language(language): Words(**said) for language, said in alert.words.items()},
        evidence=alert.evidence,
        drafted_at=alert.drafted_at,
        expires_at=alert.expires_at,
        updates=alert.updates,
        escalates=alert.escalates,
    )


def held_back(session: Session, election_id: str, before: datetime) -> dict[str, Draft]:
    """Drafts of a round from before a moment that the ceiling holds back, by id."""
    query = with_state().where(
        AlertEvent.state == str(State.HELD),
        Alert.election_id == election_id,
        Alert.drafted_at < before,
    )
    rows = [row[0] for row in session.execute(query.order_by(Alert.alert_id))]
    return {one.alert.alert_id: draft_of(one) for one in followed_by(session, rows)}


def newest_step(session: Session, election_id: str) -> datetime | None:
    """When the last step of an alert of a round was taken; None before the first."""
    query = select(func.max(AlertEvent.at)).join(Alert, Alert.alert_id == AlertEvent.alert_id)
    return session.scalar(query.where(Alert.election_id == election_id))


def count_held(session: Session) -> int:
    """Drafts that the ceiling holds back now."""
    query = with_state().where(AlertEvent.state == str(State.HELD))
    one_each = query.with_only_columns(AlertEvent.alert_id).subquery()
    return session.scalar(select(func.count()).select_from(one_each)) or 0
