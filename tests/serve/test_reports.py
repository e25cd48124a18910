"""Field reports over HTTP: each way in, who sees what, and what never comes out."""

from __future__ import annotations

import base64
import hmac
import io
import json
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode
from xml.etree import ElementTree

import pytest
from defusedxml.ElementTree import fromstring
from fastapi.testclient import TestClient
from PIL import Image
from sqlalchemy import text

from serve.app import create_app
from serve.sms_gateways import SmsGateway
from store import database, tokens
from store.report_schema import ReportInbox
from store.schema import Base

NUMBER = "+22376123456"
NOW = datetime.now(UTC).replace(microsecond=0)


def report(client_id: str, **how: Any) -> dict[str, Any]:
    return {
        "client_id": client_id,
        "unit": "XX0101",
        "kind": "warning_sign",
        "sign": "armed_presence",
        "severity": 3,
        "seen_at": (NOW - timedelta(hours=2)).isoformat(),
        "sent_at": (NOW - timedelta(hours=1)).isoformat(),
        **how,
    }


@pytest.fixture(scope="module")
def secrets(seeded: Any) -> dict[str, str]:
    engine = database.connect(seeded.settings.database)
    with database.sessions(engine).begin() as session:
        found = {
            role: tokens.create(session, label=role, now=NOW, role=role, areas=areas)[1]
            for role, areas in (("field", ["X0"]), ("planner", []), ("monitor", []))
        }
        found["other"] = tokens.create(session, label="other", now=NOW, role="field", areas=["X1"])[
            1
        ]
        found["desk"] = tokens.create(session, label="desk", now=NOW, areas=["X1"])[1]
    engine.dispose()
    return found


def _client(seeded: Any, **update: Any) -> TestClient:
    settings = seeded.settings.model_copy(update=update)
    return TestClient(create_app(settings), raise_server_exceptions=False)


@pytest.fixture(scope="module")
def api(seeded: Any) -> Iterator[TestClient]:
    with _client(seeded) as opened:
        yield opened


@pytest.fixture
def as_(secrets: dict[str, str]) -> Any:
    return lambda who: {"Authorization": f"Bearer {secrets[who]}"}


def send(api: TestClient, headers: dict[str, str], *reports: dict[str, Any]) -> list[Any]:
    response = api.post("/v1/reports", json={"reports": list(reports)}, headers=headers)
    assert response.status_code == 200, response.text
    found: list[Any] = response.json()["results"]
    return found


def test_a_batch_lands_edits_and_waits(api: TestClient, as_: Any) -> None:
    edited = report("b1", severity=5, edited_at=NOW.isoformat())
    wrong = report("b2", unit="Atlantis", note=f"call {NUMBER}")
    results = send(api, as_("field"), report("b1"), report("b1"), edited, wrong)
    assert [r["state"] for r in results] == ["landed", "duplicate", "edited", "queued"]
    assert results[3]["reasons"][0]["field"] == "unit"
    detail = api.get(f"/v1/reports/{results[0]['report_id']}", headers=as_("planner")).json()
    assert [v["severity"] for v in detail["versions"]] == [3, 5]
    assert [v["change"] for v in detail["versions"]] == ["landed", "edited"]
    assert len(detail["submissions"]) == 2
    assert detail["synthetic"] is True
    french = api.get(
        f"/v1/reports/{results[0]['report_id']}?lang=fr", headers=as_("planner")
    ).json()
    assert french["report"]["says"] == "présence armée"
    taken_back = send(
        api, as_("field"), report("b1", withdraw=True, edited_at=(NOW + timedelta(1)).isoformat())
    )
    assert taken_back[0]["state"] == "withdrawn"


def test_a_long_batch_lands_whole(api: TestClient, as_: Any) -> None:
    results = send(api, as_("planner"), *(report(f"long{k}", unit="XX0404") for k in range(120)))
    assert {one["state"] for one in results} == {"landed"}
    assert [one["client_id"] for one in results] == [f"long{k}" for k in range(120)]
    listed = api.get("/v1/reports?unit_id=XX0404&limit=500", headers=as_("planner")).json()
    assert len(listed["reports"]) == 120


