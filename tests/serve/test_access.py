"""Every route with every kind of caller, sign-in on the page, and how often one may ask."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from PIL import Image
from starlette.routing import Mount

from features.vocabulary import Language
from response.alerts import Step
from response.rules import Channel
from response.submissions import Arrival
from response.vocabulary import Intake, Level
from serve import auth
from serve.app import create_app
from serve.organisation import access_of
from serve.rates import Rate, Windows
from serve.routers.public import coarse
from serve.settings import Settings
from store import alerts, database, nowcasts, recipients, report_photos, tokens
from store.alerts import Actor
from store.jobs import Ask, Jobs
from store.landing import receive
from store.report_places import places
from store.selecting import RegionBand


def _picture() -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (8, 6), "red").save(written, "PNG")
    return written.getvalue()


PICTURE = _picture()
CALLERS = (
    "nobody",
    "expired",
    "revoked",
    "monitor",
    "field",
    "foreign",
    "planner",
    "coordinator",
    "admin",
)
NO_TOKEN = {"nobody": 401, "expired": 401, "revoked": 401}
EVERYBODY = dict.fromkeys(CALLERS, 200)
READERS = {**EVERYBODY, **NO_TOKEN, "monitor": 403}
# `foreign` may read, but none of the units asked about lies in its area.
OF_THE_AREA = {**READERS, "foreign": 403}
ADMINS = {**dict.fromkeys(CALLERS, 403), **NO_TOKEN, "admin": 200}
# `foreign` is a planner, but for one area: a forecast speaks of all.
PLANNERS = {**ADMINS, "planner": 200, "coordinator": 200}
# A deployment speaks of every unit; approving takes a coordinator.
APPROVERS = {**ADMINS, "coordinator": 200}
# Not even an admin sees the forecasts of another one.
NOT_MINE = {**PLANNERS, "planner": 404, "coordinator": 404, "admin": 404}
REPORTERS = READERS
VERIFIERS = {**PLANNERS, "foreign": 200}
OF_THE_AREA_VERIFIED = {**PLANNERS, "foreign": 403}
NOT_THERE = {who: 404 if status == 200 else status for who, status in VERIFIERS.items()}
NOT_THERE_OF_THE_AREA = {**NOT_THERE, "foreign": 403}
_REPORT = {"unit": "XX0101", "kind": "nothing_seen", "seen_at": "2018-07-20T08:00:00Z"}
_UNDERSTOOD_BY_NOBODY = (
    b'--b\r\nContent-Disposition: form-data; name="xml_submission_file"; filename="f.xml"\r\n'
    b'Content-Type: text/xml\r\n\r\n<data id="x"/>\r\n--b--\r\n'
)
_MOMENT = datetime(2018, 7, 20, 12, tzinfo=UTC)
MONITORS = {**ADMINS, "monitor": 200}
OF_THE_ALERT = {**READERS, "foreign": 404}
SIGNERS = {**ADMINS, "coordinator": 200}
DRAFTERS = {**PLANNERS, "foreign": 404}


@dataclass(frozen=True)
class Case:
    """What each caller meets at a route; `status` is what 200 stands for there."""

    address: str
    expected: dict[str, int]
    status: int = 200
    body: dict[str, Any] | None = None
    content: bytes | None = None
    kind: str = ""


TABLE: dict[tuple[str, str], Case] = {
    ("GET", "/"): Case("/", EVERYBODY),
    ("GET", "/alerts"): Case("/alerts", EVERYBODY),
    ("GET", "/plan"): Case("/plan", EVERYBODY),
    ("GET", "/reports"): Case("/reports", EVERYBODY),
    ("GET", "/openapi.json"): Case("/openapi.json", EVERYBODY),
    ("GET", "/health"): Case("/health", EVERYBODY),
    ("GET", "/health/live"): Case("/health/live", EVERYBODY),
    ("GET", "/health/ready"): Case("/health/ready", EVERYBODY),
    ("GET", "/metrics"): Case("/metrics", MONITORS),
    ("GET", "/v1/elections"): Case("/v1/elections", READERS),
    ("GET", "/v1/elections/{election_id}/latest"): Case(
        "/v1/elections/XXA-2018-PRES-1/latest", READERS
    ),
    ("GET", "/v1/elections/{election_id}/latest/scores"): Case(
        "/v1/elections/XXA-2018-PRES-1/latest/scores", READERS, status=307
    ),
    ("GET", "/v1/bulletins"): Case("/v1/bulletins", READERS),
    ("GET", "/v1/bulletins/{bulletin_id}"): Case("/v1/bulletins/{bulletin}", READERS),
    ("GET", "/v1/bulletins/{bulletin_id}/scores"): Case(
        "/v1/bulletins/{bulletin}/scores?region=X0", READERS
    ),
    ("GET", "/v1/nowcasts"): Case("/v1/nowcasts", READERS),
    ("POST", "/v1/nowcasts"): Case(
        "/v1/nowcasts", PLANNERS, status=201, body={"bulletin_id": "{bulletin}"}
    ),
    ("GET", "/v1/nowcasts/{nowcast_id}"): Case("/v1/nowcasts/{nowcast}", READERS),
    ("GET", "/v1/nowcasts/{nowcast_id}/scores"): Case(
        "/v1/nowcasts/{nowcast}/scores?region=X0", READERS
    ),
    ("GET", "/v1/bulletins/{bulletin_id}/nowcasts/latest"): Case(
        "/v1/bulletins/{bulletin}/nowcasts/latest", READERS
    ),
    ("GET", "/v1/targets"): Case("/v1/targets", PLANNERS),
    ("GET", "/v1/forecasts"): Case("/v1/forecasts", PLANNERS),
    ("POST", "/v1/forecasts"): Case(
        "/v1/forecasts", PLANNERS, status=202, body={"election_id": "XXA-2018-PRES-1"}
    ),
    ("GET", "/v1/forecasts/{job_id}"): Case("/v1/forecasts/{job}", NOT_MINE),
    ("POST", "/v1/forecasts/{job_id}/cancel"): Case("/v1/forecasts/{job}/cancel", NOT_MINE),
    ("GET", "/v1/reports"): Case("/v1/reports", READERS),
    ("POST", "/v1/reports"): Case("/v1/reports", REPORTERS, body={"reports": [_REPORT]}),
    ("GET", "/v1/reports/{report_id:report}"): Case("/v1/reports/{report}", OF_THE_AREA),
    ("POST", "/v1/reports/{report_id:report}/verification"): Case(
        "/v1/reports/{report}/verification",
        OF_THE_AREA_VERIFIED,
        body={"verification": "unverified", "version": 1},
    ),
    ("POST", "/v1/reports/{report_id:report}/withdraw"): Case(
        "/v1/reports/{spare_report}/withdraw", OF_THE_AREA_VERIFIED, body={}
    ),
    ("POST", "/v1/reports/{report_id:report}/photos"): Case(
        "/v1/reports/{report}/photos", OF_THE_AREA_VERIFIED, 201, content=PICTURE, kind="image/png"
    ),
    ("GET", "/v1/reports/{report_id:report}/photos/{sha256}"): Case(
        "/v1/reports/{report}/photos/{photo}", OF_THE_AREA_VERIFIED
    ),
    ("DELETE", "/v1/reports/{report_id:report}/photos/{sha256}"): Case(
        "/v1/reports/{report}/photos/" + "0" * 64, NOT_THERE_OF_THE_AREA
    ),
    ("GET", "/v1/reports/queue"): Case("/v1/reports/queue", VERIFIERS),
    ("GET", "/v1/reports/queue/{inbox_id}"): Case("/v1/reports/queue/2147483647", NOT_THERE),
    ("POST", "/v1/reports/queue/{inbox_id}/resolve"): Case(
        "/v1/reports/queue/2147483647/resolve", NOT_THERE, body={"fields": _REPORT}
    ),
    ("POST", "/v1/reports/queue/{inbox_id}/dismiss"): Case(
        "/v1/reports/queue/2147483647/dismiss", NOT_THERE, body={"reason": "x"}
    ),
    ("GET", "/v1/reports/counts"): Case("/v1/reports/counts", VERIFIERS),
    ("POST", "/v1/reports/kobo"): Case("/v1/reports/kobo", REPORTERS, body={"_id": 1}),
    ("POST", "/v1/reports/odk"): Case("/v1/reports/odk", REPORTERS, body={"id": "uuid:1"}),
    ("POST", "/v1/reports/csv"): Case(
        "/v1/reports/csv", REPORTERS, content=b"unit,kind,seen_at\n", kind="text/csv"
    ),
    ("POST", "/v1/sms/{gateway}"): Case(
        "/v1/sms/generic", REPORTERS, body={"from": "+22370000000", "text": "VIG AIDE"}
    ),
    ("GET", "/openrosa/formList"): Case("/openrosa/formList", REPORTERS),
    ("GET", "/openrosa/forms/{name}.xml"): Case("/openrosa/forms/vigie_report_xxa.xml", REPORTERS),
    ("POST", "/openrosa/submission"): Case(
        "/openrosa/submission",
        REPORTERS,
        202,
        content=_UNDERSTOOD_BY_NOBODY,
        kind="multipart/form-data; boundary=b",
    ),
    ("GET", "/v1/deployments"): Case("/v1/deployments", READERS),
    ("POST", "/v1/deployments"): Case(
        "/v1/deployments",
        PLANNERS,
        status=404,
        body={"bulletin_id": "none", "request": {"mediators": 2}},
    ),
    ("GET", "/v1/deployments/{deployment_id}"): Case("/v1/deployments/{plan}", READERS),
    ("GET", "/v1/deployments/{deployment_id}/versions"): Case(
        "/v1/deployments/{plan}/versions", READERS
    ),
    ("POST", "/v1/deployments/{deployment_id}/versions"): Case(
        "/v1/deployments/{plan}/versions",
        PLANNERS,
        status=409,
        body={"version": 9, "reason": "x", "changes": [{"unit_id": "XX0000", "mediators": 1}]},
    ),
    ("POST", "/v1/deployments/{deployment_id}/approval"): Case(
        "/v1/deployments/{plan}/approval", APPROVERS, status=404, body={"version": 9}
    ),
    ("GET", "/v1/deployments/{deployment_id}/moves"): Case("/v1/deployments/{plan}/moves", READERS),
    ("GET", "/v1/deployments/{deployment_id}/file"): Case("/v1/deployments/{plan}/file", READERS),
    ("GET", "/v1/units/{unit_id}"): Case("/v1/units/XX0101", OF_THE_AREA),
    ("GET", "/v1/elections/{election_id}/lessons"): Case(
        "/v1/elections/XXA-2018-PRES-1/lessons", PLANNERS
    ),
    ("GET", "/v1/lessons/{lessons_id}"): Case("/v1/lessons/{lessons}", PLANNERS),
    ("GET", "/lessons/{lessons_id}"): Case("/lessons/{lessons}", PLANNERS),
    ("GET", "/v1/alerts"): Case("/v1/alerts", READERS),
    ("POST", "/v1/alerts"): Case(
        "/v1/alerts",
        PLANNERS,  # the units asked about are not in the area of `foreign`
        status=201,
        body={
            "election_id": "XXA-2018-PRES-1",
            "level": "local",
            "area_name": "Cercle 1",
            "unit_ids": ["XX0101"],
            "channels": ["email"],
            "words": {
                language: {"headline": "h", "reason": "r", "instruction": "i"}
                for language in ("fr", "en")
            },
        },
    ),
    ("GET", "/v1/alerts/feed"): Case("/v1/alerts/feed", READERS),
    ("GET", "/v1/alerts/told"): Case("/v1/alerts/told", READERS),
    ("GET", "/v1/alerts/{alert_id}"): Case("/v1/alerts/{alert}", OF_THE_ALERT),
    # The alert was rejected: who may step meets the refusal of the step.
    ("GET", "/v1/alerts/{alert_id}/cap"): Case("/v1/alerts/{alert}/cap", OF_THE_ALERT, status=409),
    **{
        ("POST", f"/v1/alerts/{{alert_id}}/{step}"): Case(
            f"/v1/alerts/{{alert}}/{step}", who, status=409, body={"note": "n"}
        )
        for step, who in {
            **dict.fromkeys(("release", "sign", "reject", "cancel"), SIGNERS),
            **dict.fromkeys(("acknowledge", "act"), OF_THE_ALERT),
            "close": DRAFTERS,
        }.items()
    },
    ("POST", "/v1/alert-receipts"): Case(
        "/v1/alert-receipts", READERS, status=404, body={"message_id": "no", "received": True}
    ),
    ("GET", "/v1/alert-recipients"): Case("/v1/alert-recipients", ADMINS),
    ("POST", "/v1/alert-recipients"): Case(
        "/v1/alert-recipients",
        ADMINS,
        status=201,
        body={"name": "n", "level": "local", "channel": "email", "address": "a@example.org"},
    ),
    ("DELETE", "/v1/alert-recipients/{recipient_id}"): Case(
        "/v1/alert-recipients/{recipient}", ADMINS
    ),
    ("GET", "/v1/public/elections/{election_id}/latest"): Case(
        "/v1/public/elections/XXA-2018-PRES-1/latest", dict.fromkeys(CALLERS, 404)
    ),
    ("GET", "/v1/session"): Case("/v1/session", EVERYBODY),
    ("POST", "/v1/session"): Case(
        "/v1/session", dict.fromkeys(CALLERS, 401), body={"token": "vigie_wrong"}
    ),
    ("DELETE", "/v1/session"): Case("/v1/session", EVERYBODY, status=204),
    ("GET", "/v1/tokens"): Case("/v1/tokens", ADMINS),
    ("POST", "/v1/tokens"): Case("/v1/tokens", ADMINS, status=201, body={"label": "made by test"}),
    ("DELETE", "/v1/tokens/{token_id}"): Case("/v1/tokens/{spare}", ADMINS),
    ("GET", "/v1/audit"): Case("/v1/audit", ADMINS),
    ("GET", "/static/app"): Case("/static/app/app.js", EVERYBODY),
    ("GET", "/static/leaflet"): Case("/static/leaflet/leaflet.css", EVERYBODY),
}


def routes_of(app: FastAPI) -> set[tuple[str, str]]:
    """Method and template of every route of an application."""
    found = {("GET", route.path) for route in app.routes if isinstance(route, Mount)}
    for context in iter_route_contexts(app.routes):
        if isinstance(context.original_route, Mount):
            continue
        methods = set(context.methods or ()) - {"HEAD"}
        found |= {(method, str(context.path)) for method in methods}
    return found


def test_every_route_is_in_the_table(app: FastAPI) -> None:
    assert routes_of(app) == set(TABLE)


def test_a_route_that_is_not_in_the_table_is_noticed(seeded: Any) -> None:
    app = create_app(seeded.settings)
    app.get("/v1/secrets")(lambda: "all of them")
    assert routes_of(app) - set(TABLE) == {("GET", "/v1/secrets")}


@pytest.fixture(scope="module")
def secrets(seeded: Any, queue: Jobs, drafted: Any) -> dict[str, str]:
    """A token of each kind, the id of one to spare, and that of somebody else's forecast."""
    engine = database.connect(seeded.settings.database)
    now = auth.now()

    with database.sessions(engine).begin() as session:

        def made(**how: Any) -> str:
            return tokens.create(session, label="t", now=now, **how)[1]

        gone, revoked = tokens.create(session, label="gone", now=now)
        tokens.revoke(session, gone.token_id, now)
        found = {
            "expired": made(expires_at=now - timedelta(seconds=1)),
            "revoked": revoked,
            "monitor": made(role="monitor"),
            "field": made(role="field", areas=["X0"]),
            "foreign": made(role="planner", areas=["X1"]),
            "planner": made(role="planner"),
            "coordinator": made(role="coordinator"),
            "admin": made(role="admin"),
            "spare": tokens.create(session, label="spare", now=now)[0].token_id,
            "alert": drafted(session, "XX0101", "XX0102"),
            "recipient": recipients.add(
                session,
                name="n",
                level=Level.LOCAL,
                channel=Channel.EMAIL,
                address="a@example.org",
                language=Language.FR,
                areas=[],
                now=now,
                actor="t",
            ).recipient_id,
        }
        who = Actor("t", "t", "coordinator")
        alerts.take(session, found["alert"], Step.REJECT, at=now, by=who)
        found |= _reports(session, seeded, now)
        found["nowcast"] = nowcasts.make(
            session, seeded.bulletin_id, moment=_MOMENT, now=now, actor="test"
        )
    engine.dispose()
    wanted = Ask(election_id="XXA-2018-PRES-1", asked_on=now.date())
    return found | {"job": queue.ask(wanted, "somebody else").job_id}


