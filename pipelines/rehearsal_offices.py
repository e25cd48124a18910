"""The offices that a rehearsal tells of alerts: a real HTTP server that fails before it works."""

from __future__ import annotations

import hmac
import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any

from pydantic import SecretStr
from sqlalchemy.orm import Session

from features.vocabulary import Language
from pipelines.channels.webhook import signature, signing_key
from response.rules import Channel
from response.vocabulary import Level
from store import recipients

_SECRET = "rehearsal"  # noqa: S105  signs nothing outside of a rehearsal
_GATEWAY = "/sms"
FIRST_ANSWER: Mapping[str, int] = MappingProxyType({"/works": 200, "/busy": 503, "/moved": 410})
"""What a webhook answers when it first meets a message; from then on it takes it."""

_WEBHOOKS = {
    Level.LOCAL: ("/busy",),
    Level.NATIONAL: ("/works", "/moved"),
    Level.REGIONAL: ("/works",),
}


class Fate(StrEnum):
    """What people make of a draft."""

    HANDLED = "handled"
    UNANSWERED = "unanswered"
    REJECTED = "rejected"
    FORGOTTEN = "forgotten"
    CALLED_OFF = "called off"
    STOPPED = "stopped"


FATES = (
    *(Fate.HANDLED, Fate.REJECTED, Fate.FORGOTTEN, Fate.UNANSWERED, Fate.CALLED_OFF),
    *(Fate.STOPPED, Fate.HANDLED, Fate.UNANSWERED, Fate.HANDLED, Fate.HANDLED),
)
"""In turn, so that a small rehearsal reaches every state, too."""


@dataclass
class Offices:
    """What the offices' server got.

    Attributes:
        url: where it listens.
        accepted: how often it took each message.
        refused: statuses with which it refused messages, and how often.
        forged: messages whose signature is not ours.
        status: CAP identifier -> status of the message that came with a webhook.
        lost: the text message that the gateway took first and could not deliver.
    """

    url: str
    accepted: Counter[str] = field(default_factory=Counter)
    refused: Counter[int] = field(default_factory=Counter)
    forged: list[str] = field(default_factory=list)
    status: dict[str, str] = field(default_factory=dict)
    lost: str = ""
    _unsaid: list[str] = field(default_factory=list)
    _keys: dict[str, bytes] = field(default_factory=dict)
    _met: set[str] = field(default_factory=set)

    def settings(self) -> dict[str, Any]:
        """What makes Vigie send to these offices, and to nobody else."""
        return {
            "alert_sender": "vigie@rehearsal.invalid",
            "smtp_url": SecretStr(""),
            "webhook_secret": SecretStr(_SECRET),
            "webhook_private": True,
            "sms_url": self.url + _GATEWAY,
            "sms_token": SecretStr(""),
            "sms_body": '{"to": "{to}", "text": "{text}", "id": "{message_id}"}',
        }

    def enrol(self, session: Session, now: datetime) -> int:
        """Write down who is told at every level; returns how many they are."""
        for number, level in enumerate(Level):
            hooks = [(Channel.WEBHOOK, f"/{level}{path}") for path in _WEBHOOKS[level]]
            for channel, to in [*hooks, (Channel.SMS, f"+2230000000{number}")]:
                made = recipients.add(
                    session,
                    name=f"Office of the {level} level, {channel}",
                    level=level,
                    channel=channel,
                    address=self.url + to if channel is Channel.WEBHOOK else to,
                    language=Language.FR,
                    areas=[],
                    now=now,
                    actor="rehearsal",
                )
                self._keys[to] = signing_key(_SECRET, made.recipient_id)
        return len(self._keys)

    def answer(self, path: str, headers: Mapping[str, str], body: bytes) -> int:
        """Take a message, or refuse it: the status that it is answered with."""
        said = json.loads(body)
        if path == _GATEWAY:
            self.lost = self.lost or said["id"]
            return self._take(said["id"])
        message_id, sent_at = headers["webhook-id"], int(headers["webhook-timestamp"])
        ours = signature(self._keys[path], message_id, sent_at, body)
        if not hmac.compare_digest(headers["webhook-signature"], ours):
            self.forged.append(message_id)
            return HTTPStatus.UNAUTHORIZED
        first = FIRST_ANSWER[path[path.rindex("/") :]]
        if first != HTTPStatus.OK and message_id not in self._met:
            self._met.add(message_id)
            self.refused[first] += 1
            return first
        self.status[said["identifier"]] = said["status"]
        return self._take(message_id)

    def said(self) -> list[str]:
        """Messages taken since this was asked last, whose receipts are due."""
        taken, self._unsaid = self._unsaid, []
        return taken

    def _take(self, message_id: str) -> int:
        self.accepted[message_id] += 1
        self._unsaid.append(message_id)
        return HTTPStatus.OK


@contextmanager
def open_offices() -> Iterator[Offices]:
    """Offices that listen on this machine until the end of the block."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        offices = Offices(f"http://127.0.0.1:{server.server_address[1]}")
        server.RequestHandlerClass = _handler(offices)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield offices
        finally:
            server.shutdown()
            thread.join()


def _handler(offices: Offices) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.send_response(offices.answer(self.path, headers, body))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing: the rehearsal tells what happened."""

    return Handler
