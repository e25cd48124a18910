"""Who calls a webhook: other services bring our token in the ways that they can."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Depends, Header, Query, Request, Security

from features.errors import ForbiddenError
from serve.auth import _BASIC, _BEARER, Now, address
from serve.gate import Credentials, Gate, sent_with
from store.roles import ALLOWED, Action
from store.tokens import BEARER, SESSION, Caller

Key = Annotated[
    str | None,
    Query(
        max_length=200,
        description="The token, for services that can send nothing but an address",
    ),
]


def reporting(request: Request, now: datetime, key: str | None) -> Caller:
    """Who calls, with a token that may report.

    The token comes as Bearer, as the password of Basic, in the header X-API-Key, or as `key` in
    the address. The page's cookie is not taken: no browser calls a webhook.

    Raises:
        NotAuthorisedError: without a token, or with one that does not count.
        ForbiddenError: the token may not report.
    """
    gate: Gate = request.app.state.gate
    sent = sent_with(request.headers)
    if sent is None or sent.kind == SESSION:
        secret = request.headers.get("x-api-key") or key
        sent = Credentials(BEARER, secret) if secret else None
    caller = gate.caller(sent, now, address(request))
    request.scope["vigie.actor"] = caller.token_id
    gate.count(caller.token_id)
    if Action.REPORT not in ALLOWED[caller.role]:
        raise ForbiddenError(f"expected a token that may {Action.REPORT}, got one of {caller.role}")
    return caller


def _caller(
    request: Request,
    now: Now,
    _bearer: Annotated[object, Security(_BEARER)],
    _basic: Annotated[object, Security(_BASIC)],
    key: Key = None,
    _header: Annotated[str | None, Header(alias="X-API-Key", include_in_schema=False)] = None,
) -> Caller:
    return reporting(request, now, key)


WebhookCaller = Annotated[Caller, Depends(_caller)]
