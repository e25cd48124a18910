"""Reading alerts back, as who asks may see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, exists, func, not_, or_, select
from sqlalchemy.orm import Session

from features.errors import NotFoundError
from features.vocabulary import Language
from response.alerts import Draft, State, Step
from response.cap import Certainty, Severity, Urgency, Words
from response.rules import AreaKind, Channel
from response.vocabulary import Level
from store.alert_schema import Alert, AlertCap, AlertEvent, AlertUnit
from store.schema import Unit

READ = "alerts.read"


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
