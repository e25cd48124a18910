"""The audit: who read which scores, who changed what. The database refuses to change a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from store.schema import Audit

READ = "scores.read"
PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was read or done; the columns of `store.schema.Audit`."""

    at: datetime
    actor: str
    action: str
    subject: str
    bulletin_id: str | None = None
    request_id: str | None = None
    reads: int = 1


def record(session: Session, *entries: Entry) -> None:
    """Add entries within the caller's transaction."""
    if entries:
        session.execute(insert(Audit), [asdict(entry) for entry in entries])


def entries(
    session: Session,
    *,
    after: int | None = None,
    actor: str | None = None,
    action: str | None = None,
    bulletin_id: str | None = None,
    since: datetime | None = None,
    limit: int = 100,
) -> Sequence[Audit]:
    """Entries that match every filter given, the newest first.

    Args:
        session: an open session.
        after: the `id` of the last entry of the page before.
        actor: who.
        action: what was done.
        bulletin_id: whose scores were read.
        since: the first moment that counts.
        limit: most to return.
    """
    query = select(Audit).order_by(Audit.id.desc()).limit(limit)
    wanted = {"actor": actor, "action": action, "bulletin_id": bulletin_id}
    for column, value in wanted.items():
        if value is not None:
            query = query.where(getattr(Audit, column) == value)
    if after is not None:
        query = query.where(Audit.id < after)
    if since is not None:
        query = query.where(Audit.at >= since)
    return session.scalars(query).all()
