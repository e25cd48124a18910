"""Field reports: what arrives lands once, with its history, or waits for a person.

A report's versions are what Vigie knew of it, one after the other. What its sender sent is kept
beside them, so that the order of arrival does not matter: `response.submissions.head` says
which submission counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from math import isfinite
from typing import Any

from sqlalchemy import func, insert, or_, select
from sqlalchemy.orm import Session

from response.bodies import kept
from response.places import Places
from response.reports import Fault, Reason, Report, recognised, understand
from response.scrub import scrub, scrub_text
from response.submissions import Arrival, Submission, digest, head
from response.vocabulary import People, PlaceKind, ReportKind, Sign, Verification
from store.report_places import is_within
from store.report_schema import ReportDecision, ReportInbox, ReportSubmission, ReportVersion
from store.turns import Turn, take_turn

AT_A_TIME = 50
"""Submissions that land in one transaction, so that other writers get their turn."""


class State(StrEnum):
    """What became of an arrival."""

    LANDED = "landed"
    EDITED = "edited"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"
    DUPLICATE = "duplicate"
    QUEUED = "queued"


@dataclass(frozen=True)
class Landed:
    """What became of one arrival.

    Attributes:
        reasons: why it is queued; empty where it is not.
        report: as it was understood; None where it was not, or takes a report back.
    """

    state: State
    report_id: str
    inbox_id: int
    reasons: tuple[Reason, ...] = ()
    report: Report | None = None


def receive(
    session: Session,
    arrival: Arrival,
    places: Places,
    now: datetime,
    zone: tzinfo = UTC,
    *,
    again: bool = False,
) -> Landed:
    """Let a submission land on its report, or keep it for a person.

    Args:
        session: an open session; the caller commits.
        arrival: what came.
        places: the units that may be named.
        now: the moment, with a time zone.
        zone: of times written without an offset.
        again: whether we read it ourselves, again and again: a duplicate is then no arrival,
            and has no row in the inbox (id 0).
    """
    take_turn(session, Turn.REPORTS)
    submission_id = digest(arrival.report_id, arrival.said)
    report_id, others = _family(session, arrival)
    reasons, report = _look(arrival, places, now, zone)
    if _is_known(session, submission_id, queued=bool(reasons)):
        duplicate = (submission_id, report_id, State.DUPLICATE, now)
        inbox_id = 0 if again else _keep(session, arrival, *duplicate)
        return Landed(State.DUPLICATE, report_id, inbox_id, tuple(reasons), report)
    if reasons:
        inbox_id = _keep(
            session, arrival, submission_id, report_id, State.QUEUED, now, reasons=reasons
        )
        return Landed(State.QUEUED, report_id, inbox_id, tuple(reasons))
    add_submission(session, arrival, submission_id, report_id, report, now)
    state = settle(session, report_id, now, arrival.sender or str(arrival.intake))
    for other in others:
        _join(session, other, report_id, now)
    if others:
        state = max(state, settle(session, report_id, now, arrival.sender), key=_weight)
    if arrival.withdraw and state is not State.SUPERSEDED:
        state = State.WITHDRAWN
    unit_id = report.unit_id if report else None
    inbox_id = _keep(session, arrival, submission_id, report_id, state, now, unit_id=unit_id)
    _mend(session, report_id, now)
    return Landed(state, report_id, inbox_id, report=report)


def _is_known(session: Session, submission_id: str, queued: bool) -> bool:
    """Whether the same was sent before, and is where this one would go."""
    landed = select(ReportSubmission.report_id).where(
        ReportSubmission.submission_id == submission_id
    )
    waiting = select(ReportInbox.inbox_id).where(
        ReportInbox.submission_id == submission_id, ReportInbox.state == State.QUEUED
    )
    return session.scalar((waiting if queued else landed).limit(1)) is not None


def _weight(state: State) -> int:
    return (State.SUPERSEDED, State.WITHDRAWN, State.EDITED, State.LANDED).index(state)


def _look(
    arrival: Arrival, places: Places, now: datetime, zone: tzinfo
) -> tuple[list[Reason], Report | None]:
    """Understand an arrival, and refuse what lies outside the sender's areas."""
    if arrival.withdraw:
        return list(arrival.unreadable), None
    found = understand(arrival.fields, places, now, zone)
    if not isinstance(found, Report):
        return [*arrival.unreadable, *found], None
    reasons = list(arrival.unreadable)
    if not is_within(places.by_id[found.unit_id], arrival.areas):
        reasons.append(Reason("unit", Fault.OUTSIDE, found.unit_id))
    return reasons, found