def test_a_token_reports_and_reads_its_areas(api: TestClient, as_: Any) -> None:
    here, there = report("a1"), report("a2", unit="XX0305")
    landed, outside = send(api, as_("field"), here, there)
    assert (landed["state"], outside["state"]) == ("landed", "queued")
    assert outside["reasons"][0]["says"].endswith("outside the areas of the sender")
    (elsewhere,) = send(api, as_("planner"), report("a3", unit="XX0305"))
    for who, seen in (("field", {"XX0101"}), ("other", {"XX0305"})):
        listed = api.get("/v1/reports?limit=500", headers=as_(who)).json()["reports"]
        units = {r["unit_id"] for r in listed}
        assert seen <= units
        assert all((u < "XX03") is (who == "field") for u in units)
    path = f"/v1/reports/{elsewhere['report_id']}"
    assert api.get(path, headers=as_("field")).status_code == 403
    assert api.get(path, headers=as_("other")).status_code == 200


def test_pages_and_filters(api: TestClient, as_: Any) -> None:
    signs = ("threats", "threats", "clash")
    send(api, as_("planner"), *(report(f"p{k}", sign=s) for k, s in enumerate(signs)))
    query = "/v1/reports?sign=threats&parent=XX01&limit=1"
    first = api.get(query, headers=as_("planner")).json()
    second = api.get(first["next"], headers=as_("planner")).json()
    ids = [first["reports"][0]["report_id"], second["reports"][0]["report_id"]]
    assert len(set(ids)) == 2
    assert second["next"] is None
    assert api.get("/v1/reports?cursor=x", headers=as_("planner")).status_code == 422


def test_a_report_is_verified_by_who_may_and_as_it_stands(api: TestClient, as_: Any) -> None:
    (landed,) = send(api, as_("field"), report("v1"))
    path = f"/v1/reports/{landed['report_id']}/verification"
    wanted = {"verification": "confirmed", "version": 1}
    assert api.post(path, json=wanted, headers=as_("field")).status_code == 403
    assert api.post(path, json=wanted, headers=as_("desk")).status_code == 403
    made = api.post(path, json=wanted, headers=as_("planner")).json()
    assert (made["report"]["verification"], made["report"]["version"]) == ("confirmed", 2)
    late = api.post(path, json={**wanted, "verification": "refuted"}, headers=as_("planner"))
    assert late.status_code == 409
    refuted = {"verification": "refuted", "version": 2}
    assert api.post(path, json=refuted, headers=as_("planner")).status_code == 422
    given = api.post(path, json={**refuted, "reason": "seen: calm"}, headers=as_("planner"))
    assert [v["verification"] for v in given.json()["versions"]][1:] == ["confirmed", "refuted"]


def test_independent_reports_suggest_and_a_person_decides(api: TestClient, as_: Any) -> None:
    far = {"unit": "XX0207", "sign": "fraud_rumour"}
    found = send(
        api,
        as_("planner"),
        report("c1", reporter="Awa", **far),
        report("c2", reporter="Issa", **far),
        report("c3", reporter="Awa", **far),
    )
    ids = [one["report_id"] for one in found]
    listed = api.get("/v1/reports?unit_id=XX0207", headers=as_("planner")).json()["reports"]
    borne = {r["report_id"]: r["borne_out_by"] for r in listed}
    assert borne == {ids[0]: [ids[1]], ids[1]: sorted([ids[0], ids[2]]), ids[2]: [ids[1]]}
    assert {r["verification"] for r in listed} == {"unverified"}


