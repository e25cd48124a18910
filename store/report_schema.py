"""Tables of field reports. No number, name or position is in any of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from store.schema import Base


class ReportSubmission(Base):
    """One version of a report as it was sent and understood. Rows are only ever added.

    `content` is a `response.reports.Report` as plain values; NULL takes the report back.
    `sender` is the token or gateway that it came by, `reporter` a keyed hash.
    """

    __tablename__ = "report_submission"
    submission_id: Mapped[str] = mapped_column(primary_key=True)
    report_id: Mapped[str] = mapped_column(primary_key=True)
    received_at: Mapped[datetime]
    edited_at: Mapped[datetime]
    intake: Mapped[str]
    sender: Mapped[str]
    reporter: Mapped[str | None]
    instance_id: Mapped[str | None] = mapped_column(index=True)
    replaces: Mapped[str | None] = mapped_column(index=True)
    content: Mapped[dict[str, Any] | None]
    __table_args__ = (Index("ix_report_submission_report", "report_id"),)


class ReportVersion(Base):
    """A report as Vigie knew it from `known_at` on; see `response.contracts.REPORTS`.

    `change` is what made this version, `actor` whose it was, `reason` what was said with it.
    Rows are only ever added.
    """

    __tablename__ = "report_version"
    report_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    known_at: Mapped[datetime] = mapped_column(index=True)
    unit_id: Mapped[str] = mapped_column(index=True)
    kind: Mapped[str]
    sign: Mapped[str | None]
    severity: Mapped[int]
    place_kind: Mapped[str | None]
    voting_center: Mapped[str | None]
    people: Mapped[str | None]
    seen_at: Mapped[datetime]
    sent_at: Mapped[datetime]
    verification: Mapped[str]
    withdrawn: Mapped[bool]
    intake: Mapped[str]
    reporter: Mapped[str | None] = mapped_column(index=True)
    sender: Mapped[str]
    change: Mapped[str]
    actor: Mapped[str]
    reason: Mapped[str]


class ReportInbox(Base):
    """Everything that arrived, and what became of it. Rows are only ever added.

    `raw` is what was sent, without numbers, accounts and positions. `reasons` say why it was
    not understood: a list of {field, fault, got, meant}. `areas` are those of the sender.
    """

    __tablename__ = "report_inbox"
    inbox_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    received_at: Mapped[datetime]
    intake: Mapped[str]
    sender: Mapped[str]
    reporter: Mapped[str | None]
    submission_id: Mapped[str] = mapped_column(index=True)
    report_id: Mapped[str] = mapped_column(index=True)
    state: Mapped[str] = mapped_column(index=True)
    unit_id: Mapped[str | None]
    areas: Mapped[list[str]]
    raw: Mapped[dict[str, Any]]
    reasons: Mapped[list[dict[str, Any]]]


class ReportDecision(Base):
    """What a person did with something that was not understood. Rows are only ever added."""

    __tablename__ = "report_decision"
    inbox_id: Mapped[int] = mapped_column(
        ForeignKey("report_inbox.inbox_id"), primary_key=True, autoincrement=False
    )
    at: Mapped[datetime]
    actor: Mapped[str]
    decision: Mapped[str]
    reason: Mapped[str]


class ReportPhoto(Base):
    """A photo of a report: its file is `photos/<sha256>.jpg` in the home."""

    __tablename__ = "report_photo"
    report_id: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(primary_key=True)
    received_at: Mapped[datetime]
    size_bytes: Mapped[int]
    removed_at: Mapped[datetime | None]
    removed_by: Mapped[str | None]


class ReportPull(Base):
    """How far a server of forms was read."""

    __tablename__ = "report_pull"
    source: Mapped[str] = mapped_column(primary_key=True)
    read_until: Mapped[datetime]
    pulled_at: Mapped[datetime]
    counts: Mapped[dict[str, Any]]
