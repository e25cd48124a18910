"""`vigie token`: made once, listed without its secret, revoked, all of it audited."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from features.errors import ContractError, NotAuthorisedError
from pipelines.cli import app
from store import audit, database, tokens


def test_migrate_brings_an_older_database_to_the_newest_revision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIGIE_HOME", str(tmp_path))
    monkeypatch.delenv("VIGIE_DATABASE_URL", raising=False)
    engine = database.connect(f"sqlite:///{tmp_path / 'vigie.db'}")
    database.migrate(engine, "0001")
    assert not database.is_current(engine)
    done = CliRunner().invoke(app, ["migrate"], catch_exceptions=False)
    assert done.exit_code == 0
    assert database.newest_revision() in done.output
    assert database.is_current(engine)
    engine.dispose()


def test_a_token_is_made_listed_and_revoked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIGIE_HOME", str(tmp_path))
    monkeypatch.delenv("VIGIE_DATABASE_URL", raising=False)
    monkeypatch.setenv("COLUMNS", "200")

    def vigie(*arguments: str) -> str:
        done = CliRunner().invoke(app, ["token", *arguments], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    secret = vigie("create", "--label", "watch", "--role", "monitor", "--days", "1").strip()
    listed = vigie("list")
    assert "monitor" in listed
    assert secret not in listed
    found = re.search(r"\b[0-9a-f]{8}\b", listed)
    assert found is not None
    engine = database.connect(f"sqlite:///{tmp_path / 'vigie.db'}")
    with database.sessions(engine)() as session:
        assert tokens.verify(session, secret, datetime.now(UTC)).role == "monitor"
    vigie("revoke", found[0])
    with database.sessions(engine)() as session:
        with pytest.raises(NotAuthorisedError, match="revoked"):
            tokens.verify(session, secret, datetime.now(UTC))
        done = [(e.action, e.actor.partition(":")[0]) for e in audit.entries(session)]
    assert done == [("token.revoked", "command line"), ("token.created", "command line")]
    with pytest.raises(ContractError, match="at least one area"):
        vigie("create", "--label", "x", "--role", "field")
    engine.dispose()