def test_a_person_works_the_queue(api: TestClient, as_: Any) -> None:
    before = api.get("/v1/reports/counts", headers=as_("planner")).json()["waiting"]
    sent = [report(f"q{k}", sign="??", mediator="Awa") for k in range(2)]
    first, second = (one["inbox_id"] for one in send(api, as_("field"), *sent))
    items: list[Any] = []
    page: str | None = "/v1/reports/queue?limit=200"
    while page:  # other tests leave much behind
        answer = api.get(page, headers=as_("planner")).json()
        items, page = items + answer["items"], answer["next"]
    (mine,) = (item for item in items if item["inbox_id"] == first)
    assert mine["sent"]["unit"] == "XX0101"
    assert mine["sent"]["mediator"] == "[withheld]"
    assert (mine["read"]["kind"], "sign" in mine["read"]) == ("warning_sign", False)
    assert api.get("/v1/reports/queue", headers=as_("field")).status_code == 403
    path = f"/v1/reports/queue/{first}/resolve"
    assert api.post(path, json={"fields": {}}, headers=as_("planner")).status_code == 422
    assert api.post(path, json={"fields": report("x")}, headers=as_("desk")).status_code == 403
    made = api.post(path, json={"fields": report("x")}, headers=as_("planner"))
    assert made.json()["state"] == "landed"
    assert api.post(path, json={"fields": report("x")}, headers=as_("planner")).status_code == 409
    gone = f"/v1/reports/queue/{second}/dismiss"
    assert api.post(gone, json={}, headers=as_("planner")).status_code == 422
    assert api.post(gone, json={"reason": "a test"}, headers=as_("planner")).status_code == 204
    after = api.get("/v1/reports/counts", headers=as_("planner")).json()
    assert after["waiting"] == before
    assert after["intakes"]["api"]["resolved"] >= 1
    measured = api.get("/metrics", headers=as_("monitor")).text
    assert f"\nvigie_reports_waiting {float(before)}\n" in measured


def test_only_its_sender_or_a_verifier_takes_a_report_back(api: TestClient, as_: Any) -> None:
    (mine,) = send(api, as_("field"), report("w1"))
    (theirs,) = send(api, as_("planner"), report("w2"))
    for one, who, status in (
        (theirs, "field", 403),
        (mine, "field", 200),
        (theirs, "planner", 200),
    ):
        path = f"/v1/reports/{one['report_id']}/withdraw"
        response = api.post(path, json={"reason": "mistaken"}, headers=as_(who))
        assert response.status_code == status
    listed = api.get("/v1/reports?limit=500", headers=as_("planner")).json()["reports"]
    assert not {mine["report_id"], theirs["report_id"]} & {r["report_id"] for r in listed}


def test_csv_says_what_became_of_each_row(api: TestClient, as_: Any) -> None:
    day = (NOW - timedelta(days=1)).strftime("%d/%m/%Y")
    paper = f"Commune;Type;Signe;Gravité;Date;Fiche\nXX0101;signe d'alerte;menaces;2;{day};7\n"
    paper += f"XX0102;rien vu;;;{day};8\nXX0103;guerre;;;{day};9\n"
    headers = as_("field") | {"Content-Type": "text/csv"}
    body = api.post("/v1/reports/csv", content=paper.encode("cp1252"), headers=headers).json()
    assert [(r["line"], r["state"]) for r in body["results"]] == [
        (2, "landed"),
        (3, "landed"),
        (4, "queued"),
    ]
    again = api.post("/v1/reports/csv", content=paper.encode(), headers=headers).json()
    assert again["counts"] == {"duplicate": 3}
    for content, says in (
        (b"a,b\n", "headings (unit, kind, seen_at) is missing"),
        (b"\x89PNG\x00\x81", "file cannot be read"),
        (b"", "headings (unit, kind, seen_at) is missing"),
    ):
        for state in ("queued", "duplicate"):
            kept = api.post("/v1/reports/csv", content=content, headers=headers)
            (result,) = kept.json()["results"]
            assert (kept.status_code, result["state"]) == (202, state)
            assert result["reasons"][0]["says"] == says


# SMS


def sms(api: TestClient, headers: dict[str, str], words: str, id_: str = "") -> dict[str, Any]:
    sent = {"from": NUMBER, "text": words, "id": id_}
    response = api.post("/v1/sms/generic", json=sent, headers=headers)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_an_sms_is_answered_and_can_be_taken_back(api: TestClient, as_: Any) -> None:
    landed = sms(api, as_("planner"), "VIG CER01 ARMES 3 marche", "s1")
    assert landed["state"] == "landed"
    assert landed["reply"].startswith("Bien recu: Commune 01 é (Cercle 0), présence armée")
    assert sms(api, as_("planner"), "VIG CER01 ARMES 3 marche", "s1")["state"] == "duplicate"
    assert sms(api, as_("planner"), "VIG CER01 ARMES 3 marche", "s2")["state"] == "landed"
    wrong = sms(api, as_("planner"), "VIG CER01 ARMES", "s3")
    assert (wrong["state"], "gravité manque" in wrong["reply"]) == ("queued", True)
    back = sms(api, as_("planner"), landed["reply"].partition("? ")[2])
    assert back["report_id"] == landed["report_id"]
    kept = api.get(f"/v1/reports/{landed['report_id']}", headers=as_("planner")).json()
    assert kept["report"]["withdrawn"] is True
    assert "Aucun" in sms(api, as_("planner"), "VIG ANNULE FFFFF")["reply"]
    assert sms(api, as_("planner"), "VIG AIDE")["reply"].startswith("Ex: VIG")


