"""Who was told what, when, and what does not go out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, and_, case, func, or_, select
from sqlalchemy.orm import Session

from response.alerts import State, Step
from store.alert_reading import visible, with_state
from store.alert_schema import Alert, AlertCap, AlertEvent, AlertMessage, Delivery, Recipient
from store.outbox import Outcome

LATE = timedelta(minutes=10)
"""A signed alert or a message that nobody tried to send for so long: no sender is at work."""


@dataclass(frozen=True)
class Trouble:
    """What does not go out: alerts and messages that wait too long, and dead letters."""

    late: int
    dead: int


def trouble(session: Session, now: datetime) -> Trouble:
    """How many signed alerts and messages nobody sends, and how many were given up."""
    signed = with_state().where(AlertEvent.state == str(State.APPROVED), AlertEvent.at < now - LATE)
    tried = select(Delivery.message_id)
    waits = select(AlertMessage.message_id).where(
        AlertMessage.queued_at < now - LATE, AlertMessage.message_id.not_in(tried)
    )
    newest = (
        select(Delivery.message_id, func.max(Delivery.number).label("number"))
        .group_by(Delivery.message_id)
        .subquery()
    )
    gone = (
        select(Delivery.message_id)
        .join(
            newest,
            and_(newest.c.message_id == Delivery.message_id, newest.c.number == Delivery.number),
        )
        .where(Delivery.outcome.in_((Outcome.DEAD, Outcome.UNDELIVERED)))
    )

    def count(query: Select[Any]) -> int:
        return session.scalar(select(func.count()).select_from(query.subquery())) or 0

    late = count(signed.with_only_columns(AlertEvent.alert_id)) + count(waits)
    return Trouble(late, count(gone))


def told(
    session: Session,
    *,
    areas: Sequence[str] = (),
    election_id: str | None = None,
    alert_id: str | None = None,
    recipient_id: str | None = None,
    state: str | None = None,
    since: datetime | None = None,
    after: tuple[datetime, str] | None = None,
    limit: int | None = None,
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Who was told what, when: one row per message, the newest first, by one query.

    Args:
        session: an open session.
        areas: what the reader may see; empty for all.
        election_id: the round.
        alert_id: of one alert.
        recipient_id: of one recipient.
        state: the last outcome, or `waiting` where no try was made.
        since: the first moment of queueing that counts.
        after: `queued_at` and id of the last message of the page before.
        limit: most to return.

    Returns:
        Rows with the message's own columns; `recipient` and `address`; `level`, `area_name` and
        `message_type`; `state`, `tries`, `sent_at`, `received_at`, `next_try_at`, `detail`;
        and when the alert was acknowledged.
    """

    def first(*outcomes: Outcome) -> Any:
        return func.min(case((Delivery.outcome.in_(outcomes), Delivery.at)))

    tally = (
        select(
            Delivery.message_id,
            func.max(Delivery.number).label("newest"),
            func.count(case((Delivery.outcome == Outcome.BEGUN, 1))).label("tries"),
            first(Outcome.SENT, Outcome.RECEIVED).label("sent_at"),
            first(Outcome.RECEIVED).label("received_at"),
        )
        .group_by(Delivery.message_id)
        .subquery()
    )
    acknowledged = (
        select(func.min(AlertEvent.at))
        .where(AlertEvent.alert_id == Alert.alert_id, AlertEvent.step == str(Step.ACKNOWLEDGE))
        .correlate(Alert)
        .scalar_subquery()
    )
    last_state = func.coalesce(Delivery.outcome, "waiting")
    query = (
        select(
            *AlertMessage.__table__.columns,
            Recipient.name.label("recipient"),
            Recipient.address,
            Alert.level,
            Alert.election_id,
            Alert.area_name,
            AlertCap.message_type,
            last_state.label("state"),
            func.coalesce(tally.c.tries, 0).label("tries"),
            tally.c.sent_at,
            tally.c.received_at,
            Delivery.next_try_at,
            func.coalesce(Delivery.detail, "").label("detail"),
            acknowledged.label("acknowledged_at"),
        )
        .join(Alert, Alert.alert_id == AlertMessage.alert_id)
        .join(AlertCap, AlertCap.identifier == AlertMessage.identifier)
        .join(Recipient, Recipient.recipient_id == AlertMessage.recipient_id)
        .outerjoin(tally, tally.c.message_id == AlertMessage.message_id)
        .outerjoin(
            Delivery,
            and_(
                Delivery.message_id == AlertMessage.message_id,
                Delivery.number == tally.c.newest,
            ),
        )
        .where(visible(areas))
        .order_by(AlertMessage.queued_at.desc(), AlertMessage.message_id)
        .limit(limit)
    )
    wanted = {
        Alert.election_id: election_id,
        Alert.alert_id: alert_id,
        AlertMessage.recipient_id: recipient_id,
    }
    query = query.where(*(column == value for column, value in wanted.items() if value is not None))
    if state is not None:
        query = query.where(last_state == state)
    if since is not None:
        query = query.where(AlertMessage.queued_at >= since)
    if after is not None:
        at, message_id = after
        same = and_(AlertMessage.queued_at == at, AlertMessage.message_id > message_id)
        query = query.where(or_(AlertMessage.queued_at < at, same))
    return session.execute(query).all()
