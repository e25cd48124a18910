"""The fast lane: scores that are kept ready go out before routing, validation and threads.

Who calls is checked and every read is written down here as in `serve.routers.bulletins`, which
answers whatever is not at hand: an answer not yet written, a token not seen a moment ago, every
error. Both send the same bytes.
"""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.datastructures import Headers, State
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from serve.auditing import AuditWriter
from serve.gate import Gate, credentials
from serve.shelf import Shelf
from store.audit import READ, Entry
from store.roles import ALLOWED, Action
from store.tokens import Caller

ROUTE = "/v1/bulletins/{bulletin_id}/scores"
_STARTS, _ENDS = "/v1/bulletins/", "/scores"
_SHAPING = (b"accept", b"accept-encoding")

Key = tuple[str, bytes, tuple[bytes, ...], tuple[str, ...]]


def key_of(scope: Scope, caller: Caller) -> Key:
    """All that shapes an answer: address, query, accepted formats, and what may be seen."""
    shaping = tuple(name + b":" + value for name, value in scope["headers"] if name in _SHAPING)
    return scope["path"], scope["query_string"], shaping, caller.areas


class FastLane:
    """ASGI middleware that answers from the shelf where it can."""

    def __init__(self, app: ASGIApp, state: State) -> None:
        self.app = app
        self._state = state

    @property
    def _parts(self) -> tuple[Gate, Shelf, AuditWriter]:
        return self._state.gate, self._state.shelf, self._state.audit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer from the shelf, or leave it to the routes."""
        path = scope.get("path", "")
        if (
            scope["type"] == "http"
            and scope["method"] == "GET"
            and path.startswith(_STARTS)
            and path.endswith(_ENDS)
            and await self._answered(scope, send)
        ):
            return
        await self.app(scope, receive, send)

    async def _answered(self, scope: Scope, send: Send) -> bool:
        gate, shelf, audit = self._parts
        headers = Headers(scope=scope)
        sent = credentials(headers)
        now = datetime.now(UTC)
        caller = gate.known(sent, now) if sent else None
        if caller is None or Action.READ not in ALLOWED[caller.role]:
            return False
        ready = shelf.get(key_of(scope, caller))
        if ready is None:
            return False
        try:
            gate.count(caller.token_id)
            audit.add(
                Entry(
                    now,
                    caller.token_id,
                    READ,
                    scope["path"],
                    ready.bulletin_id,
                    scope.get("vigie.request_id"),
                )
            )
        except HTTPException:
            return False  # too many requests, or no audit: the routes say so
        scope["vigie.route"] = ROUTE
        scope["vigie.actor"] = caller.token_id
        status, raw, body = ready.for_reader(headers.get("if-none-match"))
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": body})
        return True
