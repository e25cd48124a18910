"""How large a request and how packed an answer may be."""

from __future__ import annotations

from fastapi.middleware.gzip import GZipMiddleware
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve.errors import problem


class LimitedBody:
    """ASGI middleware that refuses a large body, by its declared length or as it comes.

    FastAPI's own limit answers in plain text; every error of Vigie has the one shape.
    """

    def __init__(self, app: ASGIApp, most_bytes: int, most_photo_bytes: int) -> None:
        self.app = app
        self._most = most_bytes
        self._most_photo = max(most_bytes, most_photo_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the body on, up to the limit."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        most = self._most_photo if _has_photo(scope["path"]) else self._most
        says = f"expected a body of at most {most} bytes, got a larger one; send less"
        declared = Headers(scope=scope).get("content-length", "0")
        if declared.isdigit() and int(declared) > most:
            await problem(413, says)(scope, receive, send)
            return
        seen = 0

        async def receiving() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most:
                raise HTTPException(413, says)
            return message

        await self.app(scope, receiving, send)


def _has_photo(path: str) -> bool:
    return path == "/openrosa/submission" or (
        path.startswith("/v1/reports/") and path.endswith("/photos")
    )


class Packed(GZipMiddleware):
    """Packs answers, but for scores: those are packed once and kept."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, packed if the reader takes it."""
        if scope["type"] == "http" and scope["path"].endswith("/scores"):
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)
