"""Deployments over HTTP: plan, look, edit, approve, export, within areas."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import openpyxl
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from response.submissions import Arrival
from response.vocabulary import Intake
from serve import auth
from serve.app import create_app
from store import audit, database, landing, tokens
from store.report_places import places
from store.report_versions import State

FEW = {"draws": 60}


@pytest.fixture(scope="module")
def seeded(new_store: Any) -> Any:
    """A store of its own: reports that other tests leave would ask for mediators too."""
    return new_store("")


@pytest.fixture(scope="module")
def app(seeded: Any) -> FastAPI:
    return create_app(seeded.settings)


@pytest.fixture(scope="module")
def callers(app: FastAPI, seeded: Any) -> dict[str, TestClient]:
    engine = database.connect(seeded.settings.database)
    with database.sessions(engine).begin() as session:
        found = {
            name: TestClient(
                app,
                headers={
                    "Authorization": "Bearer "
                    + tokens.create(session, label=name, now=auth.now(), role=role, areas=areas)[1]
                },
            )
            for name, role, areas in (
                ("planner", "planner", []),
                ("coordinator", "coordinator", []),
                ("field", "field", ["XX00"]),
            )
        }
    engine.dispose()
    return found


def made(client: TestClient, seeded: Any, **request: Any) -> dict[str, Any]:
    asked = {"mediators": 12, "risk": FEW, **request}
    body = {"bulletin_id": seeded.bulletin_id, "request": asked, "reason": "round 1"}
    response = client.post("/v1/deployments", json=body)
    assert response.status_code == 201, response.text
    found: dict[str, Any] = response.json()
    return found


def test_a_plan_is_made_edited_and_approved(callers: dict[str, TestClient], seeded: Any) -> None:
    planner, coordinator = callers["planner"], callers["coordinator"]
    plan = made(planner, seeded, must_cover=["XX0405"])
    assert sum(p["mediators"] for p in plan["posts"]) == plan["shown"]["mediators"] == 12
    assert plan["shown"]["role"] == "planner"
    assert plan["request"]["effectiveness"] == 0.3
    assert plan["figures"]["abstained_with_mediators"] == 1
    assert any("claims no causal effect" in said for said in plan["assumptions"])
    (silent,) = [p for p in plan["posts"] if p["unit_id"] == "XX0405"]
    assert silent["expected_incidents"] is None
    assert "abstains" in silent["why"]
    url = f"/v1/deployments/{plan['deployment_id']}"
    edit = {
        "version": 1,
        "reason": "the bridge is out",
        "changes": [{"unit_id": "XX0405", "mediators": 0}],
    }
    assert planner.post(f"{url}/versions", json={**edit, "reason": ""}).status_code == 422
    edited = planner.post(f"{url}/versions", json=edit).json()
    assert (edited["shown"]["version"], edited["shown"]["reason"]) == (2, "the bridge is out")
    assert [b["key"] for b in edited["figures"]["broken"]] == ["must_cover:XX0405"]
    assert planner.post(f"{url}/versions", json=edit).status_code == 409
    assert planner.post(f"{url}/approval", json={"version": 2}).status_code == 403
    assert coordinator.post(f"{url}/approval", json={"version": 1}).status_code == 409
    approved = coordinator.post(f"{url}/approval", json={"version": 2, "reason": "seen"}).json()
    assert approved["approved_version"] == 2
    assert approved["shown"]["approval"]["role"] == "coordinator"
    assert approved["newest"]["approval"]["reason"] == "seen"
    every = planner.get(f"{url}/versions").json()["versions"]
    assert [v["how"] for v in every] == ["planned", "edited"]
    first = planner.get(url, params={"version": 1, "lang": "fr"}).json()
    assert first["shown"]["approval"] is None
    assert any("effet causal" in said for said in first["assumptions"])
    moves = planner.get(f"{url}/moves").json()["moves"]
    assert [m["to_unit"] for m in moves if m["from_unit"] == "XX0405"] == [""]
    listed = planner.get("/v1/deployments", params={"election_id": "XXA-2018-PRES-1"}).json()
    assert listed["deployments"][0]["deployment_id"] == plan["deployment_id"]


def test_a_clash_is_a_409_that_names_the_constraints(
    callers: dict[str, TestClient], seeded: Any
) -> None:
    body = {
        "bulletin_id": seeded.bulletin_id,
        "request": {
            "mediators": 2,
            "must_cover": ["XX0000"],
            "unreachable": {"XX0000": "no road"},
        },
    }
    response = callers["planner"].post("/v1/deployments", json=body)
    assert response.status_code == 409
    assert "must_cover:XX0000" in response.json()["detail"]
    assert "XX0000 cannot be reached: no road" in response.json()["detail"]


def test_a_second_round_follows_the_first(callers: dict[str, TestClient], seeded: Any) -> None:
    planner = callers["planner"]
    first = made(planner, seeded)
    body = {
        "bulletin_id": seeded.bulletin_id,
        "request": {"mediators": 6, "moving": {"each": 0.01}, "risk": FEW},
        "follows": first["deployment_id"],
    }
    second = planner.post("/v1/deployments", json=body).json()
    assert second["follows"] == first["deployment_id"]
    moves = planner.get(f"/v1/deployments/{second['deployment_id']}/moves").json()["moves"]
    assert sum(m["mediators"] for m in moves if m["to_unit"] == "") == 6
    assert sum(m["mediators"] for m in moves if m["to_unit"] != "") == 6


def reported(seeded: Any, severities: dict[str, int]) -> dict[str, str]:
    """Keep a report of an incident in each unit, within the round; their ids by unit."""
    engine = database.connect(seeded.settings.database)
    ids = {}
    with database.sessions(engine).begin() as session:
        for unit_id, severity in severities.items():
            fields = {"unit": unit_id, "kind": "incident", "sign": "clash", "severity": severity}
            fields["seen_at"] = "2018-07-20T08:00:00Z"
            arrival = Arrival(Intake.API, "t", f"plan-{unit_id}", fields, fields)
            moment = datetime(2018, 7, 20, 9, tzinfo=UTC)
            landed = landing.receive(session, arrival, places(session), moment)
            assert landed.state == State.LANDED
            ids[unit_id] = landed.report_id
    engine.dispose()
    return ids


def test_reports_of_the_first_round_change_the_second_plan(
    callers: dict[str, TestClient], seeded: Any
) -> None:
    planner = callers["planner"]
    first = made(planner, seeded)
    quiet, stands, taken_back = "XX0401", "XX0402", "XX0403"
    assert not {quiet, stands, taken_back} & {p["unit_id"] for p in first["posts"]}
    ids = reported(seeded, {quiet: 2, stands: 4, taken_back: 4})
    planner.post(f"/v1/reports/{ids[taken_back]}/withdraw", json={"reason": "mistaken"})
    asked = {"mediators": 12, "risk": FEW, "cover_reports_from": 4}
    body = {"bulletin_id": seeded.bulletin_id, "request": asked}
    alone = planner.post("/v1/deployments", json=body).json()
    assert stands not in {p["unit_id"] for p in alone["posts"]}
    after = {**body, "follows": first["deployment_id"]}
    second = planner.post("/v1/deployments", json=after).json()
    assert second["figures"]["reports"] == {"promised": [stands], "left_out": []}
    closed = {**asked, "unreachable": {stands: "flood"}}
    without = planner.post("/v1/deployments", json={**after, "request": closed}).json()
    (left_out,) = without["figures"]["reports"]["left_out"]
    assert (left_out["unit_id"], left_out["says"]["en"]) == (stands, "cannot be reached")
    url = f"/v1/deployments/{without['deployment_id']}/file"
    content = planner.get(url, params={"format": "xlsx"}).content
    sheet = openpyxl.load_workbook(io.BytesIO(content))["not promised"]
    assert sheet["A2"].value == stands
    posts = {p["unit_id"]: p for p in second["posts"]}
    assert stands in posts
    assert not {quiet, taken_back} & set(posts)
    assert "must be covered; 1 × incident" in posts[stands]["why"]
    edit = {
        "version": 1,
        "reason": "more there",
        "changes": [{"unit_id": unit, "mediators": 4} for unit in (stands, taken_back)],
    }
    url = f"/v1/deployments/{second['deployment_id']}/versions"
    edited = {p["unit_id"]: p for p in planner.post(url, json=edit).json()["posts"]}
    assert "1 × incident" in edited[stands]["why"]
    assert "×" not in edited[taken_back]["why"]
    planner.post(f"/v1/reports/{ids[stands]}/withdraw", json={"reason": "mistaken too"})
    third = planner.post("/v1/deployments", json=after).json()
    assert stands not in {p["unit_id"] for p in third["posts"]}


def test_a_token_with_areas_sees_their_posts_and_no_totals(
    callers: dict[str, TestClient], seeded: Any
) -> None:
    plan = made(callers["planner"], seeded, areas={"X1": {"minimum": 2}})
    url = f"/v1/deployments/{plan['deployment_id']}"
    seen = callers["field"].get(url).json()
    assert {p["parent_id"] for p in seen["posts"]} == {"XX00"}
    assert {p["region_id"] for p in plan["posts"]} == {"X0", "X1"}
    assert seen["figures"] is None
    assert set(seen["request"]) == {"mediators"}
    sheet = callers["field"].get(f"{url}/file", params={"format": "html"}).text
    assert "expected incidents covered" not in sheet
    assert "expected incidents covered" in callers["planner"].get(
        f"{url}/file", params={"format": "html"}
    ).text  # fmt: skip
    for kind in ("csv", "html"):
        text = callers["field"].get(f"{url}/file", params={"format": kind}).text
        assert "XX00" in text
        assert not any(p["unit_id"] in text for p in plan["posts"] if p["parent_id"] != "XX00")
    content = callers["field"].get(f"{url}/file", params={"format": "xlsx"}).content
    book = openpyxl.load_workbook(io.BytesIO(content))
    cells = {c.value for sheet in book for row in sheet.iter_rows() for c in row}
    assert "XX0000" in cells
    assert not cells & {p["unit_id"] for p in plan["posts"] if p["parent_id"] != "XX00"}
    moves = callers["field"].get(f"{url}/moves").json()["moves"]
    assert {m["to_unit"][:4] for m in moves} == {"XX00"}


def test_moves_beyond_the_areas_of_a_token_are_elsewhere(
    callers: dict[str, TestClient], seeded: Any
) -> None:
    first = made(callers["planner"], seeded, must_cover=["XX0405"])
    url = f"/v1/deployments/{first['deployment_id']}"
    people = {p["unit_id"]: p["mediators"] for p in first["posts"]}
    quiet = next(f"XX00{k:02d}" for k in range(8) if f"XX00{k:02d}" not in people)
    changes = [{"unit_id": "XX0405", "mediators": 0}, {"unit_id": quiet, "mediators": 2}]
    edit = {"version": 1, "reason": "the road", "changes": changes}
    assert callers["planner"].post(f"{url}/versions", json=edit).status_code == 201
    whole = callers["planner"].get(f"{url}/moves").json()["moves"]
    assert ("XX0405", quiet) in {(m["from_unit"], m["to_unit"]) for m in whole}
    seen = callers["field"].get(f"{url}/moves").json()["moves"]
    (move,) = [m for m in seen if m["to_unit"] == quiet]
    assert (move["from_unit"], move["from_name"], move["km"]) == ("elsewhere", "elsewhere", None)
    assert {m["from_unit"][:4] for m in seen} <= {"XX00", "else", ""}


def test_files_hold_the_posts(callers: dict[str, TestClient], seeded: Any) -> None:
    planner = callers["planner"]
    plan = made(planner, seeded, must_cover=["XX0003"])
    url = f"/v1/deployments/{plan['deployment_id']}/file"
    answer = planner.get(url, params={"format": "csv"})
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff"))))
    assert {r["unit_id"]: int(r["mediators"]) for r in rows} == {
        p["unit_id"]: p["mediators"] for p in plan["posts"]
    }
    assert {r["synthetic"] for r in rows} == {"true"}
    assert "'=HYPERLINK(1)" in {r["name"] for r in rows}
    book = openpyxl.load_workbook(io.BytesIO(planner.get(url, params={"format": "xlsx"}).content))
    assert book.sheetnames == ["posts", "regions", "moves", "plans", "curve", "about"]
    names = [c for c in next(book["posts"].iter_cols(min_col=6, max_col=6)) if c.value]
    (formula,) = [c for c in names if c.value.startswith("=")]
    assert formula.data_type == "s"
    french = planner.get(url, params={"format": "html", "lang": "fr"}).text
    assert "PROJET : non approuvé" in french
    assert "DONNÉES INVENTÉES" in french
    assert "=HYPERLINK(1)" in french
    assert french.count("<section>") == len({p["region_id"] for p in plan["posts"]})
    one = planner.get(url, params={"format": "html", "region": "X0"}).text
    assert one.count("<section>") == 1
    assert planner.get(url, params={"format": "pdf"}).status_code == 422


def test_what_is_done_and_read_is_audited(
    callers: dict[str, TestClient], seeded: Any, app: FastAPI
) -> None:
    plan = made(callers["planner"], seeded)
    url = f"/v1/deployments/{plan['deployment_id']}"
    callers["field"].get(url)
    app.state.audit.flush()
    with app.state.sessions() as session:
        done = audit.entries(session, action="deployment.planned")
        read = audit.entries(session, action=audit.READ)
    assert done[0].subject == f"{plan['deployment_id']}/1"
    assert done[0].request_id
    assert url in {entry.subject for entry in read}


def test_reading_moves_brings_no_solver_along() -> None:
    says = "import sys, serve.app, serve.plans_moved; print({'scipy', 'sklearn'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", says], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_making_a_plan_brings_only_the_solver_along() -> None:
    says = (
        "import sys, serve.planning; print({'scipy.stats', 'sklearn', 'mlflow'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", says], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
