"""Tables of alerts. All but recipients are only ever added to; the database refuses changes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from store.schema import Base


class Alert(Base):
    """An alert as it was drafted.

    `rule` is `hand` where a person wrote it. `words` is language -> headline, reason and
    instruction. `updates` is the alert that this one replaces, `escalates` the one of the level
    below that nobody acknowledged.
    """

    __tablename__ = "alert"
    alert_id: Mapped[str] = mapped_column(primary_key=True)
    election_id: Mapped[str] = mapped_column(ForeignKey("election.election_id"))
    registry_id: Mapped[str] = mapped_column(ForeignKey("registry.registry_id"))
    rule: Mapped[str]
    kind: Mapped[str]
    level: Mapped[str]
    area_kind: Mapped[str]
    area_id: Mapped[str]
    area_name: Mapped[str]
    channels: Mapped[list[str]]
    urgency: Mapped[str]
    severity: Mapped[str]
    certainty: Mapped[str]
    strength: Mapped[float]
    words: Mapped[dict[str, Any]]
    evidence: Mapped[dict[str, Any]]
    drafted_at: Mapped[datetime]
    drafted_by: Mapped[str]
    expires_at: Mapped[datetime]
    updates: Mapped[str | None] = mapped_column(ForeignKey("alert.alert_id"))
    escalates: Mapped[str | None] = mapped_column(ForeignKey("alert.alert_id"))
    synthetic: Mapped[bool]
    __table_args__ = (Index("ix_alert_drafted", "drafted_at", "alert_id"),)


class AlertUnit(Base):
    """A unit that an alert is about, with the areas it lies in."""

    __tablename__ = "alert_unit"
    alert_id: Mapped[str] = mapped_column(ForeignKey("alert.alert_id"), primary_key=True)
    unit_id: Mapped[str] = mapped_column(primary_key=True)
    parent_id: Mapped[str]
    region_id: Mapped[str]


class AlertEvent(Base):
    """A step of an alert: who did what, in which role, when; `state` is the state after it.

    The signature is the step `sign`. `digest` is the SHA-256 of the words that were signed.
    Numbers count from 0, the drafting; two who step at once cannot both have the next one.
    """

    __tablename__ = "alert_event"
    alert_id: Mapped[str] = mapped_column(ForeignKey("alert.alert_id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    step: Mapped[str]
    state: Mapped[str]
    actor: Mapped[str]
    name: Mapped[str]
    role: Mapped[str]
    note: Mapped[str] = mapped_column(Text)
    digest: Mapped[str | None]


class AlertCap(Base):
    """A CAP message that went out: an alert's own, and the one that cancels it."""

    __tablename__ = "alert_cap"
    identifier: Mapped[str] = mapped_column(primary_key=True)
    alert_id: Mapped[str] = mapped_column(ForeignKey("alert.alert_id"))
    message_type: Mapped[str]
    status: Mapped[str]
    sender: Mapped[str]
    sent_at: Mapped[datetime]
    xml: Mapped[str] = mapped_column(Text)
    __table_args__ = (
        UniqueConstraint("alert_id", "message_type"),
        Index("ix_alert_cap_sent", "sent_at", "identifier"),
    )


class Recipient(Base):
    """Who is told: an office by name, with the one address of one channel, which is private.

    `areas` are ids of units, parent areas or regions; empty for all. A recipient ends and is
    never removed, since what it was told stays.
    """

    __tablename__ = "recipient"
    recipient_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    level: Mapped[str]
    areas: Mapped[list[str]]
    channel: Mapped[str]
    address: Mapped[str]
    language: Mapped[str]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class AlertMessage(Base):
    """One message to one recipient, in the words that it reads. `message_id` is stable."""

    __tablename__ = "alert_message"
    message_id: Mapped[str] = mapped_column(primary_key=True)
    identifier: Mapped[str] = mapped_column(ForeignKey("alert_cap.identifier"))
    alert_id: Mapped[str] = mapped_column(ForeignKey("alert.alert_id"), index=True)
    recipient_id: Mapped[str] = mapped_column(ForeignKey("recipient.recipient_id"))
    channel: Mapped[str]
    language: Mapped[str]
    subject: Mapped[str]
    text: Mapped[str] = mapped_column(Text)
    queued_at: Mapped[datetime] = mapped_column(index=True)


class Delivery(Base):
    """What became of a message: each try, its outcome, the receiver's receipt.

    `next_try_at` is when the message is due again; NULL once it is not. Numbers count from 0:
    two senders cannot both begin the same try.
    """

    __tablename__ = "delivery"
    message_id: Mapped[str] = mapped_column(
        ForeignKey("alert_message.message_id"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    outcome: Mapped[str]
    detail: Mapped[str] = mapped_column(Text)
    next_try_at: Mapped[datetime | None]


KEPT = (Alert, AlertUnit, AlertEvent, AlertCap, AlertMessage, Delivery)
"""Tables that are only added to."""
