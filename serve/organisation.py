"""Signing in with an organisation's own account, by OpenID Connect (code flow with PKCE).

The account's groups decide what it may do; an account in no group that is listed in
`VIGIE_OIDC_GROUPS` is refused.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route, Router

from features.errors import ForbiddenError, NotAuthorisedError
from serve.routers.session import set_cookie
from serve.settings import GroupAccess, Settings
from store import tokens
from store.roles import Role

PATH = "/organisation"
_MINUTES = 10
_STRENGTH = (Role.MONITOR, Role.FIELD, Role.PLANNER, Role.COORDINATOR, Role.ADMIN)


def access_of(claims: Mapping[str, Any], settings: Settings) -> GroupAccess:
    """What an account may do: its strongest group's role, and the areas of all groups with it.

    Raises:
        ForbiddenError: none of its groups is listed.
    """
    said = claims.get(settings.oidc_groups_claim, [])
    groups = [said] if isinstance(said, str) else list(said)
    mine = [settings.oidc_groups[group] for group in groups if group in settings.oidc_groups]
    if not mine:
        raise ForbiddenError(
            "expected an account in one of the groups that Vigie lets in, got one in "
            f"{', '.join(map(str, groups)) or 'none'}; ask the person who runs Vigie"
        )
    role = max((one.role for one in mine), key=_STRENGTH.index)
    same = [one for one in mine if one.role == role]
    # A group without areas reads everywhere, so that another one takes nothing away.
    everywhere = any(not one.areas for one in same)
    areas = () if everywhere else tuple(sorted({area for one in same for area in one.areas}))
    return GroupAccess(role=role, areas=areas)


def install(app: FastAPI, settings: Settings) -> None:
    """Add the two addresses of the sign-in to `app`."""
    from authlib.integrations.starlette_client import OAuth, OAuthError

    provider = OAuth().register(
        name="organisation",
        server_metadata_url=f"{settings.oidc_issuer.rstrip('/')}/.well-known/openid-configuration",
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret.get_secret_value(),
        client_kwargs={"scope": "openid email profile", "code_challenge_method": "S256"},
    )

    async def start(request: Request) -> Response:
        back = str(request.url.replace(path=f"{PATH}/back", query=""))
        answer: Response = await provider.authorize_redirect(request, back)
        return answer

    async def back(request: Request) -> Response:
        try:
            token = await provider.authorize_access_token(request)
        except OAuthError as error:
            raise NotAuthorisedError(
                f"expected a sign-in that was begun here, got {error.error}: sign in again"
            ) from error
        claims = token.get("userinfo")
        if not claims:
            raise NotAuthorisedError("expected an id token, got none; check the scopes")
        request.session.clear()
        secret = await run_in_threadpool(_open, request, claims, settings)
        # 303 to our own page: the provider's address stays out of the session's first request.
        answer = RedirectResponse("/", 303)
        set_cookie(request, answer, secret, settings)
        return answer

    routes = [Route("/sign-in", start), Route("/back", back)]
    key = settings.secret_key.get_secret_value() or secrets.token_urlsafe(32)
    https = settings.oidc_issuer.startswith("https://")
    # Lax: the provider sends the browser back from another site.
    state = SessionMiddleware(
        Router(routes),
        key,
        session_cookie="vigie_sign_in",
        max_age=_MINUTES * 60,
        path=PATH,
        same_site="lax",
        https_only=https,
    )
    app.mount(PATH, state, name="organisation")


def _open(request: Request, claims: Mapping[str, Any], settings: Settings) -> str:
    access = access_of(claims, settings)
    account = claims.get("email") or claims.get("preferred_username") or claims["sub"]
    with request.app.state.sessions.begin() as session:
        _, secret = tokens.open_session(
            session,
            now=datetime.now(UTC),
            lasts=timedelta(hours=settings.session_hours),
            label=f"account {account}",
            role=access.role,
            areas=access.areas,
        )
    return secret
