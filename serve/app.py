"""The application. Run it with `uvicorn serve.app:create_app --factory`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.staticfiles import StaticFiles

from serve import documented, errors
from serve.headers import SafeHeaders
from serve.routers import bulletins, elections, forecasts, health, page, units
from serve.settings import Settings
from store import database
from store.jobs import Jobs

_DESCRIPTION = """Forecasts of electoral violence per commune: calibrated probabilities with
intervals, the reasons for them, and what was known when. A bulletin never changes. Every answer
that carries scores says whether the data are made up (`synthetic`); every read of scores is
audited."""
_TAGS = [
    {"name": "health", "description": "Whether the service can be relied on"},
    {"name": "elections", "description": "Rounds"},
    {"name": "bulletins", "description": "Frozen sets of scores"},
    {"name": "forecasts", "description": "Ask for a forecast and watch it being made"},
    {"name": "units", "description": "One unit: score, drivers, history"},
]


def create_app(settings: Settings | None = None) -> FastAPI:
    """Build the application; it opens the database when first asked.

    Args:
        settings: None reads them from the environment.
    """
    settings = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        app.state.engine.dispose()
        app.state.jobs.close()

    app = FastAPI(
        title="Vigie",
        version="1",
        description=_DESCRIPTION,
        openapi_tags=_TAGS,
        docs_url=None,  # these pages load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.settings = settings
    app.state.engine = database.connect(settings.database)
    app.state.jobs = Jobs(settings.database)
    app.state.sessions = database.sessions(app.state.engine)
    app.add_middleware(GZipMiddleware, minimum_size=2_000)
    app.add_middleware(SafeHeaders)
    for module in (health, elections, bulletins, units, forecasts, page):
        app.include_router(module.router)
    static = StaticFiles(directory=page.WEB / "static", check_dir=False)
    app.mount("/static/app", static, name="app")
    leaflet = StaticFiles(directory=settings.leaflet_dir, check_dir=False)
    app.mount("/static/leaflet", leaflet, name="leaflet")
    errors.install(app)
    documented.install(app)
    return app