def _family(session: Session, arrival: Arrival) -> tuple[str, list[str]]:
    """The report that an arrival is a version of, and others that it shows to be the same.

    A phone names each version and the one that it was made from; when an edit comes before the
    original, only the name between the two says that they are one report. The report of the
    first version keeps the id.
    """
    own = arrival.report_id
    if not arrival.instance_id:
        return own, []
    names = [name for name in (arrival.instance_id, arrival.replaces) if name]
    rows = session.execute(
        select(ReportSubmission.report_id, func.min(ReportSubmission.received_at))
        .where(
            ReportSubmission.intake == str(arrival.intake),
            ReportSubmission.sender == arrival.sender,
            or_(
                ReportSubmission.instance_id.in_(names),
                ReportSubmission.replaces == arrival.instance_id,
            ),
        )
        .group_by(ReportSubmission.report_id)
        .order_by(func.min(ReportSubmission.received_at), ReportSubmission.report_id)
    )
    found = [row[0] for row in rows]
    if not found:
        return own, []
    return found[0], found[1:]


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


def _join(session: Session, other: str, report_id: str, now: datetime) -> None:
    """Move the submissions of a report to the one that it turned out to be a version of."""
    moved = session.scalars(
        select(ReportSubmission).where(ReportSubmission.report_id == other)
    ).all()
    columns = [c.name for c in ReportSubmission.__table__.columns]
    session.execute(
        insert(ReportSubmission),
        [{**{c: getattr(row, c) for c in columns}, "report_id": report_id} for row in moved],
    )
    last = newest(session, other)
    if last is not None and not last.withdrawn:
        values = {name: getattr(last, name) for name in CONTENT} | {"withdrawn": True}
        append(session, other, last, values, "joined", "vigie", f"part of {report_id}", now)


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


def _keep(
    session: Session,
    arrival: Arrival,
    submission_id: str,
    report_id: str,
    state: State,
    now: datetime,
    reasons: list[Reason] | None = None,
    unit_id: str | None = None,
) -> int:
    """Write an arrival into the inbox; its id there."""
    row = ReportInbox(
        received_at=now,
        intake=str(arrival.intake),
        sender=arrival.sender,
        reporter=arrival.reporter,
        submission_id=submission_id,
        report_id=report_id,
        state=str(state),
        unit_id=unit_id,
        areas=list(arrival.areas),
        raw=storable({"sent": _sent(arrival, state), "read": scrub(recognised(arrival.fields))}),
        reasons=[{**r._asdict(), "meant": list(r.meant)} for r in reasons or []],
    )
    session.add(row)
    session.flush()
    return row.inbox_id


def _sent(arrival: Arrival, state: State) -> Any:
    """What was sent, without what points to a person; the same bytes are kept once."""
    if not isinstance(arrival.raw, bytes):
        return scrub(arrival.raw)
    return None if state is State.DUPLICATE else kept(arrival.raw)


def storable(value: Any) -> Any:
    """Values that every database takes as JSON.

    PostgreSQL knows neither NUL nor lone halves, JSON neither NaN nor infinity.
    """
    if isinstance(value, str):
        return value.replace("\x00", "").encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {storable(str(k)): storable(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [storable(v) for v in value]
    if isinstance(value, float) and not isfinite(value):
        return None
    return value


def _mend(session: Session, report_id: str, now: datetime) -> None:
    """Close what waited for a person and has been sent again so that it is understood."""
    decided = select(ReportDecision.inbox_id)
    waiting = session.scalars(
        select(ReportInbox.inbox_id).where(
            ReportInbox.report_id == report_id,
            ReportInbox.state == State.QUEUED,
            ReportInbox.inbox_id.not_in(decided),
        )
    ).all()
    for inbox_id in waiting:
        session.add(
            ReportDecision(
                inbox_id=inbox_id, at=now, actor="vigie", decision="mended", reason="sent again"
            )
        )
    session.flush()