def test_a_gateway_comes_by_key_or_by_signature(seeded: Any, secrets: dict[str, str]) -> None:
    gateways = {
        "generic": SmsGateway(
            text="m", sender="n", signature="hmac", secret="shared", areas=("X1",)
        ),
        "twilio": SmsGateway(
            text="Body",
            sender="From",
            message_id="MessageSid",
            answer="twiml",
            signature="twilio",
            secret="auth",
        ),
    }
    with _client(seeded, sms_gateways=gateways, public_url="https://vigie.test") as api:
        fields = {"From": NUMBER, "Body": "VIG CER02 RIEN", "MessageSid": "SM1"}
        said = "https://vigie.test/v1/sms/twilio" + "".join(k + fields[k] for k in sorted(fields))
        signed = base64.b64encode(hmac.digest(b"auth", said.encode(), "sha1")).decode()
        headers = {
            "X-Twilio-Signature": signed,
            "Content-Type": "application/x-www-form-urlencoded",
        }
        good = api.post("/v1/sms/twilio", content=urlencode(fields), headers=headers)
        assert good.headers["content-type"].startswith("application/xml")
        message = fromstring(good.text).findtext("Message")
        assert message is not None
        assert message.startswith("Bien recu: Commune 02 é")
        bad = api.post(
            "/v1/sms/twilio", content=urlencode({**fields, "Body": "VIG"}), headers=headers
        )
        assert bad.status_code == 401
        content = json.dumps({"n": NUMBER, "m": "VIG CER03 RIEN"}).encode()
        proof = f"sha256={hmac.digest(b'shared', content, 'sha256').hex()}"
        headers = {"X-Vigie-Signature": proof, "Content-Type": "application/json"}
        outside = api.post("/v1/sms/generic", content=content, headers=headers)
        assert outside.json()["state"] == "queued"  # its areas are elsewhere
        by_key = api.post(
            f"/v1/sms/africastalking?key={secrets['planner']}",
            content=urlencode({"from": NUMBER, "text": "VIG CER03 RIEN", "id": "at1"}),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        assert by_key.json()["state"] == "landed"
        assert api.post("/v1/sms/africastalking?key=vigie_x", content="").status_code == 401
        unknown = api.post(f"/v1/sms/nowhere?key={secrets['planner']}", content="")
        assert unknown.status_code == 404


def test_a_reply_is_sent_where_a_gateway_takes_none_as_an_answer(
    seeded: Any, secrets: dict[str, str]
) -> None:
    got: list[tuple[str | None, dict[str, list[str]]]] = []

    class Gateway(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            got.append((self.headers["apiKey"], parse_qs(self.rfile.read(length).decode())))
            self.send_response(201)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Gateway)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        declared = SmsGateway(
            text="text",
            sender="from",
            reply_url=f"http://127.0.0.1:{server.server_port}/send",
            reply_headers={"apiKey": "k"},
            reply_fields={"to": "{to}", "message": "{text}", "username": "u"},
        )
        with _client(seeded, sms_gateways={"africastalking": declared}) as api:
            sent = {"from": NUMBER, "text": "VIG AIDE"}
            api.post(f"/v1/sms/africastalking?key={secrets['planner']}", json=sent)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert got[0][0] == "k"
    assert got[0][1]["to"] == [NUMBER]
    assert got[0][1]["message"][0].startswith("Ex: VIG")


def test_a_message_that_is_none_is_kept(api: TestClient, as_: Any) -> None:
    for content, kind, kept in (
        (b"\xff\x00<xml/>", "application/json", {"body": "ÿ·<xml/>", "base64": "/wA8eG1sLz4="}),
        (b"a=b&from=%2B22376123456", "text/plain", {"a": "b", "from": "[withheld]"}),
        (b"[1]", "application/json", {"body": "[1]"}),
        (b"&".join(b"from%d=1" % k for k in range(101)), "application/x-www-form-urlencoded", None),
        (b"", "application/json", {"body": ""}),
    ):
        headers = as_("planner") | {"Content-Type": kind}
        for state in ("queued", "duplicate"):
            answer = api.post("/v1/sms/generic", content=content, headers=headers).json()
            assert answer["state"] == state
            assert answer["reply"].startswith("Gardé, mais pas compris: le message manque")
        assert kept in (None, _queue(api, as_)[-1]["sent"])


# Phones


@pytest.fixture(scope="module")
def phone(secrets: dict[str, str]) -> dict[str, str]:
    """A phone knows a name and a password."""
    password = base64.b64encode(f"phone:{secrets['field']}".encode()).decode()
    return {"Authorization": f"Basic {password}", "X-OpenRosa-Version": "1.0"}


def _filled(form: str, **answers: str) -> bytes:
    root = fromstring(form)
    tags = {"x": "http://www.w3.org/2002/xforms"}
    instance = root.find(".//x:instance/x:data", tags)
    assert instance is not None
    for name, answer in answers.items():
        element = instance.find(f".//x:{name}", tags)
        if element is None:
            element = next(e for e in instance.iter() if e.tag.endswith(name))
        element.text = answer
    return ElementTree.tostring(instance)


def _photo() -> bytes:
    """A picture that tells where and with what it was taken."""
    exif = Image.Exif()
    exif[0x010F] = "Tecno of Moussa"
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2] = "N", (14.0, 29.0, 50.0)
    written = io.BytesIO()
    Image.new("RGB", (2000, 1000), "red").save(written, "JPEG", exif=exif, comment=b"Moussa")
    assert b"Moussa" in written.getvalue()
    return written.getvalue()


