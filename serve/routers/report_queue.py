"""`/v1/reports/queue`: what was not understood, for a person to make a report of or dismiss."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request

from features.vocabulary import Language
from serve import cursors, documented
from serve.auth import Now, OpenSession, Verifier, audit_change, request_id
from serve.language import Wanted
from serve.receiving import said, told, zone
from serve.report_schemas import Because, Counts, LandedOut, Queue, QueueItem, Resolution
from serve.routers.bulletins import Cursor
from store import report_queue
from store.audit import Entry
from store.report_places import places
from store.report_schema import ReportInbox

router = APIRouter(prefix="/v1", tags=["reports"])

READ = "queue.read"
MOST_LETTERS = 2_000
"""Letters of one text in a list; a body may have a million."""

InboxId = Annotated[int, Path(ge=1, le=2**31 - 1, description="Id of an item of the queue")]


@router.get("/reports/queue", responses=documented.errors(422), summary="What waits for a person")
def queue(
    request: Request,
    session: OpenSession,
    caller: Verifier,
    language: Wanted,
    limit: Annotated[int, Query(ge=1, le=200, description="Most to return")] = 50,
    cursor: Cursor = None,
) -> Queue:
    """Submissions that could not be understood, the oldest first.

    A token with areas sees what came by tokens of its areas. Long texts are shortened.
    """
    after = cursors.read(cursor, int) or (0,)
    rows = report_queue.waiting(
        session, caller.areas, after=max(0, min(after[0], 2**31 - 1)), limit=limit + 1
    )
    following = None
    if len(rows) > limit:
        following = cursors.following(request, (rows[limit - 1].inbox_id,))
    return Queue(items=[_item(row, language, MOST_LETTERS) for row in rows[:limit]], next=following)


@router.get(
    "/reports/queue/{inbox_id}",
    responses=documented.errors(404, 409, 422),
    summary="All of what waits",
)
def whole(
    request: Request,
    session: OpenSession,
    caller: Verifier,
    now: Now,
    language: Wanted,
    inbox_id: InboxId,
) -> QueueItem:
    """One item with everything that was sent. Each read is audited."""
    row = report_queue.item(session, inbox_id, caller.areas)
    request.app.state.audit.add(
        Entry(now, caller.token_id, READ, request.url.path, None, request_id(request))
    )
    return _item(row, language)


def _item(row: ReportInbox, language: Language, most: int | None = None) -> QueueItem:
    """An item; of long texts the first `most` letters."""
    sent = row.raw.get("sent")
    shown = sent if most is None else _first(sent, most)
    return QueueItem(
        inbox_id=row.inbox_id,
        received_at=row.received_at,
        intake=row.intake,
        sent=shown,
        shortened=shown != sent,
        read=row.raw.get("read", {}),
        reasons=said(report_queue.reasons_of(row), language),
    )


def _first(value: Any, most: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= most else f"{value[:most]}…"
    if isinstance(value, dict):
        return {name: _first(one, most) for name, one in value.items()}
    return [_first(one, most) for one in value] if isinstance(value, list) else value


@router.post(
    "/reports/queue/{inbox_id}/resolve",
    responses=documented.errors(400, 404, 409, 422),
    summary="Make a report of an item",
)
def resolve(
    request: Request,
    session: OpenSession,
    caller: Verifier,
    now: Now,
    language: Wanted,
    inbox_id: InboxId,
    wanted: Resolution,
) -> LandedOut:
    """With the fields as a person read them; 422 where they are no report either."""
    landed = report_queue.resolve(
        session,
        inbox_id,
        wanted.fields,
        places(session),
        areas=caller.areas,
        reason=wanted.reason,
        actor=caller.token_id,
        now=now,
        zone=zone(request.app.state.settings),
    )
    audit_change(request, session, now, caller, "report.resolved", landed.report_id)
    return told(landed, language)


@router.post(
    "/reports/queue/{inbox_id}/dismiss",
    status_code=204,
    responses=documented.errors(400, 404, 409, 422),
    summary="Put an item aside",
)
def dismiss(
    request: Request,
    session: OpenSession,
    caller: Verifier,
    now: Now,
    inbox_id: InboxId,
    because: Because,
) -> None:
    """With a reason. It is kept and counted, and no longer waits."""
    report_queue.dismiss(
        session,
        inbox_id,
        areas=caller.areas,
        reason=because.reason,
        actor=caller.token_id,
        now=now,
    )
    audit_change(request, session, now, caller, "report.dismissed", f"inbox {inbox_id}")


@router.get("/reports/counts", responses=documented.errors(), summary="How much arrived")
def counts(session: OpenSession, _caller: Verifier) -> Counts:
    """Every submission counts once: by intake and by what became of it."""
    found = report_queue.counts(session)
    return Counts(intakes=found, waiting=sum(of.get("waiting", 0) for of in found.values()))
