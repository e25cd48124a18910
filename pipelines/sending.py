"""Sending alerts: what is signed is written to the outbox, and what waits there goes out.

A message is begun in the database before it is sent and finished after. A sender that dies in
between leaves it begun; it is sent again after a while under the same id. So each goes out at
least once, and receivers can drop doubles.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy.orm import Session, sessionmaker

from features.errors import ConfigError
from pipelines.channels.channel import Carrier, NotSentError, Parcel
from pipelines.channels.email import Email
from pipelines.channels.sms import Sms
from pipelines.channels.webhook import Webhook
from pipelines.settings import NO_SENDER, Settings
from response.rules import Channel
from store import outbox, publishing
from store.alert_reading import Followed
from store.outbox import Due, Outcome
from store.publishing import Sender

_SETTING = {
    Channel.EMAIL: "VIGIE_SMTP_URL",
    Channel.WEBHOOK: "VIGIE_WEBHOOK_SECRET",
    Channel.SMS: "VIGIE_SMS_URL",
}


@dataclass
class Sent:
    """What one round of sending did.

    Attributes:
        published: CAP identifiers that came on the feed.
        expired: alerts that nobody signed in time.
        outcomes: how many messages went out, failed or died.
        held: setting -> messages that wait for it.
        faults: alerts that could not be published, and why.
    """

    published: list[str] = field(default_factory=list)
    expired: list[str] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    held: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def says(self) -> str:
        """One line for the journal."""
        parts = [f"{len(self.published)} published", f"{len(self.expired)} expired"]
        parts += [f"{count} {outcome}" for outcome, count in sorted(self.outcomes.items())]
        parts += [f"{count} wait for {setting}" for setting, count in self.held.items()]
        return "; ".join([*parts, *self.faults])


def carriers(settings: Settings) -> dict[Channel, Carrier]:
    """A carrier for each channel that is set up.

    Raises:
        ConfigError: a setting cannot be used.
    """
    found: dict[Channel, Carrier] = {}
    private = settings.webhook_private
    if smtp := settings.smtp_url.get_secret_value():
        found[Channel.EMAIL] = Email(smtp, settings.alert_sender, settings.alert_sender_name)
    if secret := settings.webhook_secret.get_secret_value():
        found[Channel.WEBHOOK] = Webhook(secret, time.time, private=private)
    if settings.sms_url:
        token = settings.sms_token.get_secret_value()
        found[Channel.SMS] = Sms(settings.sms_url, settings.sms_body, token, private=private)
    return found


def sender(settings: Settings) -> Sender:
    """Who alerts come from."""
    return Sender(
        address=settings.alert_sender,
        name=settings.alert_sender_name,
        exercise=settings.alert_exercise,
        web=settings.alert_web,
    )


def send(
    sessions: sessionmaker[Session],
    by: Mapping[Channel, Carrier],
    from_: Sender,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    spread: Callable[[], float] = random.random,
) -> Sent:
    """One round: expire, publish, cancel, and send what is due.

    Args:
        sessions: of the database.
        by: a carrier for each channel that is set up; messages of the others wait.
        from_: who alerts come from.
        clock: gives the moment.
        spread: evenly random from 0 to 1, for the times to wait.
    """
    done = Sent()
    with sessions.begin() as session:
        done.expired = publishing.expired(session, clock())
    _publish(sessions, from_, clock, done)
    for one in _due(sessions, clock(), by):
        _deliver(sessions, by, one, clock, spread, done)
    with sessions() as session:
        for channel in Channel:
            waits = 0 if channel in by else len(outbox.due(session, clock(), [channel]))
            if waits:
                done.held[_SETTING[channel]] = waits
    return done


def _due(
    sessions: sessionmaker[Session], now: datetime, by: Mapping[Channel, Carrier]
) -> list[Due]:
    with sessions() as session:
        return outbox.due(session, now, [str(channel) for channel in by])


def _publish(
    sessions: sessionmaker[Session], from_: Sender, clock: Callable[[], datetime], done: Sent
) -> None:
    """Publish what is signed and what is cancelled; one that cannot be keeps no other back."""
    with sessions() as session:
        wanted = [(publishing.publish, one) for one in publishing.waiting(session)]
        wanted += [(publishing.publish_cancel, one) for one in publishing.to_cancel(session)]
    for publish, one in wanted:
        try:
            _require_sender(one, from_)
            with sessions.begin() as session:
                done.published.append(publish(session, one, from_, clock()))
        except Exception as error:  # noqa: BLE001  said aloud, and tried again next time
            done.faults.append(f"{one.alert.alert_id} not published: {error}")


def _require_sender(one: Followed, from_: Sender) -> None:
    real = not (one.alert.synthetic or from_.exercise)
    if real and from_.address == NO_SENDER:
        raise ConfigError(
            f"VIGIE_ALERT_SENDER: expected a name on the network that is yours, got {NO_SENDER}; "
            "set it, or VIGIE_ALERT_EXERCISE=true for a drill"
        )


def _deliver(
    sessions: sessionmaker[Session],
    by: Mapping[Channel, Carrier],
    one: Due,
    clock: Callable[[], datetime],
    spread: Callable[[], float],
    done: Sent,
) -> None:
    with sessions.begin() as session:
        if not outbox.begin(session, one, clock()):
            return  # another sender has it
    fault, permanent = None, False
    try:
        by[Channel(one.message.channel)].send(_parcel(one))
    except NotSentError as error:
        fault, permanent = str(error), error.permanent
    except Exception as error:  # noqa: BLE001  kept with the message; the others go on
        fault = f"an error that Vigie did not foresee: {type(error).__name__}"
    with sessions.begin() as session:
        outcome = outbox.finish(session, one, clock(), fault, permanent=permanent, spread=spread())
    done.outcomes[str(outcome if outcome is not Outcome.RECEIVED else Outcome.SENT)] += 1


def _parcel(one: Due) -> Parcel:
    return Parcel(
        message_id=one.message.message_id,
        address=one.recipient.address,
        recipient_id=one.recipient.recipient_id,
        language=one.message.language,
        subject=one.message.subject,
        text=one.message.text,
        xml=one.cap.xml,
        about={
            "alert_id": one.message.alert_id,
            "identifier": one.cap.identifier,
            "message_type": one.cap.message_type,
            "status": one.cap.status,
        },
    )