def test_a_phone_fetches_the_form_and_sends_it_with_a_photo(
    api: TestClient, as_: Any, phone: dict[str, str], seeded: Any
) -> None:
    asked = api.get("/openrosa/formList")
    assert asked.status_code == 401
    assert asked.headers["www-authenticate"] == 'Basic realm="vigie"'
    listed = fromstring(api.get("/openrosa/formList", headers=phone).text)
    tags = {"l": "http://openrosa.org/xforms/xformsList"}
    assert listed.findtext("l:xform/l:formID", None, tags) == "vigie_report_xxa"
    url = listed.findtext("l:xform/l:downloadUrl", None, tags)
    assert url is not None
    form = api.get(url, headers=phone).text
    assert "XX0101" in form
    assert "XX0305" not in form  # outside the areas of the token
    head = api.head("/openrosa/submission", headers=phone)
    assert (head.status_code, head.headers["x-openrosa-version"]) == (204, "1.0")
    assert int(head.headers["x-openrosa-accept-content-length"]) > 1_000_000
    seen = (NOW - timedelta(hours=3)).isoformat()
    answers = {"unit": "XX0107", "kind": "incident", "sign": "clash", "severity": "4"}
    meta = {"seen_at": seen, "photo": "p.jpg", "instanceID": "uuid:phone-1"}
    document = _filled(form, **answers, **meta)
    files = {
        "xml_submission_file": ("f.xml", document, "text/xml"),
        "p.jpg": ("p.jpg", _photo(), "image/jpeg"),
    }
    for _ in range(2):
        sent = api.post("/openrosa/submission", files=files, headers=phone)
        assert sent.status_code == 201
        assert "Bien reçu" in sent.text
    (found,) = api.get("/v1/reports?unit_id=XX0107", headers=as_("planner")).json()["reports"]
    assert (found["kind"], found["severity"], len(found["photos"])) == ("incident", 4, 1)
    path = f"/v1/reports/{found['report_id']}/photos/{found['photos'][0]}"
    picture = api.get(path, headers=as_("planner")).content
    assert b"Moussa" not in picture
    with Image.open(io.BytesIO(picture)) as opened:
        assert (opened.size, len(opened.getexif()), "comment" in opened.info) == (
            (1600, 800),
            0,
            False,
        )
    assert api.get(path, headers=as_("field")).status_code == 403
    (shown,) = api.get("/v1/reports?unit_id=XX0107", headers=as_("field")).json()["reports"]
    assert shown["photos"] == []
    (file,) = (Path(seeded.settings.home) / "photos").glob(f"{found['photos'][0]}.jpg")
    assert file.stat().st_mode & 0o077 == 0
    assert api.delete(path, headers=as_("planner")).status_code == 204
    assert not file.exists()
    assert api.get(path, headers=as_("planner")).status_code == 404


