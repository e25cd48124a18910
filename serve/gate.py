"""Who calls: verdicts on tokens, kept for a few seconds, and how often one may call."""

from __future__ import annotations

import base64
import binascii
import hashlib
import threading
import time
from collections.abc import Callable
from datetime import datetime
from http.cookies import CookieError, SimpleCookie
from typing import NamedTuple

from sqlalchemy.orm import Session, sessionmaker
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from features.errors import NotAuthorisedError
from serve.rates import Rate, Windows
from serve.settings import Settings
from store import tokens
from store.tokens import BEARER, SESSION, Caller

MOST_KEPT = 10_000
COOKIE = "vigie_session"
SECURE_COOKIE = "__Host-vigie_session"


class Credentials(NamedTuple):
    """What a request came with."""

    kind: str
    secret: str


def credentials(authorization: str | None, cookie: str | None) -> Credentials | None:
    """The token of a request: `Bearer`, `Basic` with the token as password, or the cookie."""
    if authorization:
        scheme, _, value = authorization.partition(" ")
        scheme = scheme.lower()
        if scheme == "bearer" and value:
            return Credentials(BEARER, value.strip())
        return _from_basic(value) if scheme == "basic" else None
    return _from_cookie(cookie) if cookie and COOKIE in cookie else None


def sent_with(headers: Headers) -> Credentials | None:
    """The token of a request with these headers."""
    return credentials(headers.get("authorization"), headers.get("cookie"))


def _from_basic(value: str) -> Credentials | None:
    try:
        text = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None  # what is not base64 of text names no token
    return Credentials(BEARER, text.partition(":")[2])


def _from_cookie(value: str) -> Credentials | None:
    try:
        jar = SimpleCookie(value)
    except CookieError:
        return None
    morsel = jar.get(SECURE_COOKIE) or jar.get(COOKIE)
    return Credentials(SESSION, morsel.value) if morsel else None


def csrf(secret: str) -> str:
    """What a page must send beside its cookie to change something.

    Only who reads our answers can know it, and only our own page can read them.
    """
    return hashlib.sha256(f"csrf:{secret}".encode()).hexdigest()


class Gate:
    """Asks the database who a token belongs to, and remembers the answer for a few seconds."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        settings: Settings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._seconds = settings.token_cache_seconds
        self._kept: dict[Credentials, tuple[float, Caller]] = {}
        self._lock = threading.Lock()
        self._requests = Windows(Rate.read(settings.rate_limit), clock)
        self._failures = Windows(Rate.read(settings.failure_limit), clock)

    def known(self, sent: Credentials, now: datetime) -> Caller | None:
        """Whose credentials these are, if that was asked a moment ago and still counts."""
        kept = self._kept.get(sent)
        if kept is None or kept[0] < self._clock():
            return None
        caller = kept[1]
        return None if caller.expires_at is not None and caller.expires_at <= now else caller

    def caller(self, sent: Credentials | None, now: datetime, address: str) -> Caller:
        """Whose credentials these are.

        Args:
            sent: what the request came with.
            now: the moment, with a time zone.
            address: where it came from.

        Raises:
            NotAuthorisedError: none were sent, or they do not count.
            HTTPException: 429, too many wrong ones from that address.
        """
        if sent is None:
            raise NotAuthorisedError(
                "expected a token in the header 'Authorization: Bearer ...', got none"
            )
        found = self.known(sent, now)
        if found is not None:
            return found
        if self._failures.full(address):
            raise _too_many(self._failures)
        try:
            with self._sessions() as session:
                caller = tokens.verify(session, sent.secret, now, sent.kind)
        except NotAuthorisedError:
            self._failures.hit(address)
            raise
        with self._lock:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[sent] = (self._clock() + self._seconds, caller)
        return caller

    def forget(self) -> None:
        """Ask the database again about everybody: something was revoked here."""
        with self._lock:
            self._kept.clear()

    def count(self, who: str) -> None:
        """Count a request of a token or an address.

        Raises:
            HTTPException: 429, it has made too many.
        """
        if not self._requests.hit(who):
            raise _too_many(self._requests)


def _too_many(windows: Windows) -> HTTPException:
    wait = windows.seconds_left()
    says = f"expected at most {windows.rate}; wait {wait} s"
    return HTTPException(429, says, headers={"Retry-After": str(wait)})
