"""From a signed alert to what goes out: one CAP message, and one message for each recipient.

Both are written in one transaction with the step that says so. Nothing is sent here: a message
that is written down is sent later, and again until it went out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from features.vocabulary import NARROW, Language
from response import alert_texts, cap
from response.alert_texts import Letter
from response.alerts import TRANSITIONS, UNSIGNED, State, Step
from response.cap import MessageType, Place, Reference, Status, Words
from response.rules import Channel
from response.vocabulary import Level
from store import alert_reading, alerts, recipients
from store.alert_reading import Followed
from store.alert_schema import Alert, AlertCap, AlertEvent, AlertMessage, Recipient
from store.alerts import MACHINE

_CANCELLED = {Language.FR: f"ANNULÉ{NARROW}: ", Language.EN: "CANCELLED: "}
_WITHDRAWN = {
    Language.FR: "Cette alerte est annulée.",
    Language.EN: "This alert is cancelled.",
}
_NO_MORE = {
    Language.FR: "N'agissez plus sur la foi de cette alerte.",
    Language.EN: "Do not act on this alert any more.",
}
_NOTE = "Exercice, données inventées ou essai ; ne pas agir. Exercise, made-up data or a drill."
_LONGEST_CHAIN = 20


@dataclass(frozen=True)
class Sender:
    """Who alerts come from.

    Attributes:
        address: a name on the network that is ours ("vigie@example.org"), without spaces.
        name: of the organisation, for people.
        exercise: whether all that goes out is a drill; made-up data always are.
        web: address of the service, to read and acknowledge; empty for none.
        outlines: whether outlines of units go out beside their P-codes.
    """

    address: str
    name: str = "Vigie"
    exercise: bool = False
    web: str = ""
    outlines: bool = True


def publish(session: Session, followed: Followed, sender: Sender, at: datetime) -> str:
    """Write what goes out for a signed alert, and that it is sent.

    Returns:
        The identifier of its CAP message.

    Raises:
        ContractError: a rule of CAP would be broken.
        ConflictError: the alert is not signed, or has expired.
    """
    alert = followed.alert
    references = _references(session, alert.updates) if _stands(session, alert.updates) else []
    kind = MessageType.UPDATE if references else MessageType.ALERT
    words = {Language(one): Words(**said) for one, said in alert.words.items()}
    alerts.take(session, alert.alert_id, Step.SEND, at=at, by=MACHINE)
    identifier = _write(session, followed, sender, at, kind, words, references)
    told = recipients.matching(session, alert.level, alert.channels, followed.units)
    _queue(session, followed, sender, identifier, kind, words, told, at)
    if alert.updates is not None:
        _close_updated(session, alert, at)
    return identifier


def _stands(session: Session, alert_id: str | None) -> bool:
    """Whether there is an alert before that was not taken back: a Cancel ends what it is about."""
    return (
        alert_id is not None and alert_reading.one(session, alert_id).state is not State.CANCELLED
    )


def publish_cancel(session: Session, followed: Followed, sender: Sender, at: datetime) -> str:
    """Write what goes out when an alert that people were told of is cancelled.

    Returns:
        The identifier of the CAP message that cancels it.
    """
    alert = followed.alert
    why = next(e.note for e in reversed(followed.events) if e.step == str(Step.CANCEL))
    words = {
        language: Words(
            _CANCELLED[language] + alert.words[str(language)]["headline"],
            f"{_WITHDRAWN[language]} {why}".strip(),
            _NO_MORE[language],
        )
        for language in Language
    }
    references = _references(session, alert.alert_id)
    identifier = _write(session, followed, sender, at, MessageType.CANCEL, words, references)
    query = select(Recipient).where(
        Recipient.ended_at.is_(None),
        Recipient.recipient_id.in_(
            select(AlertMessage.recipient_id).where(AlertMessage.alert_id == alert.alert_id)
        ),
    )
    told = session.scalars(query.order_by(Recipient.recipient_id)).all()
    _queue(session, followed, sender, identifier, MessageType.CANCEL, words, told, at)
    return identifier


def _references(session: Session, alert_id: str | None) -> list[Reference]:
    """The messages of an alert and of those that it replaced, the oldest first."""
    found: list[Reference] = []
    for _ in range(_LONGEST_CHAIN):
        alert = session.get(Alert, alert_id) if alert_id else None
        if alert is None:
            break
        query = select(AlertCap).where(
            AlertCap.alert_id == alert.alert_id,
            AlertCap.message_type != str(MessageType.CANCEL),
        )
        found += [Reference(c.sender, c.identifier, c.sent_at) for c in session.scalars(query)]
        alert_id = alert.updates
    return found[::-1]


def _write(
    session: Session,
    followed: Followed,
    sender: Sender,
    at: datetime,
    kind: MessageType,
    words: dict[Language, Words],
    references: Sequence[Reference],
) -> str:
    alert, cancels = followed.alert, kind is MessageType.CANCEL
    exercise = alert.synthetic or sender.exercise
    message = cap.Message(
        identifier=f"{alert.alert_id}.cancel" if cancels else alert.alert_id,
        sender=sender.address,
        sender_name=sender.name,
        sent=at,
        status=Status.EXERCISE if exercise else Status.ACTUAL,
        message_type=kind,
        level=alert.level,
        urgency=cap.Urgency(alert.urgency),
        severity=cap.Severity(alert.severity),
        certainty=cap.Certainty(alert.certainty),
        expires=max(alert.expires_at, at + timedelta(hours=1)),
        words=words,
        places=_places(followed, sender.outlines),
        references=references,
        note=_NOTE if exercise else "",
        web=_link(sender, alert),
        parameters={"election": alert.election_id, "rule": alert.rule},
    )
    session.add(
        AlertCap(
            identifier=message.identifier,
            alert_id=alert.alert_id,
            message_type=str(kind),
            status=str(message.status),
            sender=sender.address,
            sent_at=at,
            xml=cap.build(message).decode(),
        )
    )
    session.flush()
    return message.identifier


def _places(followed: Followed, outlines: bool) -> list[Place]:
    return [
        Place(unit.unit_id, unit.name, unit.geometry if outlines else None)
        for unit in followed.units
    ]


def _link(sender: Sender, alert: Alert) -> str:
    return f"{sender.web.rstrip('/')}/alerts#alert={alert.alert_id}" if sender.web else ""


def _queue(
    session: Session,
    followed: Followed,
    sender: Sender,
    identifier: str,
    kind: MessageType,
    words: dict[Language, Words],
    told: Sequence[Recipient],
    at: datetime,
) -> None:
    alert = followed.alert
    for recipient in told:
        language = Language(recipient.language)
        letter = Letter(
            kind=kind,
            exercise=alert.synthetic or sender.exercise,
            level=Level(alert.level),
            words=words[language],
            places=_places(followed, outlines=False),
            expires=alert.expires_at,
            reference=alert.alert_id,
            link=_link(sender, alert),
        )
        write = alert_texts.sms if recipient.channel == Channel.SMS else alert_texts.email
        session.add(
            AlertMessage(
                message_id=message_id(identifier, recipient.recipient_id),
                identifier=identifier,
                alert_id=alert.alert_id,
                recipient_id=recipient.recipient_id,
                channel=recipient.channel,
                language=recipient.language,
                subject=alert_texts.subject(letter, language),
                text=write(letter, language),
                queued_at=at,
            )
        )
    session.flush()


def message_id(identifier: str, recipient_id: str) -> str:
    """The same each time that it is sent, so that a receiver can drop a double."""
    return hashlib.sha256(f"{identifier}|{recipient_id}".encode()).hexdigest()[:32]


def _close_updated(session: Session, alert: Alert, at: datetime) -> None:
    """Close the alert that this one replaces, where a person has not yet."""
    before = alert_reading.one(session, str(alert.updates))
    if Step.CLOSE in TRANSITIONS[before.state]:
        note = f"replaced by {alert.alert_id}"
        alerts.take(session, before.alert.alert_id, Step.CLOSE, at=at, by=MACHINE, note=note)


def waiting(session: Session) -> list[Followed]:
    """Alerts that are signed and not yet sent, the oldest first."""
    query = alert_reading.with_state().where(AlertEvent.state == str(State.APPROVED))
    ids = [row[0].alert_id for row in session.execute(query.order_by(Alert.drafted_at))]
    return [alert_reading.one(session, alert_id) for alert_id in ids]


def to_cancel(session: Session) -> list[Followed]:
    """Alerts that were cancelled after they were sent, and whose recipients do not know it."""
    query = alert_reading.with_state().where(AlertEvent.state == str(State.CANCELLED))
    ids = [row[0].alert_id for row in session.execute(query.order_by(Alert.drafted_at))]
    found = [alert_reading.one(session, alert_id) for alert_id in ids]
    return [one for one in found if len(one.caps) == 1]


def expired(session: Session, at: datetime) -> list[str]:
    """Say of alerts that nobody signed or sent in time that they have expired."""
    stands = [str(state) for state in (*UNSIGNED, State.APPROVED)]
    query = alert_reading.with_state().where(AlertEvent.state.in_(stands), Alert.expires_at <= at)
    ids = [row[0].alert_id for row in session.execute(query.order_by(Alert.alert_id))]
    for alert_id in ids:
        alerts.take(session, alert_id, Step.EXPIRE, at=at, by=MACHINE)
    return ids
