"""`/v1/session`: signing in on the page with a token, and out again."""

from __future__ import annotations

from datetime import datetime, timedelta

from fastapi import APIRouter, Depends, Request, Response

from features.errors import ForbiddenError, NotAuthorisedError
from serve import documented
from serve.access_schemas import SessionOut, SignIn
from serve.auth import Now, OpenSession, address, require_csrf
from serve.gate import COOKIE, SECURE_COOKIE, Credentials, Gate, csrf, sent_with
from serve.settings import Settings
from store import tokens
from store.tokens import BEARER, SESSION, Caller

router = APIRouter(prefix="/v1", tags=["session"])


def same_site(request: Request) -> None:
    """Refuse a form on somebody else's page that signs a visitor in or out.

    Raises:
        ForbiddenError: the browser says that another site asks.
    """
    site = request.headers.get("sec-fetch-site", "same-origin")
    if site not in ("same-origin", "none"):
        raise ForbiddenError(f"expected a request of this page, got one of another site ({site})")


def set_cookie(request: Request, response: Response, secret: str, settings: Settings) -> None:
    """Give the browser its session; over https the cookie goes nowhere else."""
    secure = request.url.scheme == "https"
    response.set_cookie(
        SECURE_COOKIE if secure else COOKIE,
        secret,
        max_age=settings.session_hours * 3600,
        httponly=True,
        secure=secure,
        samesite="strict",
    )


def _says(request: Request, caller: Caller | None, secret: str = "") -> SessionOut:
    offered = bool(request.app.state.settings.oidc_issuer)
    if caller is None:
        return SessionOut(signed_in=False, organisation=offered)
    return SessionOut(
        signed_in=True,
        organisation=offered,
        label=caller.label,
        role=caller.role,
        areas=list(caller.areas),
        may_forecast=caller.may_forecast,
        expires_at=caller.expires_at,
        csrf=csrf(secret),
    )


def _cookie(request: Request) -> Credentials | None:
    sent = sent_with(request.headers)
    return sent if sent is not None and sent.kind == SESSION else None


@router.get("/session", responses=documented.open_errors(), summary="Who is signed in")
def session_(request: Request, now: Now) -> SessionOut:
    """Whose cookie this is; open to all, so that the page can ask."""
    sent = _cookie(request)
    if sent is None:
        return _says(request, None)
    gate: Gate = request.app.state.gate
    try:
        return _says(request, gate.caller(sent, now, address(request)), sent.secret)
    except NotAuthorisedError:
        return _says(request, None)  # a session that is over is nobody's


@router.post(
    "/session",
    status_code=201,
    dependencies=[Depends(same_site)],
    responses=documented.open_errors(400, 401, 403, 422),
    summary="Sign in with a token",
)
def sign_in(
    request: Request, response: Response, session: OpenSession, now: Now, wanted: SignIn
) -> SessionOut:
    """Sets the cookie of a session, which ends with the token."""
    settings: Settings = request.app.state.settings
    gate: Gate = request.app.state.gate
    parent = gate.caller(Credentials(BEARER, wanted.token.strip()), now, address(request))
    hours = timedelta(hours=settings.session_hours)
    made, secret = tokens.open_session(session, now=now, lasts=hours, parent=parent)
    set_cookie(request, response, secret, settings)
    caller = tokens.Caller(
        made.token_id,
        parent.label,
        parent.role,
        parent.areas,
        made.expires_at,
        SESSION,
        parent.token_id,
    )
    return _says(request, caller, secret)


def _mine(request: Request, now: datetime) -> Caller | None:
    sent = _cookie(request)
    if sent is None:
        return None
    try:
        found: Caller = request.app.state.gate.caller(sent, now, address(request))
    except NotAuthorisedError:
        return None
    require_csrf(request, sent.secret)
    return found


@router.delete(
    "/session",
    status_code=204,
    dependencies=[Depends(same_site)],
    responses=documented.open_errors(403),
    summary="Sign out",
)
def sign_out(request: Request, session: OpenSession, now: Now) -> Response:
    """Ends the session and asks the browser to forget what it has read."""
    caller = _mine(request, now)
    if caller is not None:
        tokens.revoke(session, caller.token_id, now, actor=caller.token_id)
        session.commit()
        request.app.state.gate.forget()
    response = Response(status_code=204)
    for name, secure in ((COOKIE, False), (SECURE_COOKIE, True)):
        response.delete_cookie(name, secure=secure, httponly=True, samesite="strict")
    response.headers["Clear-Site-Data"] = '"cache"'  # storage holds the language alone
    return response
