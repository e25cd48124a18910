"""A small made-up country behind a real server."""

from __future__ import annotations

import math
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import shapely
import structlog
from fastapi import FastAPI
from fastapi.testclient import TestClient
from kit import lessons_round
from kit.tabs import CHROMIUM, Tabs, chromium
from sqlalchemy import select
from sqlalchemy.orm import Session

from features.vocabulary import STARTING_POINT, Language
from response.alerts import Draft
from response.cap import Certainty, Severity, Urgency, Words
from response.deployment import plan
from response.deployment_request import Request, Risk
from response.lessons import learn
from response.rules import AreaKind, Channel
from response.vocabulary import Level
from serve.app import create_app
from serve.settings import Settings
from store import alerts, bulletins, database, deployments, plans, reading, tokens
from store.jobs import Jobs
from store.lessons import keep_lessons
from store.roles import Role
from store.schema import Registry

LEAFLET = Path(__file__).parents[2] / "serve/web/node_modules/leaflet/dist/leaflet-src.esm.js"
COLUMNS, ROWS = 8, 5
AS_OF = date(2018, 7, 1)
CREATED = datetime(2018, 7, 2, 9, tzinfo=UTC)
ABSTAINED = "XX0405"
FORMULA = "=HYPERLINK(1)"
COVERAGE_FR = "40 signalements dans cette région en un an."


@dataclass(frozen=True)
class Seeded:
    """What the tests need to know of the seeded store."""

    settings: Settings
    secret: str
    bulletin_id: str
    older_id: str
    lessons_id: str
    deployment_id: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}


def units() -> pd.DataFrame:
    rows = []
    for i in range(COLUMNS * ROWS):
        row, column = divmod(i, COLUMNS)
        rows.append(
            {
                "unit_id": f"XX{row:02d}{column:02d}",
                "name": FORMULA if i == 3 else f"Commune {i:02d} é",
                "parent_id": f"XX{row:02d}",
                "parent_name": f"Cercle {row}",
                "region_id": f"X{row // 3}",
                "region_name": f"Région {'AB'[row // 3]}",
                "iso3": "XXA",
                "lon": -4 + column * 0.5 + 0.25,
                "lat": 14 + row * 0.5 + 0.25,
                "area_km2": 3000.0,
                "valid_from": pd.NaT,
                "valid_to": pd.NaT,
            }
        )
    return pd.DataFrame(rows)


def polygons(registry: pd.DataFrame) -> pd.DataFrame:
    boxes = [
        shapely.box(r.lon - 0.25, r.lat - 0.25, r.lon + 0.25, r.lat + 0.25)
        for r in registry.itertuples()
    ]
    return pd.DataFrame(
        {"unit_id": registry["unit_id"], "geometry_wkb": [shapely.to_wkb(b) for b in boxes]}
    )


def elections() -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "election_id": "XXA-2018-PRES-1",
                "iso3": "XXA",
                "election_type": "presidential",
                "round": 1,
                "polling_date": pd.Timestamp("2018-07-29"),
                "campaign_start": pd.Timestamp("2018-07-07"),
                "campaign_end": pd.Timestamp("2018-07-27"),
                "known_on": pd.Timestamp("2017-07-29"),
                "note": None,
                "window_start": pd.Timestamp("2018-07-07"),
                "window_end": pd.Timestamp("2018-08-12"),
            }
        ]
    )


def incidents(registry: pd.DataFrame) -> pd.DataFrame:
    """Ten per unit, one a month; the last of unit XX0000 became known after `AS_OF`."""
    rows = []
    for unit_id in registry["unit_id"]:
        for k in range(10):
            day = pd.Timestamp(AS_OF) - timedelta(days=30 * k + 5)
            late = unit_id == "XX0000" and k == 0
            rows.append(
                {
                    "incident_id": f"{unit_id}-{k}",
                    "event_date": day,
                    "known_on": day + timedelta(days=60 if late else 2),
                    "known_on_rule": "lag",
                    "unit_id": unit_id,
                    "placed_by": "pcode",
                    "geo_precision": k % 4 + 1,
                    "event_type": "protest" if k % 3 == 0 else "battle",
                    "sub_event_type": "Armed clash" if k % 3 else None,
                    "electoral": False,
                    "fatalities": float(k % 3),
                    "actor1": None,
                    "actor2": None,
                    "lon": None,
                    "lat": None,
                }
            )
    return pd.DataFrame(rows)


