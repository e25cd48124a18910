"""Versions of a report: what Vigie knew of it, one after the other, and what its sender sent.

The order of arrival does not matter: `response.submissions.head` says which submission counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from response.reports import Report
from response.scrub import scrub_text
from response.submissions import Arrival, Submission, head
from response.vocabulary import People, PlaceKind, ReportKind, Sign, Verification
from store.report_schema import ReportSubmission, ReportVersion


class State(StrEnum):
    """What became of an arrival."""

    LANDED = "landed"
    EDITED = "edited"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"
    DUPLICATE = "duplicate"
    QUEUED = "queued"


def add_submission(
    session: Session,
    arrival: Arrival,
    submission_id: str,
    report_id: str,
    report: Report | None,
    now: datetime,
) -> None:
    """Write down a version as it was sent and understood."""
    session.execute(
        insert(ReportSubmission).values(
            submission_id=submission_id,
            report_id=report_id,
            received_at=now,
            edited_at=arrival.edited_at or arrival.read_at or (report.sent_at if report else now),
            intake=str(arrival.intake),
            sender=arrival.sender,
            reporter=arrival.reporter,
            instance_id=arrival.instance_id,
            replaces=arrival.replaces,
            content=_content(report, arrival) if report else None,
        )
    )


_DATED = "dated"
"""Whether its sender said when a version was written, beside what the version says."""


def _content(report: Report, arrival: Arrival) -> dict[str, Any]:
    return as_plain(report) | {_DATED: arrival.edited_at is not None}


def _written(rows: Sequence[ReportSubmission]) -> list[datetime]:
    """When each version was written, as far as that can be told.

    Who dates edits sends the original without a date, and perhaps both at once, long after: the
    original was then written when it was seen, not when it came. Where nothing is dated, the
    order of arrival is all there is; versions that name each other need none of it.
    """
    edits = any(row.content and row.content.get(_DATED) for row in rows)
    return [
        from_plain(row.content).seen_at
        if edits and row.content and not row.instance_id and not row.content.get(_DATED, True)
        else row.edited_at
        for row in rows
    ]


def as_plain(report: Report) -> dict[str, Any]:
    """A report as values that JSON has."""
    return {
        name: value.isoformat()
        if isinstance(value, datetime)
        else None
        if value is None
        else value
        if isinstance(value, int)
        else str(value)
        for name, value in report._asdict().items()
    }


def from_plain(content: Mapping[str, Any]) -> Report:
    """The report again."""
    return Report(
        unit_id=content["unit_id"],
        kind=ReportKind(content["kind"]),
        sign=Sign(content["sign"]) if content["sign"] else None,
        severity=content["severity"],
        place_kind=PlaceKind(content["place_kind"]) if content["place_kind"] else None,
        voting_center=content["voting_center"],
        people=People(content["people"]) if content["people"] else None,
        seen_at=datetime.fromisoformat(content["seen_at"]),
        sent_at=datetime.fromisoformat(content["sent_at"]),
    )


def settle(session: Session, report_id: str, now: datetime, actor: str, reason: str = "") -> State:
    """Write the version that follows from all submissions, unless it stands already."""
    rows = session.scalars(
        select(ReportSubmission).where(ReportSubmission.report_id == report_id)
    ).all()
    told = {row.submission_id: row for row in rows}
    submissions = [
        Submission(
            row.submission_id,
            from_plain(row.content) if row.content else None,
            written,
            row.instance_id,
            row.replaces,
        )
        for row, written in zip(rows, _written(rows), strict=True)
    ]
    spoken = [s for s in submissions if s.report is not None]
    if not spoken:
        return State.WITHDRAWN
    withdrawn = head(submissions).report is None
    chosen = head(spoken)
    assert chosen.report is not None  # noqa: S101
    row = told[chosen.submission_id]
    last = newest(session, report_id)
    values = {
        **chosen.report._asdict(),
        "withdrawn": withdrawn,
        "intake": row.intake,
        "reporter": row.reporter,
        "sender": row.sender,
    }
    if last is not None and all(getattr(last, name) == value for name, value in values.items()):
        return State.SUPERSEDED
    values["verification"] = _verification_after(last, chosen.report)
    state = State.LANDED if last is None else State.WITHDRAWN if withdrawn else State.EDITED
    append(session, report_id, last, values, str(state), actor, reason, now)
    return state


_SUBSTANCE = ("unit_id", "kind", "sign", "severity", "seen_at")


def _verification_after(last: ReportVersion | None, report: Report) -> str:
    """What was verified stays so while what it says of where, when and what does."""
    if last is None or any(getattr(last, n) != getattr(report, n) for n in _SUBSTANCE):
        return str(Verification.UNVERIFIED)
    return last.verification


def append(
    session: Session,
    report_id: str,
    last: ReportVersion | None,
    values: Mapping[str, Any],
    change: str,
    actor: str,
    reason: str,
    now: datetime,
) -> None:
    """Add a version after `last`, the newest one so far; None for the first."""
    known_at = now if last is None else max(now, last.known_at + timedelta(microseconds=1))
    session.execute(
        insert(ReportVersion).values(
            **{name: str(v) if isinstance(v, StrEnum) else v for name, v in values.items()},
            report_id=report_id,
            version=1 if last is None else last.version + 1,
            known_at=known_at,
            change=change,
            actor=actor,
            reason=scrub_text(reason),
        )
    )


CONTENT = (
    *Report._fields,
    "verification",
    "withdrawn",
    "intake",
    "reporter",
    "sender",
)


def newest(session: Session, report_id: str) -> ReportVersion | None:
    """The newest version of a report; None where there is no such report."""
    return session.scalar(
        select(ReportVersion)
        .where(ReportVersion.report_id == report_id)
        .order_by(ReportVersion.version.desc())
        .limit(1)
    )
