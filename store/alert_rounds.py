"""Rounds that alerts may be about, and the units that they are spoken of in."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from features.errors import NotFoundError
from store.schema import Bulletin, Election, Registry


def rounds_at(session: Session, iso3: list[str], now: datetime, ahead_days: int) -> list[Election]:
    """Rounds of these countries whose window is not over and starts soon, the first first."""
    query = select(Election).where(
        Election.iso3.in_(iso3),
        Election.window_end >= now.date(),
        Election.window_start <= now.date() + timedelta(days=ahead_days),
    )
    return list(session.scalars(query.order_by(Election.polling_date, Election.election_id)))


def of(session: Session, election_id: str) -> Registry:
    """The units that a round is spoken of in: those of its newest bulletin, else the newest.

    Raises:
        NotFoundError: there is no such round, or no registry of its country.
    """
    election = session.get(Election, election_id)
    if election is None:
        raise NotFoundError(
            f"expected the id of a round, got {election_id!r}; GET /v1/elections lists them"
        )
    newest = (
        select(Bulletin.registry_id)
        .where(Bulletin.election_id == election_id)
        .order_by(Bulletin.created_at.desc())
        .limit(1)
    )
    registry_id = session.scalar(newest)
    if registry_id is not None:
        return session.get_one(Registry, registry_id)
    query = select(Registry).where(Registry.iso3 == election.iso3)
    found: Registry | None = session.scalar(query.order_by(Registry.created_at.desc()).limit(1))
    if found is None:
        raise NotFoundError(f"expected the units of {election.iso3}, got none; run a forecast")
    return found