BOMB = (
    b'<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    b"<data><unit>&b;</unit></data>"
)


@pytest.mark.parametrize("document", [BOMB, b"no xml", b"<data/>"])
def test_what_a_phone_sends_is_kept_whatever_it_is(
    api: TestClient, as_: Any, phone: dict[str, str], document: bytes
) -> None:
    files = {"xml_submission_file": ("f.xml", document, "text/xml")}
    sent = api.post("/openrosa/submission", files=files, headers=phone)
    assert sent.status_code in (202, 201)
    assert "quelqu'un le lira" in sent.text
    items = api.get("/v1/reports/queue?limit=200", headers=as_("planner")).json()["items"]
    assert any(item["intake"] == "openrosa" for item in items)


def test_bombs_of_phones_are_kept_unexpanded_and_each_waits_once(
    api: TestClient, as_: Any, phone: dict[str, str]
) -> None:
    before = len(_queue(api, as_))
    for document in (BOMB + b" ", BOMB + b"  ", BOMB + b" "):
        files = {
            "xml_submission_file": ("f.xml", document, "text/xml"),
            "p.jpg": ("p.jpg", _photo(), "image/jpeg"),
        }
        assert api.post("/openrosa/submission", files=files, headers=phone).status_code == 202
    new = _queue(api, as_)[before:]
    assert [item["sent"] for item in new] == [
        {"body": (BOMB + b" ").decode()},
        {"body": (BOMB + b"  ").decode()},
    ]
    fields = {"fields": report("x", unit="XX0205", seen_at=NOW.isoformat())}
    path = f"/v1/reports/queue/{new[0]['inbox_id']}/resolve"
    assert api.post(path, json=fields, headers=as_("planner")).status_code == 200
    (made,) = api.get("/v1/reports?unit_id=XX0205", headers=as_("planner")).json()["reports"]
    assert len(made["photos"]) == 1  # what came with it is not lost


def test_a_form_that_cannot_be_taken_apart_is_kept(
    api: TestClient, as_: Any, phone: dict[str, str]
) -> None:
    before = len(_queue(api, as_))
    for kind in ("multipart/form-data; boundary=b", "multipart/form-data", "text/plain"):
        headers = phone | {"Content-Type": kind}
        content = f"<data>{kind}</data>".encode()
        sent = api.post("/openrosa/submission", content=content, headers=headers)
        assert sent.status_code == 202
        assert _queue(api, as_)[-1]["sent"] == {"body": content.decode()}
        large = api.post("/openrosa/submission", content=b"x" * 1_000_001, headers=headers)
        assert large.status_code == 413  # the phone keeps it
        assert large.headers["content-type"] == "application/problem+json"
    assert len(_queue(api, as_)) == before + 3


def test_a_phone_may_send_the_form_alone(api: TestClient, phone: dict[str, str]) -> None:
    document = f"""<data><unit>XX0101</unit><kind>nothing_seen</kind><seen_at>{NOW.isoformat()}
        </seen_at><meta><instanceID>uuid:alone</instanceID></meta></data>"""
    headers = phone | {"Content-Type": "text/xml; charset=utf-8"}
    sent = api.post("/openrosa/submission", content=document, headers=headers)
    assert sent.status_code == 201


def test_what_is_no_picture_is_refused(api: TestClient, as_: Any) -> None:
    (landed,) = send(api, as_("field"), report("ph1"))
    path = f"/v1/reports/{landed['report_id']}/photos"
    for content in (b"", b"GIF89a", b"\xff\xd8\xff" + b"x" * 100, b"<svg/>"):
        assert api.post(path, content=content, headers=as_("field")).status_code == 422


# Servers of forms