def _reports(session: Any, seeded: Any, now: Any) -> dict[str, str]:
    """A report with a photo, and one to spare."""
    found = {}
    for name in ("report", "spare_report"):
        fields = {**_REPORT, "seen_at": now.isoformat()}
        arrival = Arrival(Intake.API, "somebody", name, fields, {})
        landed = receive(session, arrival, places(session), now)
        found[name] = landed.report_id
    home = seeded.settings.home
    return found | {"photo": report_photos.keep(session, home, found["report"], PICTURE, now)}


@pytest.fixture(scope="module")
def shared(seeded: Any) -> Iterator[TestClient]:
    with TestClient(create_app(seeded.settings), raise_server_exceptions=False) as opened:
        yield opened


@pytest.mark.parametrize("caller", CALLERS)
def test_every_route_with_every_caller(
    shared: TestClient, seeded: Any, secrets: dict[str, str], caller: str
) -> None:
    headers = {"Authorization": f"Bearer {secrets[caller]}"} if caller != "nobody" else {}
    for (method, route), case in TABLE.items():
        path = case.address.format(
            bulletin=seeded.bulletin_id,
            lessons=seeded.lessons_id,
            plan=seeded.deployment_id,
            **secrets,
        )
        body = case.body and {
            key: seeded.bulletin_id if value == "{bulletin}" else value
            for key, value in case.body.items()
        }
        kind = {"Content-Type": case.kind} if case.kind else {}
        response = shared.request(
            method,
            path,
            headers=headers | kind,
            json=body,
            content=case.content,
            follow_redirects=False,
        )
        wanted = case.expected[caller]
        wanted = case.status if wanted == 200 else wanted
        assert response.status_code == wanted, (method, route, response.text)
        if wanted >= 400:
            assert response.headers["content-type"] == "application/problem+json"
        if wanted == 401:
            assert "www-authenticate" in response.headers
        assert "nosniff" in response.headers["x-content-type-options"]


