"""Tokens and sessions: made once, shown once, kept only as a SHA-256."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from features.errors import ContractError, NotAuthorisedError, NotFoundError
from store import audit
from store.roles import ALLOWED, Action, Role
from store.schema import Token, Unit

PREFIX = "vigie_"
BEARER, SESSION = "bearer", "session"


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody whose token counts.

    Attributes:
        areas: ids of the regions, parent areas or units that may be read; empty for all.
        expires_at: when the token, or the one that a session was made from, stops to count.
        parent_id: the token that a session was made from.
    """

    token_id: str
    label: str
    role: Role
    areas: tuple[str, ...]
    expires_at: datetime | None
    kind: str = BEARER
    parent_id: str | None = None

    @property
    def owner(self) -> str:
        """Whose the forecasts are: the token or account, whichever of its sessions asks."""
        if self.kind == SESSION:
            return self.parent_id or self.label
        return self.token_id

    @property
    def may_forecast(self) -> bool:
        """Whether it may ask for forecasts: these speak of every unit, so not within areas."""
        return Action.FORECAST in ALLOWED[self.role] and not self.areas


def create(
    session: Session,
    *,
    label: str,
    now: datetime,
    role: str = Role.PLANNER,
    areas: Sequence[str] = (),
    expires_at: datetime | None = None,
    actor: str = "command line",
) -> tuple[Token, str]:
    """Make a token.

    Args:
        session: an open session; the caller commits.
        label: who or what holds it, for `list_tokens`.
        now: the moment, with a time zone.
        role: what it may do, one of `store.roles.Role`.
        areas: ids of regions, parent areas or units that it may read; none for all.
        expires_at: when it stops to count; None for never.
        actor: who makes it, for the audit.

    Returns:
        The row kept, and the secret, which nothing can show again.

    Raises:
        ContractError: an unknown role or area, or a field token without an area.
    """
    _require_scope(session, role, areas)
    made = _add(session, BEARER, label, role, areas, now, expires_at, None)
    audit.record(session, audit.Entry(now, actor, "token.created", made[0].token_id))
    return made


def open_session(
    session: Session,
    *,
    now: datetime,
    lasts: timedelta,
    parent: Caller | None = None,
    label: str = "",
    role: str = Role.PLANNER,
    areas: Sequence[str] = (),
) -> tuple[Token, str]:
    """Make a browser's session, from a token (`parent`) or for an organisation's account.

    Args:
        session: an open session; the caller commits.
        now: the moment, with a time zone.
        lasts: how long it counts; never longer than its parent.
        parent: whose label, role and areas it takes, and with which it ends.
        label: the account, where there is no parent.
        role: what the account may do, where there is no parent.
        areas: what the account may read, where there is no parent.

    Raises:
        ContractError: an unknown role or area, or a field account without an area.
    """
    end = now + lasts
    if parent is None:
        _require_scope(session, role, areas)
        made = _add(session, SESSION, label, role, areas, now, end, None)
    else:
        end = min(end, parent.expires_at or end)
        made = _add(
            session,
            SESSION,
            parent.label,
            parent.role,
            parent.areas,
            now,
            end,
            parent.token_id,
        )
    actor = parent.token_id if parent else label
    audit.record(session, audit.Entry(now, actor, "session.opened", made[0].token_id))
    return made


def _add(
    session: Session,
    kind: str,
    label: str,
    role: str,
    areas: Sequence[str],
    now: datetime,
    expires_at: datetime | None,
    parent_id: str | None,
) -> tuple[Token, str]:
    secret = PREFIX + secrets.token_urlsafe(32)
    token = Token(
        token_id=secrets.token_hex(4),
        secret_sha256=sha256(secret),
        kind=kind,
        parent_id=parent_id,
        label=label,
        role=str(role),
        areas=list(areas),
        created_at=now,
        expires_at=expires_at,
        revoked_at=None,
    )
    session.add(token)
    session.flush()
    return token, secret


def _require_scope(session: Session, role: str, areas: Sequence[str]) -> None:
    if role not in list(Role):
        raise ContractError(f"token: expected a role of {', '.join(Role)}, got {role!r}")
    if role == Role.FIELD and not areas:
        raise ContractError(
            "token: expected at least one area for the role 'field', got none; "
            "give the id of a region, parent area or unit"
        )
    for area in areas:
        known = or_(Unit.region_id == area, Unit.parent_id == area, Unit.unit_id == area)
        if session.scalar(select(Unit.unit_id).where(known).limit(1)) is None:
            raise ContractError(
                f"token: expected the id of a region, parent area or unit in the store, "
                f"got {area!r}; the first bulletin brings them"
            )


def verify(session: Session, secret: str, now: datetime, kind: str = BEARER) -> Caller:
    """Whose secret this is.

    Args:
        session: an open session.
        secret: what was sent.
        now: the moment, with a time zone.
        kind: how it was sent; a cookie is no bearer token, nor the reverse.

    Raises:
        NotAuthorisedError: unknown, revoked or expired.
    """
    # 256 random bits looked up by their digest: timing tells nothing that helps to guess.
    query = select(Token).where(Token.secret_sha256 == sha256(secret), Token.kind == kind)
    token = session.scalar(query)
    if token is None:
        raise NotAuthorisedError("expected a valid token, got an unknown one; ask for a new one")
    parent = session.get(Token, token.parent_id) if token.parent_id else None
    if token.revoked_at is not None or (parent is not None and parent.revoked_at is not None):
        raise NotAuthorisedError("this token was revoked; ask for a new one")
    require_unexpired(token.expires_at, now)
    return Caller(
        token_id=token.token_id,
        label=token.label,
        role=Role(token.role),
        areas=tuple(token.areas),
        expires_at=token.expires_at,
        kind=token.kind,
        parent_id=token.parent_id,
    )


def require_unexpired(expires_at: datetime | None, now: datetime) -> None:
    """Let pass what still counts.

    Raises:
        NotAuthorisedError: the moment is over.
    """
    if expires_at is not None and expires_at <= now:
        raise NotAuthorisedError("this token has expired; ask for a new one")


def revoke(session: Session, token_id: str, now: datetime, actor: str = "command line") -> Token:
    """End a token, and the sessions made from it; one already ended keeps its first day.

    Raises:
        NotFoundError: there is no such token.
    """
    token = session.get(Token, token_id)
    if token is None:
        raise NotFoundError(f"expected the id of a token, got {token_id!r}; list them first")
    if token.revoked_at is None:
        token.revoked_at = now
        session.flush()
        audit.record(session, audit.Entry(now, actor, "token.revoked", token_id))
    return token


def list_tokens(
    session: Session, *, after: str | None = None, limit: int | None = None
) -> list[Token]:
    """Tokens and sessions by id; their secrets are not known.

    Args:
        session: an open session.
        after: the last id of the page before.
        limit: most to return; None for all.
    """
    query = select(Token).order_by(Token.token_id).limit(limit)
    if after is not None:
        query = query.where(Token.token_id > after)
    return list(session.scalars(query))


def sha256(secret: str) -> str:
    """The digest under which a secret is kept."""
    return hashlib.sha256(secret.encode()).hexdigest()
