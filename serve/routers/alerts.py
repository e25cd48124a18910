"""`/v1/alerts`: reading alerts, as JSON, as CAP and as a feed, and who was told what."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from features.errors import ConflictError
from features.vocabulary import Language
from response.alerts import State
from response.cap import MEDIA_TYPE
from response.vocabulary import Level
from serve import atom, cursors, documented
from serve.alert_schemas import ALERT_ID, AlertOut, Alerts, Told, ToldOut
from serve.auth import Now, OpenSession, Reader, request_id
from serve.language import Wanted
from serve.routers.bulletins import Cursor, _moment
from serve.schemas import Moment
from store import alert_reading, mark, recipients, telling
from store.alert_reading import Followed
from store.audit import Entry
from store.roles import Role
from store.tokens import Caller

router = APIRouter(prefix="/v1", tags=["alerts"])

AlertId = Annotated[
    str, Path(description="Id of an alert", examples=[ALERT_ID], pattern=r"^[A-Za-z0-9._-]+$")
]
Election = Annotated[str | None, Query(examples=["MLI-2018-PRES-1"])]
Since = Annotated[Moment | None, Query(examples=["2018-07-01T00:00:00Z"])]


def out(followed: Followed, language: Language) -> AlertOut:
    """An alert as the API says it."""
    alert = followed.alert
    columns = {c.name: getattr(alert, c.name) for c in alert.__table__.columns}
    return AlertOut.model_validate(
        {
            **columns,
            "state": followed.state,
            "words": alert.words[str(language)],
            "translations": alert.words,
            "places": followed.units,
            "events": followed.events,
            "cap": followed.caps,
        }
    )


def audited(request: Request, now: datetime, caller: Caller) -> None:
    """Write down who read alerts."""
    request.app.state.audit.add(
        Entry(
            now,
            caller.token_id,
            alert_reading.READ,
            request.url.path,
            request_id=request_id(request),
        )
    )


@router.get("/alerts", responses=documented.errors(422), summary="Find alerts")
def list_alerts(
    request: Request,
    session: OpenSession,
    caller: Reader,
    now: Now,
    language: Wanted,
    election_id: Election = None,
    level: Annotated[Level | None, Query(description="Who has to act")] = None,
    state: Annotated[State | None, Query(description="How far it has come")] = None,
    since: Since = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Most to return")] = 50,
    cursor: Cursor = None,
) -> Alerts:
    """Alerts that match every filter given and lie wholly within the token's areas."""
    audited(request, now, caller)
    rows = alert_reading.page(
        session,
        areas=caller.areas,
        election_id=election_id,
        level=str(level) if level else None,
        state=str(state) if state else None,
        since=since,
        after_=cursors.read(cursor, _moment, str),
        limit=limit + 1,
    )
    following = None
    if len(rows) > limit:
        last = rows[limit - 1].alert
        following = cursors.following(request, (last.drafted_at, last.alert_id))
    shown = [out(row, language) for row in rows[:limit]]
    return Alerts(synthetic=mark.is_synthetic(session), alerts=shown, next=following)


_XML: dict[int | str, dict[str, Any]] = {
    200: {"content": {atom.MEDIA_TYPE: {"schema": {"type": "string"}}}}
}


@router.get(
    "/alerts/feed",
    responses={**_XML, **documented.errors(422)},
    response_class=Response,
    summary="Alerts that went out, as an Atom feed of CAP",
)
def feed(
    request: Request,
    session: OpenSession,
    caller: Reader,
    now: Now,
    language: Wanted,
    limit: Annotated[int, Query(ge=1, le=100, description="Entries on a page")] = 50,
    cursor: Cursor = None,
) -> Response:
    """The newest first; older ones by `rel="next"` (RFC 4287, RFC 5005)."""
    audited(request, now, caller)
    after = cursors.read(cursor, _moment, str)
    rows = alert_reading.published(
        session,
        areas=caller.areas,
        after_=after,
        limit=limit + 1,
    )
    following = None
    if len(rows) > limit:
        last = rows[limit - 1].cap
        following = cursors.following(request, (last.sent_at, last.identifier))
    xml = atom.feed(rows[:limit], language, str(request.url), following, now)
    return Response(xml, media_type=atom.MEDIA_TYPE)


@router.get("/alerts/told", responses=documented.errors(422), summary="Who was told what, when")
def told(
    request: Request,
    session: OpenSession,
    caller: Reader,
    now: Now,
    election_id: Election = None,
    alert_id: Annotated[str | None, Query(examples=[ALERT_ID])] = None,
    recipient_id: Annotated[str | None, Query(examples=["3fa9c01b"])] = None,
    state: Annotated[str | None, Query(examples=["dead"])] = None,
    since: Since = None,
    limit: Annotated[int, Query(ge=1, le=500, description="Most to return")] = 100,
    cursor: Cursor = None,
) -> Told:
    """Every message that was written, the newest first, and what became of it."""
    audited(request, now, caller)
    rows = telling.told(
        session,
        areas=caller.areas,
        election_id=election_id,
        alert_id=alert_id,
        recipient_id=recipient_id,
        state=state,
        since=since,
        after=cursors.read(cursor, _moment, str),
        limit=limit + 1,
    )
    following = None
    if len(rows) > limit:
        last = rows[limit - 1]
        following = cursors.following(request, (last.queued_at, last.message_id))
    whole = caller.role is Role.ADMIN
    return Told(told=[_told(row, whole) for row in rows[:limit]], next=following)


def _told(row: Any, whole: bool) -> ToldOut:
    said = dict(row._mapping)
    if not whole:
        said["address"] = recipients.masked(row.channel, row.address)
    return ToldOut.model_validate(said)


@router.get("/alerts/{alert_id}", responses=documented.errors(404, 422), summary="One alert")
def one(
    request: Request,
    session: OpenSession,
    caller: Reader,
    now: Now,
    language: Wanted,
    alert_id: AlertId,
) -> AlertOut:
    """What it says, how far it has come, and who did what, when."""
    audited(request, now, caller)
    return out(alert_reading.one(session, alert_id, caller.areas), language)


@router.get(
    "/alerts/{alert_id}/cap",
    responses={
        200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}},
        **documented.errors(404, 409, 422),
    },
    response_class=Response,
    summary="The CAP message that went out last",
)
def cap(
    request: Request,
    session: OpenSession,
    caller: Reader,
    now: Now,
    alert_id: AlertId,
    first: Annotated[
        bool, Query(description="The alert's own, also where it was cancelled since")
    ] = False,
) -> Response:
    """CAP 1.2 in French and English; there is none before the alert was sent."""
    audited(request, now, caller)
    found = alert_reading.one(session, alert_id, caller.areas)
    if not found.caps:
        raise ConflictError(
            f"alert {alert_id}: expected one that was sent, got one that is {found.state}; "
            "it has no CAP message yet"
        )
    return Response(found.caps[0 if first else -1].xml, media_type=MEDIA_TYPE)
