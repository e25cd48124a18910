"""The fast lane: scores that are kept ready go out before routing, validation and threads.

Who calls is checked and every read is written down here as in `serve.routers.bulletins`, which
answers whatever is not at hand: an answer not yet written, a token not seen a moment ago, every
error. Both send the same bytes.
"""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from serve import auth
from serve.auditing import AuditWriter
from serve.gate import Gate, credentials
from serve.shelf import Shelf
from store.audit import READ, Entry
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
    """ASGI middleware that answers from the shelf where it can."""

    def __init__(self, app: ASGIApp, gate: Gate, shelf: Shelf, audit: AuditWriter) -> None:
        self.app = app
        self._gate, self._shelf, self._audit = gate, shelf, audit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer from the shelf, or leave it to the routes."""
        if scope["type"] == "http" and scope["method"] == "GET":
            path = scope["path"]
            if path.endswith(_ENDS) and path.startswith(_STARTS):
                found = self._ready(scope)
                if found is not None:
                    status, headers, body = found
                    await send(
                        {"type": "http.response.start", "status": status, "headers": headers}
                    )
                    await send({"type": "http.response.body", "body": body})
                    return
        await self.app(scope, receive, send)

    def _ready(self, scope: Scope) -> tuple[int, list[tuple[bytes, bytes]], bytes] | None:
        """Status, headers and body; None leaves the answer to the routes."""
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        sent = credentials(headers.get(b"authorization"), headers.get(b"cookie"))
        now = auth.now()
        caller = self._gate.known(sent, now) if sent else None
        if caller is None or Action.READ not in ALLOWED[caller.role]:
            return None
        answer = self._shelf.get(key_of(scope, caller))
        if answer is None:
            return None
        actor, request_id = caller.token_id, scope.get("vigie.request_id")
        try:
            self._gate.count(actor)
            self._audit.add(Entry(now, actor, READ, scope["path"], answer.bulletin_id, request_id))
        except HTTPException:
            return None  # too many requests, or no audit: the routes say so
        scope["vigie.route"], scope["vigie.actor"] = ROUTE, actor
        return answer.for_reader(headers.get(b"if-none-match"))
