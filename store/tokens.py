"""Bearer tokens: made once, shown once, kept only as a SHA-256."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from features.errors import NotAuthorisedError, NotFoundError
from store.schema import Token

PREFIX = "vigie_"


def create(
    session: Session,
    *,
    label: str,
    now: datetime,
    role: str = "planner",
    expires_at: datetime | None = None,
) -> tuple[Token, str]:
    """Make a token.

    Args:
        session: an open session; the caller commits.
        label: who or what holds it, for `list_tokens`.
        now: the moment, with a time zone.
        role: what it may do.
        expires_at: when it stops to count; None for never.

    Returns:
        The row kept, and the secret, which nothing can show again.
    """
    secret = PREFIX + secrets.token_urlsafe(32)
    token = Token(
        token_id=secrets.token_hex(4),
        secret_sha256=_sha256(secret),
        label=label,
        role=role,
        created_at=now,
        expires_at=expires_at,
        revoked_at=None,
    )
    session.add(token)
    session.flush()
    return token, secret


def verify(session: Session, secret: str, now: datetime) -> Token:
    """The token whose secret this is.

    Raises:
        NotAuthorisedError: unknown, revoked or expired.
    """
    # 256 random bits looked up by their digest: timing tells nothing that helps to guess.
    token = session.scalar(select(Token).where(Token.secret_sha256 == _sha256(secret)))
    if token is None:
        raise NotAuthorisedError("expected a valid token, got an unknown one; ask for a new one")
    if token.revoked_at is not None:
        raise NotAuthorisedError("this token was revoked; ask for a new one")
    if token.expires_at is not None and token.expires_at <= now:
        raise NotAuthorisedError("this token has expired; ask for a new one")
    return token


def revoke(session: Session, token_id: str, now: datetime) -> Token:
    """End a token; one already ended keeps its first day.

    Raises:
        NotFoundError: there is no such token.
    """
    token = session.get(Token, token_id)
    if token is None:
        raise NotFoundError(f"expected the id of a token, got {token_id!r}; list them first")
    if token.revoked_at is None:
        token.revoked_at = now
        session.flush()
    return token


def list_tokens(session: Session) -> list[Token]:
    """All tokens, the oldest first; their secrets are not known."""
    return list(session.scalars(select(Token).order_by(Token.created_at, Token.token_id)))


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
