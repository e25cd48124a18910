"""What was not understood: it waits for a person, who makes a report of it or dismisses it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from features.errors import ConflictError, ContractError, ForbiddenError, NotFoundError
from features.vocabulary import Language
from response.places import Places
from response.reports import Fault, Reason, Report, understand
from response.scrub import scrub_text
from response.submissions import Arrival, digest
from response.vocabulary import Intake
from store.landing import Landed
from store.report_places import is_within
from store.report_schema import ReportDecision, ReportInbox
from store.report_versions import State, add_submission, settle
from store.turns import Turn, take_turn

RESOLVED, DISMISSED = "resolved", "dismissed"


def reasons_of(item: ReportInbox) -> list[Reason]:
    """Why an item was not understood."""
    return [
        Reason(r["field"], Fault(r["fault"]), r["got"], tuple(r["meant"])) for r in item.reasons
    ]


def _waiting() -> Select[ReportInbox]:
    decided = select(ReportDecision.inbox_id)
    return select(ReportInbox).where(
        ReportInbox.state == State.QUEUED, ReportInbox.inbox_id.not_in(decided)
    )


def count_waiting(session: Session) -> int:
    """How many items wait, of all areas."""
    return session.scalar(select(func.count()).select_from(_waiting().subquery())) or 0


def may_see(item: ReportInbox, areas: Sequence[str]) -> bool:
    """Whether a reader of `areas` may see an item: its sender's areas must all be among them.

    What a sender of everywhere sent may be from anywhere, so that only readers of everywhere
    see it.
    """
    return not areas or (bool(item.areas) and set(item.areas) <= set(areas))


def waiting(
    session: Session, areas: Sequence[str], *, after: int = 0, limit: int = 50
) -> list[ReportInbox]:
    """Items that wait, the oldest first.

    Args:
        session: an open session.
        areas: of the reader; empty for all.
        after: the last id of the page before.
        limit: most to return.
    """
    found: list[ReportInbox] = []
    query = _waiting().order_by(ReportInbox.inbox_id)
    while len(found) < limit:
        rows = session.scalars(query.where(ReportInbox.inbox_id > after).limit(200)).all()
        if not rows:
            break
        after = rows[-1].inbox_id
        found += [row for row in rows if may_see(row, areas)]
    return found[:limit]


def item(session: Session, inbox_id: int, areas: Sequence[str]) -> ReportInbox:
    """An item that waits.

    Raises:
        NotFoundError: there is no such item.
        ForbiddenError: it is of another area.
        ConflictError: somebody has decided about it.
    """
    found = session.get(ReportInbox, inbox_id)
    if found is None or found.state != State.QUEUED:
        raise NotFoundError(
            f"expected the id of something that waits, got {inbox_id}; "
            "GET /v1/reports/queue lists it"
        )
    if not may_see(found, areas):
        raise ForbiddenError(
            f"item {inbox_id} came from outside {', '.join(areas)}; ask for another token"
        )
    decided = session.get(ReportDecision, inbox_id)
    if decided is not None:
        raise ConflictError(f"item {inbox_id} was already {decided.decision} by {decided.actor}")
    return found


def resolve(
    session: Session,
    inbox_id: int,
    fields: Mapping[str, Any],
    places: Places,
    *,
    areas: Sequence[str] = (),
    reason: str = "",
    actor: str,
    now: datetime,
    zone: tzinfo = UTC,
) -> Landed:
    """Make a report of an item, with the fields as a person read them.

    It lands as if its sender had sent it so; what the sender sends later still edits it.

    Raises:
        NotFoundError: there is no such item.
        ForbiddenError: the item or the unit is of another area.
        ConflictError: somebody has decided about it.
        ContractError: the fields are no report either; the message says why.
    """
    take_turn(session, Turn.REPORTS)
    found = item(session, inbox_id, areas)
    report = understand(fields, places, now, zone)
    if not isinstance(report, Report):
        says = "; ".join(r.says(Language.EN) for r in report)
        raise ContractError(f"item {inbox_id}: expected the fields of a report, got: {says}")
    if not is_within(places.by_id[report.unit_id], areas):
        raise ForbiddenError(
            f"expected a unit of {', '.join(areas)}, got {report.unit_id}; ask for another token"
        )
    arrival = Arrival(
        Intake(found.intake),
        found.sender,
        "",
        fields,
        None,
        reporter=found.reporter,
        read_at=found.received_at,
    )
    submission_id = digest(found.report_id, "resolved", inbox_id)
    add_submission(session, arrival, submission_id, found.report_id, report, now)
    state = settle(session, found.report_id, now, actor, reason)
    _decide(session, inbox_id, RESOLVED, reason, actor, now)
    return Landed(state, found.report_id, inbox_id, report=report)


def dismiss(
    session: Session,
    inbox_id: int,
    *,
    areas: Sequence[str] = (),
    reason: str,
    actor: str,
    now: datetime,
) -> None:
    """Put an item aside for good, with a reason. It is kept.

    Raises:
        NotFoundError: there is no such item.
        ForbiddenError: it is of another area.
        ConflictError: somebody has decided about it.
        ContractError: without a reason.
    """
    take_turn(session, Turn.REPORTS)
    item(session, inbox_id, areas)
    if not reason.strip():
        raise ContractError(f"item {inbox_id}: expected a reason to dismiss it, got none")
    _decide(session, inbox_id, DISMISSED, reason, actor, now)


def _decide(
    session: Session, inbox_id: int, decision: str, reason: str, actor: str, now: datetime
) -> None:
    session.add(
        ReportDecision(
            inbox_id=inbox_id, at=now, actor=actor, decision=decision, reason=scrub_text(reason)
        )
    )
    session.flush()


def counts(session: Session) -> dict[str, dict[str, int]]:
    """How much arrived, by intake and by what became of it.

    Returns:
        intake -> state -> number; what was queued counts as `waiting`, `resolved`,
        `dismissed` or `mended`.
    """
    rows_decided = session.execute(select(ReportDecision.inbox_id, ReportDecision.decision))
    decided = {row.inbox_id: row.decision for row in rows_decided}
    found: dict[str, dict[str, int]] = {}
    rows = session.execute(
        select(ReportInbox.intake, ReportInbox.state, func.count())
        .where(ReportInbox.state != State.QUEUED)
        .group_by(ReportInbox.intake, ReportInbox.state)
    )
    for intake, state, number in rows:
        found.setdefault(intake, {})[state] = number
    queued = session.execute(
        select(ReportInbox.intake, ReportInbox.inbox_id).where(ReportInbox.state == State.QUEUED)
    )
    for intake, inbox_id in queued:
        of_intake = found.setdefault(intake, {})
        state = decided.get(inbox_id, "waiting")
        of_intake[state] = of_intake.get(state, 0) + 1
    return {intake: dict(sorted(found[intake].items())) for intake in sorted(found)}
