"""What people do to a report: say how far it is borne out, or take it back."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from features.errors import ConflictError, ContractError, NotFoundError
from response.submissions import digest
from response.vocabulary import Verification
from store.report_schema import ReportSubmission, ReportVersion
from store.report_versions import CONTENT, append, newest, settle
from store.turns import Turn, take_turn


def require_report(session: Session, report_id: str) -> ReportVersion:
    """The newest version of a report.

    Raises:
        NotFoundError: there is no such report.
    """
    found = newest(session, report_id)
    if found is None:
        raise NotFoundError(
            f"expected the id of a report, got {report_id!r}; GET /v1/reports lists them"
        )
    return found


def verify(
    session: Session,
    report_id: str,
    state: Verification,
    *,
    version: int,
    reason: str,
    actor: str,
    now: datetime,
) -> ReportVersion:
    """Say how far a report is borne out, as a new version.

    Args:
        session: an open session; the caller commits.
        report_id: the report.
        state: what a person found.
        version: the version that the person judged.
        reason: why; needed to refute, and to take back what was found before.
        actor: the token of the person.
        now: the moment, with a time zone.

    Raises:
        NotFoundError: there is no such report.
        ConflictError: the report has changed since, or was taken back.
        ContractError: a reason is missing.
    """
    take_turn(session, Turn.REPORTS)
    last = require_report(session, report_id)
    if last.version != version:
        raise ConflictError(
            f"report {report_id}: expected its newest version, {last.version}, got {version}; "
            "read it again and decide anew"
        )
    if last.withdrawn:
        raise ConflictError(f"report {report_id} was taken back; there is nothing to verify")
    steps = list(Verification)
    back = steps.index(state) < steps.index(Verification(last.verification))
    if not reason.strip() and (back or state is Verification.REFUTED):
        raise ContractError(f"report {report_id}: expected a reason to call it {state}, got none")
    if last.verification != state:
        values = {name: getattr(last, name) for name in CONTENT} | {"verification": str(state)}
        append(session, report_id, last, values, "verified", actor, reason, now)
    return require_report(session, report_id)


def withdraw(
    session: Session, report_id: str, *, reason: str, actor: str, now: datetime
) -> ReportVersion:
    """Take a report back, as its sender or as somebody who may verify.

    A version that was written earlier and arrives later does not bring it back.

    Raises:
        NotFoundError: there is no such report.
    """
    take_turn(session, Turn.REPORTS)
    last = require_report(session, report_id)
    if not last.withdrawn:
        written = select(func.max(ReportSubmission.edited_at)).where(
            ReportSubmission.report_id == report_id
        )
        moment = max(now, (session.scalar(written) or now) + timedelta(microseconds=1))
        session.execute(
            insert(ReportSubmission).values(
                submission_id=digest(report_id, "withdrawn", moment.isoformat()),
                report_id=report_id,
                received_at=now,
                edited_at=moment,
                intake=last.intake,
                sender=last.sender,
                reporter=last.reporter,
                content=None,
            )
        )
        settle(session, report_id, now, actor, reason)
    return require_report(session, report_id)


def last_of(session: Session, reporter: str, reference: str, since: datetime) -> str | None:
    """A reporter's own report: the one whose id starts so, or the newest since a moment."""
    query = select(ReportVersion.report_id, func.max(ReportVersion.version)).where(
        ReportVersion.reporter == reporter
    )
    if reference:
        query = query.where(ReportVersion.report_id.startswith(reference.lower(), autoescape=True))
    else:
        query = query.where(ReportVersion.sent_at >= since)
    query = query.group_by(ReportVersion.report_id).order_by(func.max(ReportVersion.known_at))
    found = session.execute(query).all()
    if reference and len(found) != 1:
        return None
    return found[-1][0] if found else None
