"""Field reports: what arrives lands once, with its history, or waits for a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from math import isfinite
from typing import Any

from sqlalchemy import func, insert, or_, select
from sqlalchemy.orm import Session

from response.bodies import kept
from response.places import Places
from response.reports import Fault, Reason, Report, recognised, understand
from response.scrub import scrub
from response.submissions import Arrival, digest
from store.report_places import is_within
from store.report_schema import ReportDecision, ReportInbox, ReportSubmission
from store.report_versions import CONTENT, State, add_submission, append, newest, settle
from store.turns import Turn, take_turn

AT_A_TIME = 50
"""Submissions that land in one transaction, so that other writers get their turn."""


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
