"""The fast lane: scores that are kept ready go out before everything that they do not need.

Who calls is checked, and every read is audited, counted and logged here as elsewhere; whatever is
not at hand is left to the routes: an answer not yet written, a token not seen a moment ago, every
error. Both send the same bytes and headers.
"""

from __future__ import annotations

import time

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from serve import auth
from serve.auditing import AuditWriter
from serve.gate import Gate, credentials
from serve.headers import of_data
from serve.observing import Observer, request_id
from serve.shelf import Shelf
from store.audit import READ
from store.roles import ALLOWED, Action
from store.tokens import Caller

ROUTE = "/v1/bulletins/{bulletin_id}/scores"
_STARTS, _ENDS = "/v1/bulletins/", "/scores"
_SHAPING = (b"accept", b"accept-encoding", b"accept-language")

Key = tuple[str, bytes, tuple[tuple[bytes, bytes], ...], tuple[str, ...]]


def key_of(scope: Scope, caller: Caller) -> Key:
    """All that shapes an answer: address, query, what is accepted, and what may be seen."""
    shaping = tuple([pair for pair in scope["headers"] if pair[0] in _SHAPING])
    return scope["path"], scope["query_string"], shaping, caller.areas


class FastLane:
    """ASGI middleware, the outermost, that answers from the shelf where it can."""

    def __init__(
        self, app: ASGIApp, gate: Gate, shelf: Shelf, audit: AuditWriter, observer: Observer
    ) -> None:
        self.app = app
        self._gate, self._shelf, self._audit, self._observer = gate, shelf, audit, observer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer from the shelf, or leave it to the routes."""
        if scope["type"] == "http" and scope["method"] == "GET":
            path = scope["path"]
            if path.endswith(_ENDS) and path.startswith(_STARTS):
                started = time.perf_counter()
                named = request_id(scope)
                found = self._ready(scope, named)
                if found is not None:
                    status, headers, body = found
                    headers.append((b"x-request-id", named.encode()))
                    try:
                        await send(
                            {"type": "http.response.start", "status": status, "headers": headers}
                        )
                        await send({"type": "http.response.body", "body": body})
                    finally:
                        self._observer.over(scope, named, started, status, len(body))
                    return
        await self.app(scope, receive, send)

    def _ready(
        self, scope: Scope, named: str
    ) -> tuple[int, list[tuple[bytes, bytes]], bytes] | None:
        """Status, headers and body; None leaves the answer to the routes."""
        headers = dict(scope["headers"])
        authorization, cookie = headers.get(b"authorization"), headers.get(b"cookie")
        sent = credentials(
            authorization.decode("latin-1") if authorization else None,
            cookie.decode("latin-1") if cookie else None,
        )
        now = auth.now()
        caller = self._gate.known(sent, now) if sent else None
        if caller is None or Action.READ not in ALLOWED[caller.role]:
            return None
        answer = self._shelf.get(key_of(scope, caller))
        if answer is None:
            return None
        actor = caller.token_id
        try:
            self._gate.count(actor)
            self._audit.read(now, actor, READ, scope["path"], answer.bulletin_id, named)
        except HTTPException:
            return None  # too many requests, or no audit: the routes say so
        scope["vigie.route"], scope["vigie.actor"] = ROUTE, actor
        seen = headers.get(b"if-none-match")
        status, ready, body = answer.for_reader(seen.decode("latin-1") if seen else None)
        return status, ready + of_data(scope), body
