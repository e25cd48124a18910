"""`/v1/tokens` and `/v1/audit`: for admins."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from serve import cursors, documented
from serve.access_schemas import AuditEntry, AuditLog, NewToken, TokenMade, TokenOut, Tokens
from serve.auth import Admin, Now, OpenSession
from serve.routers.bulletins import Cursor
from serve.schemas import Moment
from store import audit, tokens

router = APIRouter(prefix="/v1", tags=["access"])


@router.get("/tokens", responses=documented.errors(422), summary="Tokens and sessions")
def list_tokens(
    request: Request,
    session: OpenSession,
    _caller: Admin,
    limit: Annotated[int, Query(ge=1, le=500, description="Most to return")] = 100,
    cursor: Cursor = None,
) -> Tokens:
    """All tokens and sessions by id; secrets are not kept."""
    after = cursors.read(cursor, str)
    rows = tokens.list_tokens(session, after=after[0] if after else None, limit=limit + 1)
    following = None
    if len(rows) > limit:
        following = cursors.following(request, (rows[limit - 1].token_id,))
    found = [TokenOut.model_validate(row) for row in rows[:limit]]
    return Tokens(tokens=found, next=following)


@router.post(
    "/tokens", status_code=201, responses=documented.errors(400, 422), summary="Make a token"
)
def make_token(session: OpenSession, caller: Admin, now: Now, wanted: NewToken) -> TokenMade:
    """The answer holds the secret, which nothing can show again."""
    token, secret = tokens.create(
        session,
        label=wanted.label,
        now=now,
        role=wanted.role,
        areas=wanted.areas,
        expires_at=now + timedelta(days=wanted.days),
        actor=caller.token_id,
    )
    return TokenMade(**TokenOut.model_validate(token).model_dump(), secret=secret)


@router.delete(
    "/tokens/{token_id}", responses=documented.errors(404, 422), summary="End a token at once"
)
def revoke_token(
    request: Request,
    session: OpenSession,
    caller: Admin,
    now: Now,
    token_id: Annotated[str, Path(description="Id of a token or session", examples=["3fa9c01b"])],
) -> TokenOut:
    """The token and every session made from it stop to count."""
    token = tokens.revoke(session, token_id, now, actor=caller.token_id)
    answer = TokenOut.model_validate(token)
    session.commit()
    request.app.state.gate.forget()  # only now: a request in between would be remembered
    return answer


@router.get("/audit", responses=documented.errors(422), summary="Who read or changed what")
def read_audit(
    request: Request,
    session: OpenSession,
    _caller: Admin,
    actor: Annotated[str | None, Query(examples=["3fa9c01b"])] = None,
    action: Annotated[str | None, Query(examples=["scores.read"])] = None,
    bulletin_id: Annotated[str | None, Query()] = None,
    since: Annotated[Moment | None, Query(examples=["2018-07-01T00:00:00Z"])] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="Most to return")] = 100,
    cursor: Cursor = None,
) -> AuditLog:
    """Entries that match every filter given, the newest first."""
    after = cursors.read(cursor, int)
    request.app.state.audit.flush()
    rows = audit.entries(
        session,
        after=min(after[0], 2**31) if after else None,
        actor=actor,
        action=action,
        bulletin_id=bulletin_id,
        since=since,
        limit=limit + 1,
    )
    following = None
    if len(rows) > limit:
        following = cursors.following(request, (rows[limit - 1].id,))
    found = [AuditEntry.model_validate(row) for row in rows[:limit]]
    return AuditLog(entries=found, next=following)