@pytest.mark.parametrize(("area", "units"), [("X0", 24), ("XX01", 8), ("XX0101", 1)])
def test_a_token_sees_its_areas_and_no_more(
    shared: TestClient, seeded: Any, secrets: dict[str, str], area: str, units: int
) -> None:
    admin = {"Authorization": f"Bearer {secrets['admin']}"}
    wanted = {"label": "scoped", "role": "field", "areas": [area]}
    made = shared.post("/v1/tokens", json=wanted, headers=admin).json()
    mine = {"Authorization": f"Bearer {made['secret']}"}
    path = f"/v1/bulletins/{seeded.bulletin_id}/scores"
    for _ in range(2):  # from the route, then from the fast lane
        body = shared.get(path, headers=mine).json()
        assert body["matched"] == len(body["scores"]) == units
        places = [{s["region_id"], s["parent_id"], s["unit_id"]} for s in body["scores"]]
        assert all(area in place for place in places)
        assert shared.get(path, headers=admin).json()["matched"] == 40
    assert shared.get(f"{path}?region=X1", headers=mine).json()["scores"] == []
    for format_ in ("csv", "geojson", "parquet"):
        content = shared.get(f"{path}?format={format_}", headers=mine).content
        assert b"XX0305" not in content
    assert shared.get("/v1/units/XX0305", headers=mine).status_code == 403