def scores(registry: pd.DataFrame) -> pd.DataFrame:
    rows, rank = [], 0
    for i, unit_id in enumerate(registry["unit_id"]):
        p = 1 / (1 + math.exp(0.16 * i - 0.6))
        gone = unit_id == ABSTAINED
        rank += not gone
        band = "very_high" if p > 0.5 else "high" if p > 0.2 else "elevated" if p > 0.05 else "low"
        rows.append(
            {
                "unit_id": unit_id,
                "rank": None if gone else rank,
                "probability": None if gone else p,
                "lower": None if gone else p * 0.7,
                "upper": None if gone else p + (1 - p) * 0.2,
                "expected_incidents": None if gone else 2 * p,
                "incidents_p50": None if gone else float(p > 0.5),
                "incidents_p90": None if gone else 3.0,
                "two_or_more": None if gone else 0.6 * p,
                "five_or_more": None if gone else 0.05 * p,
                "band": "abstained" if gone else band,
                "baseline_probability": None if gone else min(p * 1.3, 1),
                "coverage": "none" if gone else "thin" if i % 5 == 4 else "good",
                "coverage_says": "No report from this region in a year."
                if gone
                else "40 reports from this region in a year.",
                "translations": {} if gone else {"fr": {"coverage_says": COVERAGE_FR}},
                "drivers": [] if gone else _drivers(i),
            }
        )
    return pd.DataFrame(rows)


def _drivers(i: int) -> list[dict[str, object]]:
    return [
        {
            "feature": STARTING_POINT,
            "family": "starting point",
            "says": "where every commune starts",
            "value": None,
            "contribution": -2.2,
        },
        {
            "feature": "incidents_365d",
            "family": "history",
            "says": f"{40 - i} incidents in the last 12 months, more than in most communes",
            "translations": {
                "fr": {
                    "family": "incidents passés ici",
                    "says": f"{40 - i} incidents violents ici au cours des 12 derniers mois",
                }
            },
            "value": 40 - i,
            "contribution": 0.9 - 0.04 * i,
        },
        {
            "feature": "neighbour_incidents_90d",
            "family": "spillover",
            "says": "Quiet neighbours in the last 90 days",
            "value": 0.5,
            "contribution": -0.35,
        },
        {
            "feature": "population",
            "family": "demographics",
            "says": "A population of 21,000",
            "value": 21000,
            "contribution": 0.12,
        },
    ]


def head(registry_id: str, as_of: date) -> bulletins.BulletinHead:
    return bulletins.BulletinHead(
        election_id="XXA-2018-PRES-1",
        registry_id=registry_id,
        iso3="XXA",
        target="any",
        target_says="at least one incident of political violence",
        as_of=as_of,
        window_start=date(2018, 7, 7),
        window_end=date(2018, 8, 12),
        model_name="vigie-xxa-any",
        model_version="3",
        model_kind="logistic",
        model_digest="a" * 64,
        data_digest="b" * 64,
        baseline_name="count_12m",
        base_rate=0.08,
        interval_level=0.8,
        vintage="Incidents up to 2018-06-29",
        synthetic=True,
        notes="Made-up data for tests. Act on none of this.",
        translations={
            "fr": {
                "target_says": "au moins un incident de violence politique",
                "notes": "Données inventées pour les tests. N'en tirez aucune action.",
            }
        },
    )


_STYLED = "<!doctype html><style>p {{ color: rgb(1, 2, 3) }}</style><p>{}</p>"
PAGES = {Language.EN: _STYLED.format("lessons"), Language.FR: _STYLED.format("leçons")}


