"""Messages that wait to be sent, what became of each, and who was told what, when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from features.errors import ConflictError, NotFoundError
from response.alerts import retry_after
from store import audit
from store.alert_reading import visible
from store.alert_schema import Alert, AlertCap, AlertMessage, Delivery, Recipient

LEASE = timedelta(minutes=5)
"""A sender that began a try and fell silent for so long has died: the message is due again."""


class Outcome(StrEnum):
    """What became of a message."""

    BEGUN = "begun"
    SENT = "sent"
    FAILED = "failed"
    DEAD = "dead"
    AGAIN = "again"
    RECEIVED = "received"
    UNDELIVERED = "undelivered"


@dataclass(frozen=True)
class Due:
    """A message to be sent now, with where to."""

    message: AlertMessage
    recipient: Recipient
    cap: AlertCap
    tries: int
    number: int


def _newest() -> Select[int]:
    return (
        select(func.max(Delivery.number))
        .where(Delivery.message_id == AlertMessage.message_id)
        .correlate(AlertMessage)
    )


def due(session: Session, now: datetime, channels: Sequence[str], limit: int = 200) -> list[Due]:
    """Messages that wait for their first try, or whose next try is due, the oldest first."""
    newest = and_(
        Delivery.message_id == AlertMessage.message_id,
        Delivery.number == _newest().scalar_subquery(),
    )
    query = (
        select(AlertMessage, Recipient, AlertCap, Delivery)
        .join(Recipient, Recipient.recipient_id == AlertMessage.recipient_id)
        .join(AlertCap, AlertCap.identifier == AlertMessage.identifier)
        .outerjoin(Delivery, newest)
        .where(AlertMessage.channel.in_(channels), Recipient.ended_at.is_(None))
        .where(or_(Delivery.number.is_(None), Delivery.next_try_at <= now))
        .order_by(AlertMessage.queued_at, AlertMessage.message_id)
        .limit(limit)
    )
    found = []
    for message, recipient, cap, last in session.execute(query):
        number = -1 if last is None else last.number
        found.append(Due(message, recipient, cap, _tries(session, message.message_id), number))
    return found


def _tries(session: Session, message_id: str) -> int:
    """Tries since a person last asked for another round of them."""
    rows = session.execute(
        select(Delivery.outcome)
        .where(Delivery.message_id == message_id)
        .order_by(Delivery.number.desc())
    ).scalars()
    tries = 0
    for outcome in rows:
        if outcome == Outcome.AGAIN:
            break
        tries += outcome == Outcome.BEGUN
    return tries


def begin(session: Session, one: Due, now: datetime) -> bool:
    """Begin a try; False where another sender was faster. The caller commits before it sends."""
    try:
        with session.begin_nested():
            _add(
                session, one.message.message_id, one.number + 1, Outcome.BEGUN, now, "", now + LEASE
            )
    except IntegrityError:
        return False
    return True


def finish(
    session: Session,
    one: Due,
    now: datetime,
    fault: str | None,
    *,
    permanent: bool = False,
    spread: float = 1.0,
) -> Outcome:
    """Write down how a begun try ended.

    Args:
        session: an open session.
        one: what was tried.
        now: the moment.
        fault: what went wrong, without the address; None where it went out.
        permanent: whether another try would meet the same.
        spread: evenly random from 0 to 1, for the time to wait.
    """
    rows = session.execute(
        select(Delivery.number, Delivery.outcome)
        .where(Delivery.message_id == one.message.message_id)
        .order_by(Delivery.number)
    ).all()
    number = rows[-1][0] + 1
    if any(outcome == Outcome.RECEIVED for _, outcome in rows[one.number + 1 :]):
        return Outcome.RECEIVED  # the receipt was faster than we were
    if fault is None:
        _add(session, one.message.message_id, number, Outcome.SENT, now, "", None)
        return Outcome.SENT
    waits = None if permanent else retry_after(one.tries + 1, spread)
    outcome = Outcome.DEAD if waits is None else Outcome.FAILED
    _add(
        session,
        one.message.message_id,
        number,
        outcome,
        now,
        fault,
        None if waits is None else now + waits,
    )
    return outcome


def _add(
    session: Session,
    message_id: str,
    number: int,
    outcome: Outcome,
    now: datetime,
    detail: str,
    next_try_at: datetime | None,
) -> None:
    session.add(
        Delivery(
            message_id=message_id,
            number=number,
            at=now,
            outcome=str(outcome),
            detail=detail[:500],
            next_try_at=next_try_at,
        )
    )
    session.flush()


def receipt(
    session: Session,
    message_id: str,
    *,
    received: bool,
    at: datetime,
    detail: str,
    areas: Sequence[str] = (),
) -> Outcome:
    """Write down what a receiver or gateway says of a message; the same said twice is one.

    Raises:
        NotFoundError: there is no such message for a reader of these areas.
        ConflictError: it was never begun, or somebody writes at the same time.
    """
    known = session.scalar(
        select(AlertMessage.message_id)
        .join(Alert, Alert.alert_id == AlertMessage.alert_id)
        .where(AlertMessage.message_id == message_id, visible(areas))
    )
    if known is None:
        raise NotFoundError(f"expected the id of a message, got {message_id!r}; it stands in it")
    outcome = Outcome.RECEIVED if received else Outcome.UNDELIVERED
    query = select(Delivery).where(Delivery.message_id == message_id).order_by(Delivery.number)
    rows = session.scalars(query).all()
    if not rows:
        raise ConflictError(f"message {message_id}: expected one that was sent, got one that waits")
    if any(row.outcome == outcome for row in rows):
        return outcome
    # A receipt may come before the sender has written that its try went out.
    waits = rows[-1].next_try_at if rows[-1].outcome == Outcome.BEGUN and not received else None
    _append(session, message_id, rows[-1].number + 1, outcome, at, detail, waits)
    return outcome


def _append(
    session: Session,
    message_id: str,
    number: int,
    outcome: Outcome,
    at: datetime,
    detail: str,
    next_try_at: datetime | None,
) -> None:
    try:
        with session.begin_nested():
            _add(session, message_id, number, outcome, at, detail, next_try_at)
    except IntegrityError as error:
        raise ConflictError(f"message {message_id}: written at the same time; try again") from error


def again(session: Session, message_id: str, now: datetime, actor: str) -> None:
    """Send a dead letter again, with a fresh round of tries.

    Raises:
        NotFoundError: there is no such message.
        ConflictError: it is no dead letter.
    """
    query = select(Delivery).where(Delivery.message_id == message_id)
    last = session.scalar(query.order_by(Delivery.number.desc()).limit(1))
    if last is None:
        raise NotFoundError(f"expected the id of a dead letter, got {message_id!r}; list them")
    if last.outcome not in (Outcome.DEAD, Outcome.UNDELIVERED):
        raise ConflictError(f"message {message_id}: expected a dead letter, got {last.outcome}")
    _append(session, message_id, last.number + 1, Outcome.AGAIN, now, f"asked by {actor}", now)
    audit.record(session, audit.Entry(now, actor, "alert.message.again", message_id))
