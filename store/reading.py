"""Reading back what `store.bulletins` wrote. Light: no pandas, so that the API starts fast."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session

from features.errors import NotFoundError
from store.schema import Bulletin, Election, Incident, Registry, Score, Unit


def elections(
    session: Session,
    iso3: str | None = None,
    *,
    after: tuple[date, str] | None = None,
    limit: int | None = None,
) -> list[Election]:
    """Rounds, the latest polling day first.

    Args:
        session: an open session.
        iso3: only this country's.
        after: polling day and id of the last round of the page before.
        limit: most to return; None for all.
    """
    query = select(Election).order_by(Election.polling_date.desc(), Election.election_id)
    if iso3 is not None:
        query = query.where(Election.iso3 == iso3)
    if after is not None:
        day, election_id = after
        same_day = and_(Election.polling_date == day, Election.election_id > election_id)
        query = query.where(or_(Election.polling_date < day, same_day))
    return list(session.scalars(query.limit(limit)))


def is_round_ahead(session: Session, day: date) -> bool:
    """Whether the window of some round is not over on `day`."""
    query = select(Election.election_id).where(Election.window_end >= day).limit(1)
    return session.scalar(query) is not None


@dataclass(frozen=True)
class Page:
    """Some bulletins and how many there are in all."""

    bulletins: list[Bulletin]
    total: int


def bulletins(
    session: Session,
    *,
    election_id: str | None = None,
    as_of: date | None = None,
    target: str | None = None,
    iso3: str | None = None,
    limit: int = 50,
    after: tuple[date, datetime, str] | None = None,
) -> Page:
    """Bulletins that match every filter given, the newest `as_of` first.

    Args:
        session: an open session.
        election_id: the round.
        as_of: the day whose knowledge they use.
        target: what they forecast.
        iso3: the country.
        limit: most to return.
        after: `as_of`, `created_at` and id of the last bulletin of the page before.
    """
    query = select(Bulletin)
    wanted = {"election_id": election_id, "as_of": as_of, "target": target, "iso3": iso3}
    for column, value in wanted.items():
        if value is not None:
            query = query.where(getattr(Bulletin, column) == value)
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    if after is not None:
        as_of_last, created_last, id_last = after
        issued = Bulletin.created_at
        query = query.where(
            or_(
                Bulletin.as_of < as_of_last,
                and_(Bulletin.as_of == as_of_last, issued < created_last),
                and_(
                    Bulletin.as_of == as_of_last,
                    issued == created_last,
                    Bulletin.bulletin_id > id_last,
                ),
            )
        )
    return Page(list(session.scalars(_newest_first(query).limit(limit))), total)


def _newest_first(query: Select[Bulletin]) -> Select[Bulletin]:
    return query.order_by(Bulletin.as_of.desc(), Bulletin.created_at.desc(), Bulletin.bulletin_id)


def bulletin(session: Session, bulletin_id: str) -> Bulletin:
    """The bulletin of that id.

    Raises:
        NotFoundError: there is none.
    """
    found = session.get(Bulletin, bulletin_id)
    if found is None:
        raise NotFoundError(
            f"expected the id of a bulletin, got {bulletin_id!r}; GET /v1/bulletins lists them"
        )
    return found


def last_issued(session: Session) -> Bulletin | None:
    """The bulletin written last, whatever day it speaks from; None in an empty store."""
    return session.scalar(
        select(Bulletin).order_by(Bulletin.created_at.desc(), Bulletin.bulletin_id).limit(1)
    )


def latest(session: Session, election_id: str, target: str, as_of: date | None = None) -> Bulletin:
    """The newest bulletin for a round, of the given day at the latest.

    Raises:
        NotFoundError: there is no such round, or no bulletin for it yet.
    """
    if session.get(Election, election_id) is None:
        raise NotFoundError(
            f"expected the id of a round, got {election_id!r}; GET /v1/elections lists them"
        )
    query = select(Bulletin).where(Bulletin.election_id == election_id, Bulletin.target == target)
    if as_of is not None:
        query = query.where(Bulletin.as_of <= as_of)
    found: Bulletin | None = session.scalar(_newest_first(query).limit(1))
    if found is None:
        until = f" with as_of up to {as_of}" if as_of else ""
        raise NotFoundError(
            f"expected a bulletin of target {target!r} for {election_id}{until}, got none; "
            "GET /v1/bulletins lists what there is"
        )
    return found


def newest_for_unit(session: Session, unit_id: str, as_of: date | None = None) -> Bulletin:
    """The bulletin of the newest `as_of` that scores a unit, of the given day at the latest.

    Raises:
        NotFoundError: no bulletin scores that unit by then.
    """
    query = select(Bulletin).join(Score).where(Score.unit_id == unit_id)
    if as_of is not None:
        query = query.where(Bulletin.as_of <= as_of)
    found: Bulletin | None = session.scalar(_newest_first(query).limit(1))
    if found is None:
        until = f" with as_of up to {as_of}" if as_of else ""
        raise NotFoundError(
            f"expected a unit that a bulletin{until} scores, got {unit_id!r}; "
            "GET /v1/bulletins lists the bulletins"
        )
    return found


@dataclass(frozen=True)
class ScoredUnit:
    """A unit and its score."""

    unit: Unit
    score: Score


def scores(session: Session, bulletin: Bulletin) -> list[ScoredUnit]:
    """All scores of a bulletin with their units, by rank, abstained units last."""
    query = _scored(bulletin).order_by(Score.rank.is_(None), Score.rank, Score.unit_id)
    return [ScoredUnit(unit, score) for unit, score in session.execute(query)]


def score(session: Session, bulletin: Bulletin, unit_id: str) -> ScoredUnit:
    """One unit's score.

    Raises:
        NotFoundError: the bulletin does not score that unit.
    """
    row = session.execute(_scored(bulletin).where(Score.unit_id == unit_id)).first()
    if row is None:
        raise NotFoundError(
            f"expected a unit of bulletin {bulletin.bulletin_id}, got {unit_id!r}; "
            f"GET /v1/bulletins/{bulletin.bulletin_id}/scores lists them"
        )
    return ScoredUnit(*row)


def first_use(session: Session, model_digest: str) -> datetime | None:
    """When a model was first behind a bulletin; None if never."""
    return session.scalar(
        select(func.min(Bulletin.created_at)).where(Bulletin.model_digest == model_digest)
    )


def last_incident(session: Session, data_digest: str) -> date | None:
    """The day of the last incident in the data behind a bulletin; None without any."""
    return session.scalar(
        select(func.max(Incident.event_date)).where(Incident.data_digest == data_digest)
    )


def _scored(bulletin: Bulletin) -> Select[Unit, Score]:
    return (
        select(Unit, Score)
        .join(Score, Score.unit_id == Unit.unit_id)
        .where(Unit.registry_id == bulletin.registry_id)
        .where(Score.bulletin_id == bulletin.bulletin_id)
    )


def country(session: Session, bulletin: Bulletin) -> str:
    """The name of the country that a bulletin is about."""
    return session.get_one(Registry, bulletin.registry_id).country


def history(session: Session, bulletin: Bulletin, unit_id: str, as_of: date) -> list[Incident]:
    """A unit's incidents as the data behind a bulletin knew them on `as_of`, newest first.

    Args:
        session: an open session.
        bulletin: whose registry and data count.
        unit_id: the unit.
        as_of: incidents that became known later are left out.
    """
    return list(
        session.scalars(
            select(Incident)
            .where(Incident.data_digest == bulletin.data_digest)
            .where(Incident.registry_id == bulletin.registry_id)
            .where(Incident.unit_id == unit_id)
            .where(Incident.known_on <= as_of)
            .order_by(Incident.event_date.desc(), Incident.incident_id)
        )
    )
