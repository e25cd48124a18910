"""Sending alerts to real servers: an SMTP server process, and HTTP servers that fail first."""

from __future__ import annotations

import base64
import email
import hashlib
import hmac
import json
import mailbox
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydantic import SecretStr
from sqlalchemy.orm import Session, sessionmaker

from features.errors import ConfigError
from features.vocabulary import Language
from pipelines.channels import web
from pipelines.channels.channel import NotSentError, Parcel
from pipelines.channels.email import Email
from pipelines.channels.sms import Sms
from pipelines.channels.webhook import Webhook, shown, signing_key
from pipelines.sending import carriers, send, sender
from pipelines.settings import Settings
from response.alerts import Draft, Step
from response.cap import Certainty, Severity, Urgency, Words
from response.rules import AreaKind, Channel
from response.vocabulary import Level
from store import alerts, bulletins, database, recipients, telling
from store.alerts import Actor

T0 = datetime(2018, 7, 20, 12, tzinfo=UTC)
SIGNER = Actor("a", "Coordination", "coordinator")
PARCEL = Parcel(
    "m1", "x@example.org", "r1", "fr", "Sujet é", "Texte é", "<alert/>", {"identifier": "i1"}
)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def post_office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A real SMTP server in a process of its own; its address and its mailbox."""
    box, port = tmp_path_factory.mktemp("mail") / "box", free_port()
    command = [sys.executable, "-m", "aiosmtpd", "-n", "-l", f"127.0.0.1:{port}"]
    server = subprocess.Popen([*command, "-c", "aiosmtpd.handlers.Mailbox", str(box)])
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"smtp+plain://127.0.0.1:{port}", box
    finally:
        server.terminate()
        server.wait(10)


def letters(box: Path) -> list[Any]:
    return [
        email.message_from_bytes(m.as_bytes(), policy=policy.default) for m in mailbox.Maildir(box)
    ]


@dataclass
class Receiver:
    """An HTTP server that answers as it is told and remembers what it got."""

    url: str
    answers: list[int] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    known = Receiver(f"http://127.0.0.1:{free_port()}/hook")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            known.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
            status = known.answers.pop(0) if known.answers else 200
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", known.url)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    host, port = known.url.split("/")[2].split(":")
    server = ThreadingHTTPServer((host, int(port)), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield known
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("migrated") / "vigie.db"
    engine = database.connect(f"sqlite:///{file}")
    database.migrate(engine)
    engine.dispose()
    return file


@pytest.fixture
def sessions(tmp_path: Path, migrated: Path) -> Iterator[sessionmaker[Session]]:
    engine = database.connect(f"sqlite:///{shutil.copy(migrated, tmp_path / 'vigie.db')}")
    yield database.sessions(engine)
    engine.dispose()


def _written(session: Session, synthetic: bool) -> str:
    units = pd.DataFrame(
        {
            "unit_id": ["XX0101"],
            "name": "Konna",
            "parent_id": "XX01",
            "parent_name": "Cercle",
            "region_id": "XX",
            "region_name": "Mopti",
            "iso3": "XXA",
            "lon": 0.5,
            "lat": 0.5,
            "area_km2": 1.0,
        }
    )
    day = pd.Timestamp("2018-07-29")
    election = {
        "election_id": "E",
        "iso3": "XXA",
        "election_type": "presidential",
        "round": 1,
        "note": None,
    }
    days = dict.fromkeys(("polling_date", "window_start", "window_end"), day)
    bulletins.write_elections(session, pd.DataFrame([election | days]), synthetic)
    return bulletins.write_registry(
        session,
        registry=units,
        polygons=pd.DataFrame({"unit_id": [], "geometry_wkb": []}),
        country="Testland",
        synthetic=synthetic,
        created_at=T0,
    )


def signed(
    sessions: sessionmaker[Session], to: dict[Channel, str], *, synthetic: bool = True
) -> str:
    """A signed alert with a recipient for each address; its id."""
    draft = Draft(
        election_id="E",
        rule="r",
        kind="cluster",
        level=Level.LOCAL,
        area_kind=AreaKind.UNIT,
        area_id="XX0101",
        area_name="Konna",
        unit_ids=("XX0101",),
        channels=tuple(Channel),
        urgency=Urgency.EXPECTED,
        severity=Severity.SEVERE,
        certainty=Certainty.POSSIBLE,
        strength=1.0,
        words={lang: Words("Konna : signes", "Trois signes é.", "Appelez.") for lang in Language},
        evidence={},
        drafted_at=T0,
        expires_at=T0 + timedelta(hours=48),
    )
    with sessions.begin() as session:
        registry_id = _written(session, synthetic)
        alerts.write_draft(session, draft, registry_id=registry_id, synthetic=synthetic)
        for channel, address in to.items():
            recipients.add(
                session,
                name=f"Préfet {channel}",
                level=Level.LOCAL,
                channel=channel,
                address=address,
                language=Language.FR,
                areas=[],
                now=T0,
                actor="a",
            )
        alerts.take(session, draft.alert_id, Step.SIGN, at=T0, by=SIGNER)
    return draft.alert_id


class Clock:
    """A moment that goes on when told."""

    def __init__(self) -> None:
        self.now = T0 + timedelta(minutes=1)

    def __call__(self) -> datetime:
        return self.now

    def on(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)


def settings(tmp_path: Path, **how: Any) -> Settings:
    return Settings(home=tmp_path, database_url="", **how)


def states(sessions: sessionmaker[Session]) -> dict[str, str]:
    with sessions() as session:
        return {row.channel: row.state for row in telling.told(session)}


def test_an_alert_goes_out_by_every_channel(
    sessions: sessionmaker[Session], tmp_path: Path, post_office: Any, receiver: Receiver
) -> None:
    url, box = post_office
    alert_id = signed(
        sessions,
        {
            Channel.EMAIL: "prefet@example.org",
            Channel.SMS: "+22370000000",
            Channel.WEBHOOK: receiver.url,
        },
    )
    how = settings(
        tmp_path,
        smtp_url=SecretStr(url),
        webhook_secret=SecretStr("s"),
        webhook_private=True,
        sms_url=receiver.url,
        sms_body=json.dumps(
            {"messages": [{"to": "{to}", "content": "Vigie: {text}"}], "ref": "{message_id}"}
        ),
        sms_token=SecretStr("gate"),
    )
    done = send(sessions, carriers(how), sender(how), Clock())
    assert (done.published, done.outcomes["sent"], done.faults) == ([alert_id], 3, [])
    assert set(states(sessions).values()) == {"sent"}
    again = send(sessions, carriers(how), sender(how), Clock())
    assert (again.published, again.outcomes) == ([], {})

    (letter,) = letters(box)
    assert letter["to"] == "prefet@example.org"
    assert letter["subject"] == "[Vigie] EXERCICE · Alerte (local) · Konna : signes"
    assert letter["auto-submitted"] == "auto-generated"
    body, attached = letter.iter_parts()
    assert "Trois signes é." in body.get_content()
    assert attached.get_content_type() == "application/cap+xml"
    assert b"<status>Exercise</status>" in attached.get_content()

    said = {("webhook-id" in headers): (headers, json.loads(raw)) for headers, raw in receiver.got}
    text = said[False][1]["messages"][0]
    assert text["to"] == "+22370000000"
    assert text["content"].startswith("Vigie: VIGIE EXERCICE Konna : signes. Trois signes é. Ref ")
    assert said[False][0]["authorization"] == "Bearer gate"
    hook = said[True][1]
    assert (hook["alert_id"], hook["status"], hook["message_type"]) == (
        alert_id,
        "Exercise",
        "Alert",
    )
    assert hook["cap"].startswith("<?xml")
    ids = {said[False][1]["ref"], hook["message_id"], letter["x-vigie-message-id"]}
    with sessions() as session:
        assert ids == {row.message_id for row in telling.told(session)}


def test_a_webhook_is_signed_for_its_receiver_alone(receiver: Receiver) -> None:
    hook = Webhook("secret", lambda: 1_532_088_000.9, private=True)
    hook.send(Parcel(**{**vars(PARCEL), "address": receiver.url}))
    ((headers, body),) = receiver.got
    key = base64.b64decode(shown(signing_key("secret", "r1")).removeprefix("whsec_"))
    wanted = hmac.new(key, b"m1.1532088000." + body, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(wanted).decode()}"
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("m1", "1532088000")
    assert signing_key("secret", "r2") != key
    assert headers["host"] == receiver.url.split("/")[2]


def test_a_receiver_that_fails_is_tried_again_with_the_same_id(
    sessions: sessionmaker[Session], tmp_path: Path, receiver: Receiver
) -> None:
    signed(sessions, {Channel.WEBHOOK: receiver.url})
    receiver.answers = [500, 429, 503]
    how = settings(tmp_path, webhook_secret=SecretStr("s"), webhook_private=True)
    clock, outcomes = Clock(), []
    for minutes in (0, 0.5, 0.5, 2, 4, 8):
        clock.on(minutes)
        done = send(sessions, carriers(how), sender(how), clock, spread=lambda: 1.0)
        outcomes.append(dict(done.outcomes))
    assert outcomes == [{"failed": 1}, {}, {"failed": 1}, {"failed": 1}, {"sent": 1}, {}]
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    assert len({headers["webhook-signature"] for headers, _ in receiver.got}) >= 1
    with sessions() as session:
        (row,) = telling.told(session)
    assert (row.state, row.tries) == ("sent", 4)


def test_a_crash_between_sending_and_writing_sends_twice_under_one_id(
    sessions: sessionmaker[Session], tmp_path: Path, receiver: Receiver
) -> None:
    signed(sessions, {Channel.WEBHOOK: receiver.url})
    how = settings(tmp_path, webhook_secret=SecretStr("s"), webhook_private=True)
    real = carriers(how)[Channel.WEBHOOK]

    class Dies:
        def send(self, parcel: Parcel) -> None:
            real.send(parcel)
            raise KeyboardInterrupt  # the process is killed here

    clock = Clock()
    with pytest.raises(KeyboardInterrupt):
        send(sessions, {Channel.WEBHOOK: Dies()}, sender(how), clock)
    assert send(sessions, carriers(how), sender(how), clock).outcomes == {}  # leased
    clock.on(5)
    assert send(sessions, carriers(how), sender(how), clock).outcomes == {"sent": 1}
    assert len(receiver.got) == 2
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 410])
def test_refusals_for_good_are_dead_letters_at_once(
    sessions: sessionmaker[Session], tmp_path: Path, receiver: Receiver, status: int
) -> None:
    signed(sessions, {Channel.WEBHOOK: receiver.url})
    receiver.answers = [status]
    how = settings(tmp_path, webhook_secret=SecretStr("s"), webhook_private=True)
    done = send(sessions, carriers(how), sender(how), Clock())
    assert done.outcomes == {"dead": 1}
    assert len(receiver.got) == 1  # no redirect was followed
    with sessions() as session:
        (row,) = telling.told(session)
    assert str(status) in row.detail
    assert receiver.url not in row.detail


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://example.org/x", "not https"),
        ("file:///etc/passwd", "not https"),
        ("https://127.0.0.1/x", "private network"),
        ("https://10.1.2.3/x", "private network"),
        ("https://169.254.169.254/latest", "private network"),
        ("https://[::1]/x", "private network"),
        ("https://localhost/x", "private network"),
    ],
)
def test_nothing_is_posted_inside_our_own_network(url: str, says: str) -> None:
    with pytest.raises(NotSentError, match=says) as caught:
        web.post(url, b"", {}, private=False)
    assert caught.value.permanent


def test_a_name_that_is_not_known_now_may_be_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror

    monkeypatch.setattr(web.socket, "getaddrinfo", unknown)
    with pytest.raises(NotSentError, match="not known") as caught:
        web.post("https://nowhere.example/x", b"", {}, private=False)
    assert not caught.value.permanent


def test_a_mail_server_that_is_away_is_tried_again() -> None:
    away = Email(f"smtp+plain://127.0.0.1:{free_port()}", "v@example.org", "Vigie")
    with pytest.raises(NotSentError, match="cannot be used") as caught:
        away.send(PARCEL)
    assert not caught.value.permanent


def test_a_server_without_tls_gets_no_letter_that_wants_it(post_office: Any) -> None:
    url = post_office[0].replace("smtp+plain", "smtp")
    before = len(letters(post_office[1]))
    with pytest.raises(NotSentError, match="cannot be used"):
        Email(url, "v@example.org", "Vigie").send(PARCEL)
    assert len(letters(post_office[1])) == before


def test_channels_that_are_not_set_up_hold_their_messages(
    sessions: sessionmaker[Session], tmp_path: Path
) -> None:
    signed(sessions, {Channel.EMAIL: "a@example.org", Channel.SMS: "+22370000000"})
    how = settings(tmp_path)
    done = send(sessions, carriers(how), sender(how), Clock())
    assert done.held == {"VIGIE_SMTP_URL": 1, "VIGIE_SMS_URL": 1}
    assert "1 wait for VIGIE_SMTP_URL" in done.says()
    assert set(states(sessions).values()) == {"waiting"}


def test_the_real_thing_needs_a_sender_of_ones_own(
    sessions: sessionmaker[Session], tmp_path: Path
) -> None:
    alert_id = signed(sessions, {}, synthetic=False)
    how = settings(tmp_path)
    done = send(sessions, {}, sender(how), Clock())
    assert done.published == []
    assert "VIGIE_ALERT_SENDER" in done.faults[0]
    drill = settings(tmp_path, alert_exercise=True)
    assert send(sessions, {}, sender(drill), Clock()).published == [alert_id]


def test_one_error_that_was_not_foreseen_keeps_no_other_message_back(
    sessions: sessionmaker[Session], tmp_path: Path, receiver: Receiver
) -> None:
    signed(sessions, {Channel.WEBHOOK: receiver.url, Channel.SMS: "+22370000000"})

    class Broken:
        def send(self, _parcel: Parcel) -> None:
            raise ZeroDivisionError

    how = settings(tmp_path, webhook_secret=SecretStr("s"), webhook_private=True)
    by = {**carriers(how), Channel.SMS: Broken()}
    done = send(sessions, by, sender(how), Clock())
    assert done.outcomes == {"failed": 1, "sent": 1}


def test_settings_that_cannot_be_used_are_said_so() -> None:
    for wrong in ("http://x", "smtp://", "x"):
        with pytest.raises(ConfigError, match="VIGIE_SMTP_URL"):
            Email(wrong, "v@example.org", "Vigie")
    for body in ("{to}", '{"to": "{to}"}'):
        with pytest.raises(ConfigError, match="VIGIE_SMS_BODY"):
            Sms("https://x", body, "", private=False)


def test_what_stands_in_a_message_is_not_filled_in_again(receiver: Receiver) -> None:
    odd = Parcel(**{**vars(PARCEL), "text": "{to} {message_id}", "address": "+22370000000"})
    Sms(receiver.url, '{"a": "{text}|{to}", "n": [1]}', "", private=True).send(odd)
    assert json.loads(receiver.got[0][1]) == {"a": "{to} {message_id}|+22370000000", "n": [1]}
