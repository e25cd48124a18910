"""`/health`: open to all, and never 200 with nothing behind it."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter, Request, Response
from sqlalchemy.exc import SQLAlchemyError

from serve.auth import Now
from serve.schemas import Health, NewestBulletin, Queue
from serve.settings import Settings
from store import database, mark, reading
from store.queue_figures import figures

router = APIRouter(tags=["health"])


@router.get(
    "/health",
    responses={503: {"model": Health, "description": "The database is not usable"}},
    summary="Whether the service can be relied on",
)
def health(request: Request, response: Response, now: Now) -> Health:
    """`ok`, `degraded` with the reasons, or 503 when the database is not usable."""
    settings: Settings = request.app.state.settings
    found = Health(
        status="ok",
        reasons=[],
        database="usable",
        migrations_current=False,
        synthetic=None,
        newest_bulletin=None,
        jobs=None,
        stale_after_days=settings.stale_after_days,
    )
    try:
        found.migrations_current = database.is_current(request.app.state.engine)
        with request.app.state.sessions() as session:
            found.synthetic = mark.is_synthetic(session)
            newest = reading.last_issued(session)
    except SQLAlchemyError as error:
        response.status_code = 503
        kind = type(error).__name__
        found.status, found.database = "unusable", "not usable"
        found.reasons = [f"the database cannot be read ({kind}): migrate it, or check its address"]
        return found
    if newest is not None:
        age = (now - newest.created_at).days
        found.newest_bulletin = NewestBulletin(
            bulletin_id=newest.bulletin_id,
            as_of=newest.as_of,
            created_at=newest.created_at,
            age_days=age,
        )
    counted = figures(settings.database, now)
    found.jobs = None if counted is None else Queue(**asdict(counted))
    found.reasons = _reasons(found)
    found.status = "degraded" if found.reasons else "ok"
    return found


def _reasons(found: Health) -> list[str]:
    reasons = []
    if not found.migrations_current:
        reasons.append("the database is not at the newest revision: migrate it")
    newest = found.newest_bulletin
    if newest is None:
        reasons.append("no bulletin yet: issue one")
    elif newest.age_days > found.stale_after_days:
        reasons.append(
            f"the newest bulletin is {newest.age_days} days old, "
            f"more than {found.stale_after_days}: issue a new one"
        )
    if found.jobs is not None and found.jobs.waiting and not found.jobs.worker:
        reasons.append(f"{found.jobs.waiting} jobs wait and no worker runs: start one")
    return reasons