def test_a_form_of_a_server_lands_once_and_its_edit_too(
    api: TestClient, as_: Any, secrets: dict[str, str]
) -> None:
    answers = {k: str(v) for k, v in report("").items() if k not in ("client_id", "sent_at")}
    first = {
        "_id": 5,
        "_xform_id_string": "aX",
        "meta/instanceID": "uuid:k1",
        "_submitted_by": "moussa",
        "end": NOW.isoformat(),
        **answers,
    }
    edit = {**first, "meta/instanceID": "uuid:k2", "meta/deprecatedID": "uuid:k1", "severity": "5"}
    states = []
    for payload in (edit, first, edit):
        landed = api.post("/v1/reports/kobo", json=payload, headers=as_("field")).json()
        states.append(landed["state"])
    assert states == ["landed", "superseded", "duplicate"]
    xml = "<data id='f'><unit>XX0101</unit><kind>nothing_seen</kind>"
    xml += f"<seen_at>{NOW.isoformat()}</seen_at>"
    xml += "<meta><instanceID>uuid:o1</instanceID></meta></data>"
    event = {"type": "submission.create", "id": "uuid:o1", "data": {"xml": xml}}
    by_key = {"X-API-Key": secrets["field"]}
    assert api.post("/v1/reports/odk", json=event, headers=by_key).json()["state"] == "landed"
    assert api.post("/v1/reports/odk", json=event).status_code == 401


def _queue(api: TestClient, as_: Any) -> list[Any]:
    items: list[Any] = []
    following: str | None = "/v1/reports/queue?limit=200"
    while following is not None:
        page = api.get(following, headers=as_("planner")).json()
        items, following = items + page["items"], page["next"]
    return items


UNREAD = {
    b'{"unit": "XX0101", "_submitted_by": "moussa"': "(JSON, 1:45) cannot be read",
    b'[{"unit": "XX0101"}]': "(list) is no filled form",
    b'{"unit": "\xff\xfe"}': "(JSON) cannot be read",
    b"": "is missing",
    b"null": "(NoneType) is no filled form",
    b'{"a":' * 900 + b"1" + b"}" * 900: "(JSON > 50) cannot be read",
    b"<data/>": "(JSON, 1:1) cannot be read",
}


@pytest.mark.parametrize("server", ["kobo", "odk"])
def test_a_body_that_is_no_object_is_kept_for_a_person(
    api: TestClient, as_: Any, server: str
) -> None:
    before = api.get("/v1/reports/counts", headers=as_("planner")).json()
    for content, says in UNREAD.items():
        for state in ("queued", "duplicate"):
            sent = api.post(f"/v1/reports/{server}", content=content, headers=as_("field"))
            assert (sent.status_code, sent.json()["state"]) == (202, state)
            assert sent.json()["reasons"][0]["says"] == f"what was sent {says}"
    after = api.get("/v1/reports/counts", headers=as_("planner")).json()
    assert after["waiting"] == before["waiting"] + len(UNREAD)
    mine = _queue(api, as_)[-len(UNREAD) :]
    assert {item["intake"] for item in mine} == {server}
    assert mine[0]["sent"] == {"body": '{"unit": "XX0101", "_submitted_by": "[withheld]"'}
    assert mine[2]["sent"] == {"body": '{"unit": "ÿþ"}'}
    path = f"/v1/reports/queue/{mine[0]['inbox_id']}"
    fields = {"fields": report("x")}
    assert api.post(f"{path}/resolve", json=fields, headers=as_("planner")).status_code == 200
    gone = f"/v1/reports/queue/{mine[1]['inbox_id']}/dismiss"
    assert api.post(gone, json={"reason": "a list"}, headers=as_("planner")).status_code == 204
    settled = [item["inbox_id"] for item in mine[:2]]
    again = api.post(f"/v1/reports/{server}", content=next(iter(UNREAD)), headers=as_("field"))
    assert again.json()["state"] == "duplicate"  # it was read and does not wait once more
    assert not set(settled) & {item["inbox_id"] for item in _queue(api, as_)}
    assert api.post(f"/v1/reports/{server}", content=b"[").status_code == 401
    large = api.post(f"/v1/reports/{server}", content=b"[" * 1_000_001, headers=as_("field"))
    assert large.status_code == 413


