"""`/health`: open to all, and never 200 with nothing behind it. `/metrics`: for monitors."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, Gauge
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker
from starlette.exceptions import HTTPException

from serve import documented
from serve.auth import Monitor, Now
from serve.observing import Metrics
from serve.schemas import Health, Live, NewestBulletin, Queue, Ready
from serve.settings import Settings
from store import alert_reading, database, mark, reading, telling
from store.queue_figures import figures
from store.report_queue import count_waiting

router = APIRouter(tags=["health"])


@router.get("/health/live", summary="Whether the process answers")
def live() -> Live:
    """Always 200 while the process runs: restart it when this does not answer."""
    return Live()


@router.get(
    "/health/ready",
    responses=documented.open_errors(),
    summary="Whether requests may be sent here",
)
def ready(request: Request) -> Ready:
    """503 while the database cannot be read or is behind the code."""
    try:
        current = database.is_current(request.app.state.engine)
    except SQLAlchemyError as error:
        kind = type(error).__name__
        raise HTTPException(503, f"the database cannot be read ({kind})") from error
    if not current:
        raise HTTPException(503, "the database is not at the newest revision: run 'vigie migrate'")
    return Ready()


@router.get(
    "/health",
    responses={503: {"model": Health, "description": "The database is not usable"}},
    summary="Whether the service can be relied on",
)
def health(request: Request, response: Response, now: Now) -> Health:
    """`ok`, `degraded` with the reasons, or 503 when the database is not usable."""
    found = _look(request, now)
    if found.status == "unusable":
        response.status_code = 503
    return found


def _look(request: Request, now: datetime) -> Health:
    settings: Settings = request.app.state.settings
    found = Health(
        status="ok",
        reasons=[],
        database="usable",
        migrations_current=False,
        synthetic=None,
        round_ahead=False,
        newest_bulletin=None,
        jobs=None,
        stale_after_days=settings.stale_after_days,
        data_stale_after_days=settings.data_stale_after_days,
        model_stale_after_days=settings.model_stale_after_days,
    )
    try:
        found.migrations_current = database.is_current(request.app.state.engine)
        with request.app.state.sessions() as session:
            found.synthetic = mark.is_synthetic(session)
            found.round_ahead = reading.is_round_ahead(session, now.date())
            found.newest_bulletin = _newest(session, now)
            untold = _untold(session, now) if found.migrations_current else []
        counted = figures(settings.database, now)
        found.jobs = None if counted is None else Queue(**asdict(counted))
    except SQLAlchemyError as error:
        kind = type(error).__name__
        found.status, found.database = "unusable", "not usable"
        found.reasons = [
            f"the database cannot be read ({kind}): run 'vigie migrate', or check its address"
        ]
        return found
    found.reasons = [*_reasons(found), *untold]
    found.status = "degraded" if found.reasons else "ok"
    return found


def _untold(session: Session, now: datetime) -> list[str]:
    """What of alerts does not go out, or does not come before a coordinator."""
    trouble, held = telling.trouble(session, now), alert_reading.count_held(session)
    says = {
        f"{trouble.late} signed alerts or messages wait to be sent: see 'vigie alerts send'": (
            trouble.late
        ),
        f"{trouble.dead} messages of alerts were given up: see 'vigie alerts told --state dead'": (
            trouble.dead
        ),
        f"{held} drafts of alerts are over their pack's ceiling and are held back: see "
        "'vigie alerts list --state held'": held,
    }
    return [reason for reason, count in says.items() if count]


def _newest(session: Session, now: datetime) -> NewestBulletin | None:
    newest = reading.last_issued(session)
    if newest is None:
        return None
    first_use = reading.first_use(session, newest.model_digest) or newest.created_at
    incident = reading.last_incident(session, newest.data_digest)
    return NewestBulletin(
        bulletin_id=newest.bulletin_id,
        as_of=newest.as_of,
        created_at=newest.created_at,
        age_days=(now - newest.created_at).days,
        model_age_days=(now - first_use).days,
        data_age_days=None if incident is None else (now.date() - incident).days,
    )


def _reasons(found: Health) -> list[str]:
    reasons = []
    if not found.migrations_current:
        reasons.append("the database is not at the newest revision: run 'vigie migrate'")
    if found.jobs is not None and found.jobs.waiting and not found.jobs.worker:
        reasons.append(f"{found.jobs.waiting} jobs wait and no worker runs: start one")
    newest = found.newest_bulletin
    if newest is None:
        return [*reasons, "no bulletin yet: issue one"]
    if newest.age_days > found.stale_after_days:
        reasons.append(
            f"the newest bulletin is {newest.age_days} days old, "
            f"more than {found.stale_after_days}: issue a new one"
        )
    if not found.round_ahead:
        return reasons  # nothing is ahead that newer data or another model could tell more about
    if newest.data_age_days is not None and newest.data_age_days > found.data_stale_after_days:
        reasons.append(
            f"the last incident in its data is {newest.data_age_days} days old, "
            f"more than {found.data_stale_after_days}: bring the sources up to date"
        )
    if newest.model_age_days > found.model_stale_after_days:
        reasons.append(
            f"its model is in use since {newest.model_age_days} days, "
            f"more than {found.model_stale_after_days}: train it again"
        )
    return reasons


class Gauges:
    """What is measured when somebody asks."""

    def __init__(self, metrics: Metrics) -> None:
        def gauge(name: str, says: str) -> Gauge:
            return Gauge(f"vigie_{name}", says, registry=metrics.registry)

        self.usable = gauge("database_usable", "1 if the database can be read")
        self.bulletin = gauge("bulletin_age_days", "Days since the newest bulletin was issued")
        self.data = gauge("data_age_days", "Days since the last incident in its data")
        self.model = gauge("model_age_days", "Days since its model was first used")
        self.pending = gauge("audit_pending", "Reads that wait to be written to the audit")
        self.waiting = gauge("jobs_waiting", "Forecasts in the queue")
        self.worker = gauge("worker_running", "1 if a worker is there to make them")
        self.reports = gauge("reports_waiting", "Submissions that wait for a person to read them")
        self.shelf = gauge("shelf_bytes", "Memory of answers kept ready")
        self.hits = gauge("shelf_hits", "Answers that were ready, since the start")
        self.misses = gauge("shelf_misses", "Answers that were not, since the start")


def _unread(sessions: sessionmaker[Session]) -> float:
    """Submissions that wait for a person; not a number where the database cannot be read."""
    try:
        with sessions() as session:
            return count_waiting(session)
    except SQLAlchemyError:
        return float("nan")


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        **documented.errors(),
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
    },
    summary="Metrics for Prometheus",
)
def metrics(request: Request, _caller: Monitor, now: Now) -> Response:
    """Counts, times and ages in Prometheus' text format; for tokens of role monitor or admin."""
    state = request.app.state
    gauges: Gauges = state.gauges
    found = _look(request, now)
    gauges.usable.set(found.database == "usable")
    newest, unknown = found.newest_bulletin, float("nan")
    gauges.bulletin.set(newest.age_days if newest else unknown)
    gauges.model.set(newest.model_age_days if newest else unknown)
    data = newest.data_age_days if newest else None
    gauges.data.set(unknown if data is None else data)
    gauges.pending.set(state.audit.pending)
    queue = found.jobs
    gauges.waiting.set(queue.waiting if queue else 0)
    gauges.worker.set(queue.worker if queue else 0)
    gauges.reports.set(_unread(state.sessions))
    gauges.shelf.set(state.shelf.size)
    gauges.hits.set(state.shelf.hits)
    gauges.misses.set(state.shelf.misses)
    return Response(state.metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})