def test_wrong_scopes_are_refused(shared: TestClient, secrets: dict[str, str]) -> None:
    admin = {"Authorization": f"Bearer {secrets['admin']}"}
    for wanted, says in (
        ({"label": "x", "role": "field"}, "at least one area"),
        ({"label": "x", "areas": ["Mopti"]}, "expected the id of a region"),
        ({"label": "x", "role": "king"}, "role"),
        ({"label": "x", "surprise": 1}, "surprise"),
    ):
        response = shared.post("/v1/tokens", json=wanted, headers=admin)
        assert response.status_code == 422
        assert says in response.json()["detail"]


def test_revocation_here_counts_at_once_and_elsewhere_soon(
    seeded: Any, secrets: dict[str, str]
) -> None:
    app = create_app(seeded.settings)  # keeps verdicts for 60 s
    engine = database.connect(seeded.settings.database)
    admin = {"Authorization": f"Bearer {secrets['admin']}"}
    moment = [0.0]
    app.state.gate._clock = lambda: moment[0]
    with TestClient(app) as client:
        made = [
            client.post("/v1/tokens", json={"label": "r"}, headers=admin).json() for _ in range(2)
        ]
        here, elsewhere = ({"Authorization": f"Bearer {m['secret']}"} for m in made)
        scores = f"/v1/bulletins/{seeded.bulletin_id}/scores"
        for headers in (here, elsewhere):
            assert client.get(scores, headers=headers).status_code == 200
        client.delete(f"/v1/tokens/{made[0]['token_id']}", headers=admin)
        assert client.get(scores, headers=here).status_code == 401
        assert client.get(scores, headers=elsewhere).status_code == 200
        with database.sessions(engine).begin() as session:
            tokens.revoke(session, made[1]["token_id"], auth.now())
        assert client.get(scores, headers=elsewhere).status_code == 200
        moment[0] += seeded.settings.token_cache_seconds + 0.01
        assert client.get(scores, headers=elsewhere).status_code == 401
    engine.dispose()


