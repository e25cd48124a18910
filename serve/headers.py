"""Headers that every answer carries: the browser may load nothing from elsewhere."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


def _raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


_OF_PAGES = _raw(
    {
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "Referrer-Policy": "no-referrer",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    }
)
_OF_DATA = _raw(
    {
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    }
)
_HTTPS = (b"strict-transport-security", b"max-age=31536000")
_NOT_KEPT = (b"cache-control", b"no-store")


_OF_DATA_BY_HTTPS = [*_OF_DATA, _HTTPS]


def of_data(scope: Scope) -> list[tuple[bytes, bytes]]:
    """What every answer under `/v1/` carries: it is no page, and may not be taken for one."""
    return _OF_DATA_BY_HTTPS if scope["scheme"] == "https" else _OF_DATA


class SafeHeaders:
    """ASGI middleware that adds the headers; under `/v1/` nothing is kept unless it says so."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, with the headers added."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                if scope["path"].startswith("/v1/"):
                    headers += of_data(scope)
                    if not any(name == b"cache-control" for name, _ in headers):
                        headers.append(_NOT_KEPT)
                else:
                    # A page that stands alone has a narrower policy of its own.
                    own = {name for name, _ in headers}
                    headers += [header for header in _OF_PAGES if header[0] not in own]
                    if scope["scheme"] == "https":
                        headers.append(_HTTPS)
            await send(message)

        await self.app(scope, receive, sending)