def test_a_long_body_is_shown_whole_to_who_asks(api: TestClient, as_: Any) -> None:
    content = b"\x00\x01" + b"x" * 900_000
    sent = api.post("/v1/reports/kobo", content=content, headers=as_("field")).json()
    item = _queue(api, as_)[-1]
    assert (item["inbox_id"], item["shortened"]) == (sent["inbox_id"], True)
    assert len(item["sent"]["body"]) < 3_000
    path = f"/v1/reports/queue/{item['inbox_id']}"
    whole = api.get(path, headers=as_("planner")).json()
    assert (base64.b64decode(whole["sent"]["base64"]), whole["shortened"]) == (content, False)
    assert api.get(path, headers=as_("field")).status_code == 403
    assert api.get(path, headers=as_("desk")).status_code == 403  # of another area
    assert api.get("/v1/reports/queue/999999", headers=as_("planner")).status_code == 404


def test_a_deep_or_endless_value_of_a_program_breaks_nothing(api: TestClient, as_: Any) -> None:
    for value in ('{"a":' * 500 + "1" + "}" * 500, "[" * 990 + "]" * 990, "Infinity", "9" * 5000):
        content = f'{{"reports": [{{"unit": {value}}}]}}'
        headers = as_("field") | {"Content-Type": "application/json"}
        answer = api.post("/v1/reports", content=content, headers=headers)
        assert answer.status_code in (200, 400, 422), answer.text


# What never comes out


def test_no_number_account_or_name_is_in_any_table_or_answer(
    api: TestClient, as_: Any, seeded: Any
) -> None:
    send(api, as_("field"), report("n1", reporter="Moussa", unit="?", note=f"tel {NUMBER}"))
    sms(api, as_("planner"), f"appelez le {NUMBER[1:]} ou 76 12 34 56", "n2")
    payload = {"_id": 9, "_submitted_by": "moussa", "_geolocation": [14.49, -4.19]}
    api.post("/v1/reports/kobo", json=payload, headers=as_("planner"))
    engine = database.connect(seeded.settings.database)
    dump = ""
    with engine.connect() as connection:
        for table in Base.metadata.tables:
            dump += str(connection.execute(text(f"SELECT * FROM {table}")).all())
    engine.dispose()
    assert ReportInbox.__tablename__ in Base.metadata.tables
    answers = "".join(
        api.get(path, headers=as_("planner")).text
        for path in ("/v1/reports?limit=500", "/v1/reports/queue?limit=200", "/openapi.json")
    )
    pieces = '"76", "12", "34", "56"'
    for secret in ("76123456", "76 12 34 56", pieces, pieces.replace('"', "'"), "oussa"):
        assert secret not in dump, secret
        assert secret not in answers, secret
    position = re.compile(r"(?<!\d\d:)14\.49")  # not 14.49 seconds past a minute
    assert position.search(json.dumps(payload, separators=(",", ":")))
    assert not position.search("2018-07-29T08:30:14.493122Z")
    assert not position.search(dump)
    assert not position.search(answers)
    key = (seeded.settings.home / "reporters.key").read_bytes()
    assert key.decode() not in dump


def test_changes_are_audited(api: TestClient, as_: Any, seeded: Any) -> None:
    (landed,) = send(api, as_("field"), report("au1"))
    engine = database.connect(seeded.settings.database)
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT action, request_id FROM audit WHERE subject = :id"),
            {"id": landed["report_id"]},
        ).all()
    engine.dispose()
    assert rows[0].action == "report.landed"
    assert rows[0].request_id


def test_an_account_stays_out_of_the_history(seeded: Any, api: TestClient, as_: Any) -> None:
    engine = database.connect(seeded.settings.database)
    with database.sessions(engine).begin() as session:
        _, cookie = tokens.open_session(
            session, now=NOW, lasts=timedelta(hours=1), label="account awa@example.org"
        )
    engine.dispose()
    with _client(seeded) as browser:
        browser.cookies.set("vigie_session", cookie)
        proof = {"X-CSRF-Token": browser.get("/v1/session").json()["csrf"]}
        first, again = (send(browser, proof, report("acc"))[0] for _ in range(2))
        assert (first["state"], again["state"]) == ("landed", "duplicate")
    detail = api.get(f"/v1/reports/{first['report_id']}", headers=as_("planner"))
    assert "example.org" not in detail.text
    assert detail.json()["versions"][0]["actor"].startswith("account ")