def test_a_token_may_come_as_a_password(shared: TestClient, seeded: Any) -> None:
    good = base64.b64encode(f"me:{seeded.secret}".encode()).decode()
    for said, status in ((good, 200), (good[:-4], 401), ("%%%", 401), ("", 401)):
        response = shared.get("/v1/elections", headers={"Authorization": f"Basic {said}"})
        assert response.status_code == status


def test_changes_are_audited(shared: TestClient, secrets: dict[str, str]) -> None:
    admin = {"Authorization": f"Bearer {secrets['admin']}"}
    made = shared.post("/v1/tokens", json={"label": "a"}, headers=admin).json()
    shared.delete(f"/v1/tokens/{made['token_id']}", headers=admin)
    log = shared.get("/v1/audit?limit=20", headers=admin).json()["entries"]
    mine = [entry for entry in log if entry["subject"] == made["token_id"]]
    assert [entry["action"] for entry in mine] == ["token.revoked", "token.created"]
    assert len({entry["actor"] for entry in mine}) == 1
    issued = shared.get("/v1/audit?action=bulletin.issued", headers=admin).json()["entries"]
    assert len(issued) == 2
    first = shared.get("/v1/audit?limit=1", headers=admin).json()
    second = shared.get(first["next"], headers=admin).json()
    assert first["entries"][0]["id"] > second["entries"][0]["id"]


