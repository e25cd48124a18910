"""A planted name and number of a mediator come out nowhere but where people verify."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from serve import auth
from store import database, tokens

NAME, NUMBER, POSITION = "Fantaplanted", "76123456", "14.49513"
UNIT = "XX0106"
SEEN = datetime.now(UTC) - timedelta(hours=3)


def _clients(app: FastAPI, seeded: Any) -> dict[str, TestClient]:
    engine = database.connect(seeded.settings.database)
    with database.sessions(engine).begin() as session:
        secrets = {
            role: tokens.create(session, label=role, now=auth.now(), role=role, areas=areas)[1]
            for role, areas in (("field", ["X0"]), ("planner", []))
        }
    engine.dispose()
    return {
        role: TestClient(app, headers={"Authorization": f"Bearer {secret}"})
        for role, secret in secrets.items()
    }


@pytest.fixture(scope="module")
def clients(app: FastAPI, seeded: Any) -> dict[str, TestClient]:
    """Readers of a store where the name and the number were typed into every field there is."""
    found = _clients(app, seeded)
    typed = f"{NAME} tel +223{NUMBER} a {POSITION}, -4.19712"
    report = {
        "client_id": "planted",
        "unit": UNIT,
        "kind": "warning_sign",
        "sign": "armed_presence",
        "severity": 4,
        "voting_center": f"chez {typed}",
        "reporter": NAME,
        "note": typed,
        "seen_at": SEEN.isoformat(),
    }
    edited = {**report, "severity": 5, "edited_at": datetime.now(UTC).isoformat()}
    waiting = {**report, "client_id": "waits", "unit": typed}
    body = {"reports": [report, edited, waiting]}
    answer = found["planner"].post("/v1/reports", json=body).json()
    assert [one["state"] for one in answer["results"]] == ["landed", "edited", "queued"]
    sms = {"from": f"+223{NUMBER}", "text": f"VIG CER01 BAGARRE 4 centre {typed}", "id": "planted"}
    assert found["planner"].post("/v1/sms/generic", json=sms).json()["state"] == "landed"
    report_id = answer["results"][0]["report_id"]
    verdict = {"verification": "confirmed", "version": 2, "reason": f"{NAME} said so"}
    path = f"/v1/reports/{report_id}"
    assert found["planner"].post(f"{path}/verification", json=verdict).status_code == 200
    return found


def _made(planner: TestClient, seeded: Any) -> list[str]:
    """A nowcast and a second plan that count the reports; their addresses."""
    moment = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    asked: dict[str, Any] = {"bulletin_id": seeded.bulletin_id, "moment": moment}
    nowcast = planner.post("/v1/nowcasts", json=asked)
    request = {"mediators": 6, "risk": {"draws": 60}, "cover_reports_from": 1}
    asked = {"bulletin_id": seeded.bulletin_id, "request": request, "reason": "second"}
    plan = planner.post("/v1/deployments", json={**asked, "follows": seeded.deployment_id})
    assert plan.status_code == 201, plan.text
    files = [f"/file?format={kind}" for kind in ("csv", "html", "xlsx")]
    at = f"/v1/deployments/{plan.json()['deployment_id']}"
    found = [at + more for more in ("", "/moves", "/versions", *files)]
    if nowcast.status_code == 201:
        at = nowcast.headers["location"]
        found += [at, *(f"{at}/scores?format={kind}" for kind in ("json", "csv", "geojson"))]
    return found


def _text(answer: Any) -> str:
    """An answer as text; a workbook is packed."""
    if not answer.content.startswith(b"PK"):
        return str(answer.text)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        return "".join(packed.read(name).decode("utf-8", "replace") for name in packed.namelist())


def _paths(app: FastAPI, seeded: Any) -> list[str]:
    """Every address that can be read, with the ids of the store."""
    real = {
        "bulletin_id": seeded.bulletin_id,
        "unit_id": UNIT,
        "election_id": "XXA-2018-PRES-1",
        "lessons_id": seeded.lessons_id,
        "deployment_id": seeded.deployment_id,
    }
    document = app.openapi()["paths"]
    paths = [path for path, how in document.items() if "get" in how]
    for name, value in real.items():
        paths = [path.replace(f"{{{name}}}", value) for path in paths]
    return [path for path in paths if "{" not in path and "/queue" not in path]


@pytest.mark.parametrize("role", ["field", "planner"])
def test_no_output_carries_what_was_typed(
    clients: dict[str, TestClient], app: FastAPI, seeded: Any, role: str
) -> None:
    paths = [*_paths(app, seeded), *_made(clients["planner"], seeded)]
    if role == "planner":  # who verifies reads reports as they were typed
        paths = [path for path in paths if not path.startswith("/v1/reports")]
    read = 0
    for path in paths:
        text = _text(clients[role].get(path))
        read += len(text)
        for secret in (NAME, NAME.upper(), NUMBER, POSITION):
            assert secret not in text, (path, secret)
    assert read > 10_000
    listed = clients["field"].get(f"/v1/reports?unit_id={UNIT}&limit=500").json()["reports"]
    assert any(one["severity"] == 5 for one in listed)
    for one in listed:
        detail = clients["field"].get(f"/v1/reports/{one['report_id']}").text
        assert NAME not in detail
    verified = clients["planner"].get(f"/v1/reports?unit_id={UNIT}&limit=500").text
    assert NAME in verified  # what is planted is there
    assert NUMBER not in verified
    assert POSITION not in json.dumps(verified)
