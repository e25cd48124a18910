"""What a request may use: a session, the moment, and the token that it came with."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.orm import Session

from features.errors import NotAuthorisedError
from store.schema import ReadAudit, Token
from store.tokens import verify

_BEARER = HTTPBearer(
    auto_error=False,
    scheme_name="token",
    bearerFormat="vigie_...",
    description="A token made with `vigie token create`. Send it as `Authorization: Bearer ...`.",
)


def now() -> datetime:
    """The moment. Tests replace this dependency."""
    return datetime.now(UTC)


def session(request: Request) -> Iterator[Session]:
    """A session that commits when the request went well, so that the read audit is kept."""
    with request.app.state.sessions.begin() as opened:
        yield opened


Now = Annotated[datetime, Depends(now)]
OpenSession = Annotated[Session, Depends(session, scope="function")]


def token(
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
    session: OpenSession,
    now: Now,
) -> Token:
    """The token of a request.

    Raises:
        NotAuthorisedError: none was sent, or it does not count.
    """
    if credentials is None:
        raise NotAuthorisedError(
            "expected a token in the header 'Authorization: Bearer ...', got none"
        )
    return verify(session, credentials.credentials, now)


Bearer = Annotated[Token, Depends(token)]


def audit(
    session: Session, *, token: Token, now: datetime, request: Request, bulletin_id: str
) -> None:
    """Write down who read which scores, when."""
    session.add(
        ReadAudit(at=now, token_id=token.token_id, path=request.url.path, bulletin_id=bulletin_id)
    )
