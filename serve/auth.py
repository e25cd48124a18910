"""What a request may use: a session, the moment, and who calls with which rights."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyCookie, HTTPBasic, HTTPBearer
from sqlalchemy.orm import Session

from features.errors import ForbiddenError
from serve.gate import COOKIE, Gate, csrf, sent_with
from store.audit import READ, Entry, record
from store.roles import ALLOWED, Action
from store.tokens import SESSION, Caller

CSRF_HEADER = "X-CSRF-Token"
_SAFE = ("GET", "HEAD", "OPTIONS")


class _Basic(HTTPBasic):
    """Only described: `serve.gate` reads the header, and a broken one is a 401 in our shape."""

    async def __call__(self, request: Request) -> None:  # type: ignore[override]  # noqa: ARG002
        """Leave the header to the gate."""
        return


_BEARER = HTTPBearer(
    auto_error=False,
    scheme_name="token",
    bearerFormat="vigie_...",
    description="A token made with `vigie token create`. Send it as `Authorization: Bearer ...`.",
)
_BASIC = _Basic(
    auto_error=False,
    scheme_name="basic",
    description="For programs that know no other way: any name, and the token as password.",
)
_COOKIE = APIKeyCookie(
    name=COOKIE,
    auto_error=False,
    scheme_name="session",
    description="The page's cookie, from POST /v1/session. To change something, also send the "
    f"answer's `csrf` as `{CSRF_HEADER}`.",
)


def now() -> datetime:
    """The moment. Tests replace this dependency."""
    return datetime.now(UTC)


def session(request: Request) -> Iterator[Session]:
    """A session that commits when the request went well."""
    with request.app.state.sessions.begin() as opened:
        yield opened


Now = Annotated[datetime, Depends(now)]
OpenSession = Annotated[Session, Depends(session, scope="function")]


def address(request: Request) -> str:
    """Where a request came from."""
    return request.client.host if request.client else "unknown"


def require_csrf(request: Request, secret: str) -> None:
    """Let pass who proves that our own page asks, not another one that the browser is on.

    Args:
        request: a request that came with the cookie.
        secret: the session's, from the cookie.

    Raises:
        ForbiddenError: without the header, or with a wrong one.
    """
    if not hmac.compare_digest(
        request.headers.get(CSRF_HEADER, "").encode(), csrf(secret).encode()
    ):
        raise ForbiddenError(
            f"expected the header {CSRF_HEADER} with the csrf of GET /v1/session beside the "
            "cookie, got none or another one; reload the page"
        )


def _identified(request: Request, now: datetime) -> Caller:
    gate: Gate = request.app.state.gate
    sent = sent_with(request.headers)
    caller = gate.caller(sent, now, address(request))
    request.scope["vigie.actor"] = caller.token_id
    gate.count(caller.token_id)
    if sent is not None and sent.kind == SESSION and request.method not in _SAFE:
        require_csrf(request, sent.secret)
    return caller


def allowed(action: Action) -> Callable[..., Caller]:
    """A dependency that lets in who may do `action`.

    Returns:
        A function that gives the caller, or raises NotAuthorisedError or ForbiddenError.
    """

    def caller(
        request: Request,
        now: Now,
        _bearer: Annotated[object, Security(_BEARER)],
        _basic: Annotated[object, Security(_BASIC)],
        _cookie: Annotated[object, Security(_COOKIE)],
    ) -> Caller:
        found = _identified(request, now)
        if action not in ALLOWED[found.role]:
            roles = " or ".join(role for role, actions in ALLOWED.items() if action in actions)
            raise ForbiddenError(
                f"expected a token that may {action} ({roles}), got a token of role "
                f"{found.role}; ask for another one"
            )
        return found

    return caller


def planner(caller: Annotated[Caller, Depends(allowed(Action.FORECAST))]) -> Caller:
    """Let in who may ask for forecasts.

    Raises:
        ForbiddenError: the token is for some areas, and a forecast speaks of every unit.
    """
    if not caller.may_forecast:
        raise ForbiddenError(
            "expected a token without areas, since a forecast speaks of every unit, got one for "
            f"{', '.join(caller.areas)}; ask for another one"
        )
    return caller


Reporter = Annotated[Caller, Depends(allowed(Action.REPORT))]
Verifier = Annotated[Caller, Depends(allowed(Action.VERIFY))]
Reader = Annotated[Caller, Depends(allowed(Action.READ))]
Planner = Annotated[Caller, Depends(planner)]
Admin = Annotated[Caller, Depends(allowed(Action.ADMINISTER))]
Monitor = Annotated[Caller, Depends(allowed(Action.MEASURE))]


def audit_change(
    request: Request, opened: Session, now: datetime, caller: Caller, action: str, subject: str
) -> None:
    """Write down who asked for which change, with the rest of the request."""
    record(opened, Entry(now, caller.token_id, action, subject, request_id=request_id(request)))


def audit_read(request: Request, now: datetime, actor: str, bulletin_id: str) -> None:
    """Write down who read which scores, when.

    Raises:
        HTTPException: 503, the audit cannot be written.
    """
    request.app.state.audit.add(
        Entry(now, actor, READ, request.url.path, bulletin_id, request_id(request))
    )


def request_id(request: Request) -> str | None:
    """The id under which the log speaks of this request."""
    found: str | None = request.scope.get("vigie.request_id")
    return found