def lessons(bulletin_id: str) -> dict[str, Any]:
    """Lessons of the seeded round, drawn from another one that is small."""
    about = replace(
        lessons_round.ABOUT,
        election_id="XXA-2018-PRES-1",
        bulletin_id=bulletin_id,
        synthetic=True,
    )
    return learn(lessons_round.evidence(about=about), lessons_round.AS_OF)


@pytest.fixture(scope="session", autouse=True)
def _quiet() -> None:
    """Log lines are made and thrown away: the default prints tracebacks with every local."""
    structlog.configure(
        processors=[structlog.processors.JSONRenderer()],
        logger_factory=structlog.ReturnLoggerFactory(),
    )


BOTH = ("test_api", "test_access")
"""The modules whose tests run on SQLite and on PostgreSQL; the others need one kind."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seeded" in metafunc.fixturenames:
        both = metafunc.module.__name__.rpartition(".")[2] in BOTH
        kinds = ["sqlite", "postgresql"] if both else ["sqlite"]
        metafunc.parametrize("seeded", kinds, indirect=True, scope="session")


@pytest.fixture(scope="session")
def new_store(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Seeded]:
    """Makes a migrated, seeded store with one token at a database's address; SQLite for ''."""
    return lambda url: _store(tmp_path_factory.mktemp("home"), url)


@pytest.fixture(scope="session")
def seeded(request: pytest.FixtureRequest, new_store: Callable[[str], Seeded]) -> Seeded:
    """A store that the modules of a process share."""
    url = ""
    if getattr(request, "param", "sqlite") == "postgresql":
        url = request.getfixturevalue("postgres").created()
    return new_store(url)


def _store(home: Path, url: str) -> Seeded:
    settings = Settings(
        home=home,
        database_url=url,
        stale_after_days=1_000_000,
        rate_limit="1000000/minute",
        failure_limit="1000000/minute",
        token_cache_seconds=60,
    )
    engine = database.connect(settings.database)
    database.migrate(engine)
    registry = units()
    with database.sessions(engine).begin() as session:
        registry_id = bulletins.write_registry(
            session,
            registry=registry,
            polygons=polygons(registry),
            country="Testland",
            synthetic=True,
            created_at=CREATED,
        )
        bulletins.write_elections(session, elections(), synthetic=True)
        bulletins.write_incidents(
            session, data_digest="b" * 64, registry_id=registry_id, incidents=incidents(registry)
        )
        older, newer = (
            bulletins.write_bulletin(
                session, head(registry_id, day), scores(registry), created_at=CREATED
            )
            for day in (date(2018, 6, 1), AS_OF)
        )
        lessons_id = keep_lessons(session, lessons(newer), PAGES, CREATED)
        planned = _planned(session, newer)
        _, secret = tokens.create(session, label="tests", now=CREATED)
    engine.dispose()
    return Seeded(settings, secret, newer, older, lessons_id, planned)


def _planned(session: Session, bulletin_id: str) -> str:
    bulletin = reading.bulletin(session, bulletin_id)
    known = plans.situation(session, bulletin)
    asked = Request(mediators=20, must_cover=("XX0400",), risk=Risk(draws=100))
    by = deployments.By(Role.PLANNER, "t", CREATED, "first")
    kept = plans.write_plan(session, bulletin, known, plan(known, asked), by)
    return kept.deployment_id