# Sign-in on the page


def _signed_in(client: TestClient, secret: str) -> dict[str, Any]:
    response = client.post("/v1/session", json={"token": secret})
    assert response.status_code == 201, response.text
    answer: dict[str, Any] = response.json()
    return answer


@pytest.fixture
def browser(shared: TestClient) -> TestClient:
    """Cookies of its own at the shared application: a new one sorts its routes out first."""
    return TestClient(shared.app, raise_server_exceptions=False)


def test_the_cookie_is_out_of_reach_and_no_token(browser: TestClient, seeded: Any) -> None:
    response = browser.post("/v1/session", json={"token": seeded.secret})
    cookie = response.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    value = cookie.partition("=")[2].partition(";")[0]
    assert value != seeded.secret
    as_token = {"Authorization": f"Bearer {value}", "Cookie": ""}
    assert browser.get("/v1/elections", headers=as_token).status_code == 401
    assert browser.get("/v1/elections").status_code == 200
    browser.cookies.clear()
    forged = {"Cookie": f"vigie_session={seeded.secret}"}
    assert browser.get("/v1/elections", headers=forged).status_code == 401


def test_over_https_the_cookie_goes_nowhere_else(shared: TestClient, seeded: Any) -> None:
    client = TestClient(shared.app, base_url="https://vigie.test")
    response = client.post("/v1/session", json={"token": seeded.secret})
    assert response.headers["set-cookie"].startswith("__Host-vigie_session=")
    assert "Secure" in response.headers["set-cookie"]
    assert "strict-transport-security" in response.headers
    assert client.get("/v1/elections").status_code == 200


def test_signing_out_ends_the_session(browser: TestClient, seeded: Any) -> None:
    csrf = _signed_in(browser, seeded.secret)["csrf"]
    kept = dict(browser.cookies)
    assert browser.delete("/v1/session").status_code == 403
    assert browser.get("/v1/session").json()["signed_in"] is True
    gone = browser.delete("/v1/session", headers={"X-CSRF-Token": csrf})
    assert gone.status_code == 204
    assert "cache" in gone.headers["clear-site-data"]
    assert browser.get("/v1/session").json()["signed_in"] is False
    browser.cookies.update(kept)
    assert browser.get("/v1/elections").status_code == 401


