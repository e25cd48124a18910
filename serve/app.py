"""The application. Run it with `uvicorn serve.app:create_app --factory`."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp

from serve import documented, errors, organisation
from serve.auditing import AuditWriter
from serve.bodies import LimitedBody, Packed
from serve.gate import Gate
from serve.headers import SafeHeaders
from serve.lane import FastLane
from serve.observing import Metrics, Observed, Observer, RequestLog, configure_logs
from serve.routers import (
    access,
    alert_steps,
    alerts,
    bulletins,
    deployments,
    elections,
    forecasts,
    health,
    lessons,
    nowcasts,
    openrosa,
    page,
    public,
    report_intake,
    report_photos,
    report_queue,
    reports,
    session,
    sms,
    units,
)
from serve.settings import Settings
from serve.shelf import Shelf
from store import database
from store.jobs import Jobs

_DESCRIPTION = """Forecasts of electoral violence per commune: calibrated probabilities with
intervals, the reasons for them, and what was known when. A bulletin never changes. Every answer
that carries scores says whether the data are made up (`synthetic`); every read of scores is
audited."""
_TAGS = [
    {"name": "health", "description": "Whether the service can be relied on"},
    {"name": "elections", "description": "Rounds, and the newest bulletin of each"},
    {"name": "bulletins", "description": "Frozen sets of scores"},
    {"name": "nowcasts", "description": "Bulletins updated by field reports, dated and separate"},
    {"name": "forecasts", "description": "Ask for a forecast and watch it being made"},
    {"name": "deployments", "description": "Who goes where: plans, edits, approvals, files"},
    {"name": "units", "description": "One unit: score, drivers, history"},
    {"name": "lessons", "description": "What a round taught, after it"},
    {"name": "reports", "description": "What mediators saw, and how far it is borne out"},
    {"name": "alerts", "description": "Drafts to sign, alerts that went out, who was told what"},
    {"name": "public", "description": "Bands of regions for everybody, off by default"},
    {"name": "session", "description": "Signing in on the page"},
    {"name": "access", "description": "Tokens and the audit, for admins"},
]
_REPORTS = (report_queue, report_intake, reports, report_photos, sms, openrosa)
_ROUTERS = (
    *(health, elections, bulletins, nowcasts, forecasts, deployments, units),
    *_REPORTS,
    *(alert_steps, alerts, lessons, public, session, access, page),
)


class _Service(FastAPI):
    """FastAPI, with what every answer passes through laid around it, its errors too."""

    def build_middleware_stack(self) -> ASGIApp:
        """The fast lane comes before everything that an answer kept ready does not need."""
        state = self.state
        observer = Observer(state.metrics, state.lines)
        routes = Observed(SafeHeaders(super().build_middleware_stack()), observer)
        return FastLane(routes, state.gate, state.shelf, state.audit, observer)


def create_app(settings: Settings | None = None) -> FastAPI:
    """Build the application; it opens the database when first asked.

    Args:
        settings: None reads them from the environment, and logs as JSON.
    """
    lines = RequestLog()
    if settings is None:
        settings = Settings()
        configure_logs(settings.log_level)
        lines = RequestLog(sys.stderr.buffer)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.audit.start()
        gc.collect()
        gc.freeze()  # what was imported stays: collections need not walk it again and again
        yield
        # Requests are over by now: what they read is written before the process ends.
        await run_in_threadpool(app.state.audit.stop)
        app.state.jobs.close()
        app.state.engine.dispose()

    app = _Service(
        title="Vigie",
        version="1",
        description=_DESCRIPTION,
        openapi_tags=_TAGS,
        docs_url=None,  # these pages load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
        # Metrics and logs are our own; to find FastAPI's switched off takes time at each request.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    state = app.state
    state.settings = settings
    state.engine = database.connect(settings.database)
    state.jobs = Jobs(settings.database)
    state.sessions = database.sessions(state.engine)
    state.gate = Gate(state.sessions, settings)
    state.shelf = Shelf(settings.cache_megabytes * 1_000_000)
    state.writing = threading.Lock()
    state.audit = AuditWriter(state.sessions, beside=lines.flush)
    state.metrics = Metrics()
    state.lines = lines
    state.gauges = health.Gauges(state.metrics)
    app.add_middleware(
        LimitedBody,
        most_bytes=settings.max_body_bytes,
        most_photo_bytes=settings.max_photo_bytes,
    )
    app.add_middleware(Packed, minimum_size=2_000)
    for module in _ROUTERS:
        app.include_router(module.router)
    if settings.oidc_issuer:
        organisation.install(app, settings)
    static = StaticFiles(directory=page.WEB / "static", check_dir=False)
    app.mount("/static/app", static, name="app")
    leaflet = StaticFiles(directory=settings.leaflet_dir, check_dir=False)
    app.mount("/static/leaflet", leaflet, name="leaflet")
    errors.install(app)
    documented.install(app)
    return app
