"""Tokens: shown once, kept as a digest, ended by day or by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from features.errors import NotAuthorisedError, NotFoundError
from store import tokens

NOW = datetime(2018, 7, 1, 12, tzinfo=UTC)


def test_a_token_is_verified_and_its_secret_is_not_kept(session: Session) -> None:
    token, secret = tokens.create(session, label="laptop", now=NOW)
    assert secret.startswith("vigie_")
    assert len(secret) > 40
    assert tokens.verify(session, secret, NOW).token_id == token.token_id
    kept = session.execute(text("SELECT * FROM token")).one()
    assert not any(secret[6:] in str(value) for value in kept)


def test_two_tokens_differ(session: Session) -> None:
    made = {tokens.create(session, label="x", now=NOW)[1] for _ in range(5)}
    assert len(made) == 5
    assert len(tokens.list_tokens(session)) == 5


@pytest.mark.parametrize("secret", ["", "vigie_", "vigie_" + "A" * 43])
def test_an_unknown_secret_does_not_count(session: Session, secret: str) -> None:
    tokens.create(session, label="x", now=NOW)
    with pytest.raises(NotAuthorisedError, match="unknown"):
        tokens.verify(session, secret, NOW)


def test_an_expired_token_does_not_count(session: Session) -> None:
    end = NOW + timedelta(days=1)
    _, secret = tokens.create(session, label="x", now=NOW, expires_at=end)
    assert tokens.verify(session, secret, end - timedelta(seconds=1))
    with pytest.raises(NotAuthorisedError, match="expired"):
        tokens.verify(session, secret, end)


def test_a_revoked_token_does_not_count(session: Session) -> None:
    token, secret = tokens.create(session, label="x", now=NOW)
    tokens.revoke(session, token.token_id, NOW)
    assert tokens.revoke(session, token.token_id, NOW + timedelta(days=1)).revoked_at == NOW
    with pytest.raises(NotAuthorisedError, match="revoked"):
        tokens.verify(session, secret, NOW)
    with pytest.raises(NotFoundError):
        tokens.revoke(session, "no", NOW)


def test_a_moment_without_a_zone_is_refused(session: Session) -> None:
    with pytest.raises(Exception, match="time zone"):
        tokens.create(session, label="x", now=NOW.replace(tzinfo=None))