def test_a_session_ends_with_its_token(browser: TestClient, secrets: dict[str, str]) -> None:
    admin = {"Authorization": f"Bearer {secrets['admin']}"}
    made = browser.post("/v1/tokens", json={"label": "s", "days": 1}, headers=admin).json()
    answer = _signed_in(browser, made["secret"])
    assert answer["expires_at"] <= made["expires_at"]
    assert browser.get("/v1/elections").status_code == 200
    browser.delete(f"/v1/tokens/{made['token_id']}", headers=admin)
    assert browser.get("/v1/elections").status_code == 401


def test_a_change_needs_proof_that_our_page_asks(
    browser: TestClient, secrets: dict[str, str]
) -> None:
    csrf = _signed_in(browser, secrets["admin"])["csrf"]
    wanted = {"label": "by cookie"}
    for headers in ({}, {"X-CSRF-Token": "x"}, {"X-CSRF-Token": "é".encode()}):
        refused = browser.post("/v1/tokens", json=wanted, headers=headers)
        assert refused.status_code == 403
        assert "csrf" in refused.json()["detail"]
    proven = browser.post("/v1/tokens", json=wanted, headers={"X-CSRF-Token": csrf})
    assert proven.status_code == 201


def test_forecasts_stay_the_planners_from_one_session_to_the_next(
    browser: TestClient, secrets: dict[str, str]
) -> None:
    wanted = {"election_id": "XXA-2018-PRES-1", "as_of": "2018-07-02"}
    answer = _signed_in(browser, secrets["planner"])
    assert answer["may_forecast"] is True
    assert browser.post("/v1/forecasts", json=wanted).status_code == 403  # no proof
    proof = {"X-CSRF-Token": answer["csrf"]}
    asked = browser.post("/v1/forecasts", json=wanted, headers=proof)
    assert asked.status_code == 202, asked.text
    browser.delete("/v1/session", headers=proof)
    proof = {"X-CSRF-Token": _signed_in(browser, secrets["planner"])["csrf"]}
    assert browser.get(asked.headers["Location"]).json()["state"] == "waiting"
    assert browser.post(f"{asked.headers['Location']}/cancel").status_code == 403
    gone = browser.post(f"{asked.headers['Location']}/cancel", headers=proof)
    assert gone.json()["state"] == "cancelled"
    admin = {"Authorization": f"Bearer {secrets['admin']}"}
    log = browser.get("/v1/audit?limit=100", headers=admin).json()["entries"]
    mine = [entry for entry in log if entry["subject"] == asked.json()["job_id"]]
    assert [entry["action"] for entry in mine] == ["forecast.cancelled", "forecast.asked"]
    assert all(entry["request_id"] for entry in mine)


def test_a_token_for_some_areas_may_not_ask(browser: TestClient, secrets: dict[str, str]) -> None:
    answer = _signed_in(browser, secrets["foreign"])
    assert answer["may_forecast"] is False
    wanted = {"election_id": "XXA-2018-PRES-1"}
    proof = {"X-CSRF-Token": answer["csrf"]}
    refused = browser.post("/v1/forecasts", json=wanted, headers=proof)
    assert refused.status_code == 403
    assert "speaks of every unit" in refused.json()["detail"]


def test_another_site_signs_nobody_in(browser: TestClient, seeded: Any) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    body = {"token": seeded.secret}
    assert browser.post("/v1/session", json=body, headers=headers).status_code == 403
    text = {"Content-Type": "text/plain"}  # all that a form of another site can send
    sent = browser.post("/v1/session", content=f'{{"token": "{seeded.secret}"}}', headers=text)
    assert sent.status_code == 422


# Limits


def _limited(seeded: Any, **update: Any) -> TestClient:
    return TestClient(create_app(seeded.settings.model_copy(update=update)))


