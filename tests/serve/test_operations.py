"""What the people who run the service see, and that stopping it loses nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import structlog
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException

from serve import auditing, auth
from serve.app import create_app
from serve.auditing import AuditWriter
from serve.settings import Settings
from store import database, tokens
from store.audit import Entry
from store.schema import Audit


def _reads(settings: Settings) -> int:
    engine = database.connect(settings.database)
    with database.sessions(engine)() as session:
        found = session.scalar(select(func.sum(Audit.reads)).where(Audit.action == "scores.read"))
    engine.dispose()
    return found or 0


def _token(settings: Settings, role: str) -> dict[str, str]:
    engine = database.connect(settings.database)
    with database.sessions(engine).begin() as session:
        _, secret = tokens.create(session, label=role, now=auth.now(), role=role)
    engine.dispose()
    return {"Authorization": f"Bearer {secret}"}


# Health


def test_live_answers_without_a_database_and_ready_does_not(empty_home: Settings) -> None:
    with TestClient(create_app(empty_home)) as client:
        assert client.get("/health/live").status_code == 200
        assert client.get("/health/ready").status_code == 503
        database.migrate(database.connect(empty_home.database))
        assert client.get("/health/ready").json() == {"ready": True}


def test_health_tells_the_age_of_bulletin_model_and_data(app: FastAPI, seeded: Any) -> None:
    app.dependency_overrides[auth.now] = lambda: datetime(2018, 7, 12, 9, tzinfo=UTC)
    try:
        body = TestClient(app).get("/health").json()
    finally:
        app.dependency_overrides.clear()
    newest = body["newest_bulletin"]
    assert (newest["age_days"], newest["model_age_days"], newest["data_age_days"]) == (10, 10, 16)
    assert body["round_ahead"] is True


@pytest.mark.parametrize(
    ("update", "says"),
    [
        ({"data_stale_after_days": 15}, "the last incident in its data is 16 days old"),
        ({"model_stale_after_days": 9}, "its model is in use since 10 days"),
        ({"stale_after_days": 9}, "the newest bulletin is 10 days old"),
        ({}, None),
    ],
)
def test_what_is_too_old_is_said_while_a_round_is_ahead(
    seeded: Any, update: dict[str, int], says: str | None
) -> None:
    app = create_app(seeded.settings.model_copy(update=update))

    def body(day: date) -> dict[str, Any]:
        moment = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
        app.dependency_overrides[auth.now] = lambda: moment
        answer: dict[str, Any] = TestClient(app).get("/health").json()
        return answer

    ahead = body(date(2018, 7, 12))
    assert ahead["status"] == ("degraded" if says else "ok")
    assert all(reason.startswith(str(says)) for reason in ahead["reasons"])
    after = body(date(2018, 8, 13))  # the day after the window
    assert after["round_ahead"] is False
    assert bool(after["reasons"]) is ("stale_after_days" in update)


# Metrics


def test_metrics_count_routes_and_tell_ages(seeded: Any) -> None:
    with TestClient(create_app(seeded.settings)) as client:
        for path in ("/v1/bulletins", "/v1/bulletins", "/v1/bulletins/no", "/nowhere/1", "/no/2"):
            client.get(path, headers=seeded.headers)
        scores = f"/v1/bulletins/{seeded.bulletin_id}/scores"
        for _ in range(3):
            client.get(scores, headers=seeded.headers)
        text = client.get("/metrics", headers=_token(seeded.settings, "monitor")).text
    said = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))

    def requests(route: str, status: int) -> str:
        name = f'vigie_requests_total{{method="GET",route="{route}",status="{status}"}}'
        return said[name]

    assert requests("/v1/bulletins", 200) == "2.0"
    assert requests("/v1/bulletins/{bulletin_id}", 404) == "1.0"
    assert requests("none", 404) == "2.0"
    assert requests("/v1/bulletins/{bulletin_id}/scores", 200) == "3.0"
    assert said["vigie_shelf_hits"] == "2.0"
    assert said["vigie_database_usable"] == "1.0"
    assert float(said["vigie_bulletin_age_days"]) > 2000
    assert not any("/nowhere/1" in name for name in said)


# Logs and request ids


def test_each_request_has_an_id_and_a_line(client: TestClient, seeded: Any) -> None:
    with structlog.testing.capture_logs() as lines:
        given = client.get("/v1/bulletins", headers={"X-Request-ID": "from-proxy.1"})
        wild = client.get("/v1/bulletins", headers={"X-Request-ID": "a b\x01"})
        client.get("/v1/elections", headers={"Authorization": "Bearer vigie_wrong"})
    assert given.headers["x-request-id"] == "from-proxy.1"
    made = wild.headers["x-request-id"]
    assert len(made) == 32
    assert [line["request_id"] for line in lines[:2]] == ["from-proxy.1", made]
    assert [line["status"] for line in lines] == [200, 200, 401]
    assert (lines[0]["method"], lines[0]["path"]) == ("GET", "/v1/bulletins")
    assert lines[0]["actor"]
    assert lines[2]["actor"] is None
    assert "vigie_" not in json.dumps(lines)  # no secret


def test_a_server_logs_json_and_stops_when_asked(seeded: Any, tmp_path: Path) -> None:
    vigie = str(Path(sys.executable).with_name("vigie"))
    environment = {**os.environ, "VIGIE_HOME": str(seeded.settings.home)}
    before = _reads(seeded.settings)
    log = tmp_path / "log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            [vigie, "serve", "--no-worker", "--port", "0"], env=environment, stdout=out, stderr=out
        )
    port = None
    for _ in range(200):
        for line in log.read_text().splitlines():
            if "running on http" in line:
                port = int(json.loads(line)["event"].split(":")[-1].split()[0])
        if port:
            break
        assert server.poll() is None, log.read_text()
        time.sleep(0.1)
    url = f"http://127.0.0.1:{port}/v1/bulletins/{seeded.bulletin_id}/scores"
    with httpx2.Client(headers=seeded.headers) as client, ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(client.get, f"{url}?limit={n + 1}") for n in range(40)]
        answered = [one.result() for one in asked[:-1]]
        server.send_signal(signal.SIGTERM)  # at once: less than a batch of the audit away
        assert server.wait(20) == -signal.SIGTERM  # which uvicorn passes on, once it is done
    assert {answer.status_code for answer in answered} == {200}
    assert _reads(seeded.settings) - before >= len(answered)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    requests = [line for line in lines if line["event"] == "request"]
    assert len(requests) >= len(answered)
    assert all(line["request_id"] and line["level"] == "info" for line in requests)
    assert seeded.secret not in log.read_text()


# The audit's writer


def _entry(n: int) -> Entry:
    return Entry(auth.now(), "t", "scores.read", f"/{n}")


def test_what_cannot_be_written_waits_and_the_same_read_is_counted(
    seeded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = database.connect(seeded.settings.database)
    writer = AuditWriter(database.sessions(engine))
    real, broken = auditing.record, [True]

    def record(*args: Any) -> None:
        if broken[0]:
            raise OperationalError("insert", {}, Exception("disk full"))
        real(*args)

    monkeypatch.setattr(auditing, "record", record)
    before = _reads(seeded.settings)
    for n in (0, 1, 2, 2, 2):
        writer.add(_entry(n))
    for _ in range(2):
        with pytest.raises(OperationalError):
            writer.flush()
        writer.add(_entry(2))
    assert writer.pending == 3
    broken[0] = False
    writer.start()
    deadline = time.monotonic() + 10
    while writer.pending and time.monotonic() < deadline:
        time.sleep(0.02)
    writer.add(_entry(3))
    writer.stop()
    assert _reads(seeded.settings) - before == 8
    with database.sessions(engine)() as session:
        mine = session.scalars(select(Audit).where(Audit.subject == "/2"))
        assert [entry.reads for entry in mine] == [5]
    engine.dispose()


def test_without_an_audit_nobody_reads(seeded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auditing, "MOST", 1)
    app = create_app(seeded.settings)
    client = TestClient(app, headers=seeded.headers)  # without its lifespan nothing is written
    path, other = f"/v1/bulletins/{seeded.bulletin_id}/scores", "/v1/units/XX0101"
    assert [client.get(p).status_code for p in (path, path, other)] == [200, 200, 503]
    app.state.audit.flush()
    assert client.get(other).status_code == 200
    with pytest.raises(HTTPException):
        app.state.audit.add(_entry(0))


def test_an_expired_token_leaves_the_fast_lane(
    seeded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = database.connect(seeded.settings.database)
    with database.sessions(engine).begin() as session:
        end = auth.now() + timedelta(hours=1)
        _, secret = tokens.create(session, label="short", now=auth.now(), expires_at=end)
    engine.dispose()
    app = create_app(seeded.settings)
    client = TestClient(app, headers={"Authorization": f"Bearer {secret}"})
    path = f"/v1/bulletins/{seeded.bulletin_id}/scores"
    assert [client.get(path).status_code for _ in range(2)] == [200, 200]

    app.dependency_overrides[auth.now] = lambda: end
    monkeypatch.setattr(auth, "now", lambda: end)
    assert client.get(path).status_code == 401