def draft(
    session: Session,
    *unit_ids: str,
    drafted_at: datetime | None = None,
    words: dict[Language, Words] | None = None,
) -> str:
    """Keep a draft of an alert about these units; its id."""
    when = drafted_at or datetime.now(UTC)
    one = Draft(
        election_id="XXA-2018-PRES-1",
        rule="cluster",
        kind="cluster",
        level=Level.LOCAL,
        area_kind=AreaKind.PARENT,
        area_id=unit_ids[0],
        area_name="Cercle 1",
        unit_ids=unit_ids,
        channels=(Channel.EMAIL,),
        urgency=Urgency.EXPECTED,
        severity=Severity.SEVERE,
        certainty=Certainty.POSSIBLE,
        strength=3.0,
        words=words
        or {
            Language.FR: Words("Cercle 1 : signes", "3 signes é en 24 heures.", "Appelez <vite>."),
            Language.EN: Words("Cercle 1: signs", "3 signs within 24 hours.", "Call."),
        },
        evidence={},
        drafted_at=when,
        expires_at=when + timedelta(hours=48),
    )
    registry_id = session.scalars(select(Registry.registry_id)).one()
    alerts.write_draft(session, one, registry_id=registry_id, synthetic=True)
    return one.alert_id


@pytest.fixture(scope="session")
def drafted() -> Callable[..., str]:
    """Keeps a draft of an alert in an open session; gives its id."""
    return draft


@pytest.fixture(scope="session")
def app(seeded: Seeded) -> FastAPI:
    return create_app(seeded.settings)


@pytest.fixture
def client(app: FastAPI, seeded: Seeded) -> Iterator[TestClient]:
    """A client that is signed in."""
    with TestClient(app, headers=seeded.headers, raise_server_exceptions=False) as opened:
        yield opened


@pytest.fixture
def anyone(app: FastAPI) -> Iterator[TestClient]:
    """A client without a token."""
    with TestClient(app, raise_server_exceptions=False) as opened:
        yield opened


@pytest.fixture
def empty_home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "empty")


@pytest.fixture(scope="module")
def queue(seeded: Seeded) -> Iterator[Jobs]:
    """The queue beside the seeded store; what a module leaves in it is taken back."""
    opened = Jobs(seeded.settings.database)
    yield opened
    for job in opened.of(None, limit=1000):
        if job.finished_at is None:
            opened.cancel(job.job_id, None)
    opened.close()


Running = AbstractContextManager[tuple[str, subprocess.Popen[bytes]]]


@contextmanager
def _process(
    command: list[str], path: str, **environment: str
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(
            [*command, "--port", str(port)],
            env={**os.environ, **environment},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            for _ in range(300):
                try:
                    urllib.request.urlopen(url + path, timeout=1)
                    break
                except OSError:
                    if server.poll() is not None:
                        log.seek(0)
                        pytest.fail(f"the server has stopped: {log.read().decode()[-2000:]}")
                    time.sleep(0.1)
            yield url, server
        finally:
            server.terminate()
            server.wait(30)


@pytest.fixture(scope="session")
def process() -> Callable[..., Running]:
    """Runs a program that takes `--port` until it answers; gives its address and process."""
    return _process


@pytest.fixture(scope="session")
def serving() -> Callable[..., Running]:
    """Runs `vigie serve` on a home and a free port; gives its address and process."""

    def run(home: Path, **environment: str) -> Running:
        vigie = str(Path(sys.executable).with_name("vigie"))
        environment = {"VIGIE_HOME": str(home), "VIGIE_DATABASE_URL": "", **environment}
        return _process([vigie, "serve", "--no-worker"], "/health/live", **environment)

    return run


@pytest.fixture(scope="session")
def server(seeded: Seeded, serving: Any) -> Iterator[str]:
    """The address of a real server on the seeded store, for all modules that ask one."""
    with serving(seeded.settings.home, VIGIE_STALE_AFTER_DAYS="1000000") as (url, _):
        yield url


@pytest.fixture(scope="module")
def tabs() -> Iterator[Tabs]:
    """A real browser. Where it or the page's libraries are missing the test skips; on CI it fails.

    One for each module: others start browsers of their own, which this one would forbid.
    """
    for needed, todo in ((CHROMIUM, "install Chromium"), (LEAFLET, "run `make web`")):
        if not needed.exists():
            missing = f"{needed.name} is missing: {todo}"
            if os.environ.get("CI") == "true":
                pytest.fail(missing)
            pytest.skip(missing)
    with chromium() as browser:
        yield Tabs(browser)