def test_too_many_requests_are_refused_for_one_token_only(
    seeded: Any, secrets: dict[str, str]
) -> None:
    with _limited(seeded, rate_limit="4/hour") as client:
        path = f"/v1/bulletins/{seeded.bulletin_id}/scores"
        got = [client.get(path, headers=seeded.headers) for _ in range(6)]
        assert [r.status_code for r in got] == [200] * 4 + [429] * 2
        assert got[-1].headers["content-type"] == "application/problem+json"
        assert 0 < int(got[-1].headers["retry-after"]) <= 3600
        other = {"Authorization": f"Bearer {secrets['planner']}"}
        assert client.get(path, headers=other).status_code == 200


def test_a_rate_counts_in_windows() -> None:
    moment = [0.0]
    windows = Windows(Rate.read("2/minute"), lambda: moment[0])
    assert [windows.hit("a") for _ in range(3)] == [True, True, False]
    assert (windows.hit("b"), windows.full("a"), windows.full("b")) == (True, True, False)
    moment[0] = 59.5
    assert (windows.hit("a"), windows.seconds_left()) == (False, 1)
    moment[0] = 60.0
    assert windows.hit("a")
    for wrong in ("", "ten/minute", "1/year", "-1/minute"):
        with pytest.raises(ValueError, match="600/minute"):
            Rate.read(wrong)


def test_guessing_is_stopped_without_stopping_others(seeded: Any) -> None:
    with _limited(seeded, failure_limit="3/hour", token_cache_seconds=60) as client:
        assert client.get("/v1/elections", headers=seeded.headers).status_code == 200
        wrong = {"Authorization": "Bearer vigie_wrong"}
        got = [client.get("/v1/elections", headers=wrong).status_code for _ in range(5)]
        assert got == [401, 401, 401, 429, 429]
        assert client.post("/v1/session", json={"token": "vigie_x"}).status_code == 429
        assert client.get("/v1/elections", headers=seeded.headers).status_code == 200


def test_a_large_body_is_refused(seeded: Any) -> None:
    def drip() -> Iterator[bytes]:
        for _ in range(20):
            yield b" " * 100

    with _limited(seeded, max_body_bytes=1000) as client:
        json = {"Content-Type": "application/json"}
        bodies: tuple[Callable[[], Any], ...] = (lambda: b" " * 1001, drip)
        for body in bodies:
            response = client.post("/v1/session", content=body(), headers=json)
            assert response.status_code == 413
            assert "at most 1000 bytes" in response.json()["detail"]


# The public


def test_the_public_sees_bands_of_regions_where_it_is_let_in(seeded: Any) -> None:
    with _limited(seeded, public=True) as client:
        response = client.get("/v1/public/elections/XXA-2018-PRES-1/latest")
        body = response.json()
        assert body["regions"] == [
            {"region_id": "X0", "region_name": "Région A", "band": "very_high"},
            {"region_id": "X1", "region_name": "Région B", "band": "low"},
        ]
        assert "probability" not in response.text
        assert "XX0" not in response.text
        assert client.get("/v1/elections").status_code == 401


def test_a_band_of_a_region_is_reached_by_a_tenth_of_its_units() -> None:
    def bands(**counts: int) -> Any:
        return coarse([RegionBand("R", "R", band, n) for band, n in counts.items()])[0].band

    assert bands(very_high=1, low=9) == "very_high"
    assert bands(very_high=1, low=10) == "low"
    assert bands(very_high=1, high=1, low=18) == "high"
    assert bands(very_high=4) is None
    assert bands(abstained=50) is None
    assert bands(abstained=50, low=5) == "low"


# An organisation's groups


def test_groups_decide_what_an_account_may_do() -> None:
    settings = Settings(
        oidc_groups={
            "desk": {"role": "planner"},
            "mopti": {"role": "field", "areas": ["ML05"]},
            "gao": {"role": "field", "areas": ["ML07"]},
        }
    )

    def access(*groups: str) -> tuple[str, tuple[str, ...]]:
        found = access_of({"groups": list(groups)}, settings)
        return found.role, found.areas

    assert access("mopti") == ("field", ("ML05",))
    assert access("mopti", "gao", "other") == ("field", ("ML05", "ML07"))
    assert access("mopti", "desk") == ("planner", ())
    assert access_of({"groups": "desk"}, settings).role == "planner"
    for claims in ({}, {"groups": []}, {"groups": ["other"]}):
        with pytest.raises(Exception, match="in one of the groups"):
            access_of(claims, settings)
