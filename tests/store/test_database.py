"""The database: migrations make what the models say, and SQLite itself keeps bulletins frozen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from features.errors import ConflictError
from store import bulletins, database, mark
from store.schema import Base, Bulletin, Score


def test_migrations_make_what_the_models_say(engine: Engine) -> None:
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_is_current_only_after_migrating(tmp_path: Path) -> None:
    engine = database.connect(f"sqlite:///{tmp_path / 'vigie.db'}")
    assert not database.is_current(engine)
    database.migrate(engine)
    assert database.is_current(engine)
    database.migrate(engine)  # a second run changes nothing
    assert database.is_current(engine)


def test_a_database_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    with pytest.raises(OperationalError):
        database.is_current(database.connect(f"sqlite:///{tmp_path / 'no' / 'vigie.db'}"))


def test_sqlite_is_set_up(engine: Engine) -> None:
    with engine.connect() as connection:
        said = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "foreign_keys", "busy_timeout")
        ]
    assert said == ["wal", 1, 10_000]


@pytest.fixture
def issued(engine: Engine, country: Any) -> str:
    with database.sessions(engine).begin() as session:
        registry_id = country.write(session)
        return bulletins.write_bulletin(
            session, country.head(registry_id), country.scores, country.now
        )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE bulletin SET notes = 'better'",
        "UPDATE score SET probability = 0.99",
        "DELETE FROM bulletin",
        "DELETE FROM score",
        "INSERT OR REPLACE INTO bulletin SELECT * FROM bulletin",
        "INSERT OR REPLACE INTO score SELECT * FROM score",
        "INSERT INTO score (bulletin_id, unit_id, band, coverage, coverage_says, drivers) "
        "SELECT bulletin_id, 'late', band, coverage, coverage_says, drivers FROM score LIMIT 1",
    ],
)
def test_the_database_itself_refuses_to_change_a_bulletin(
    engine: Engine, issued: str, statement: str
) -> None:
    with (
        engine.connect() as connection,
        pytest.raises(IntegrityError, match="a bulletin never changes"),
    ):
        connection.execute(text(statement))


def test_bulletins_of_the_first_revision_are_kept_and_stay_frozen(tmp_path: Path) -> None:
    engine = database.connect(f"sqlite:///{tmp_path / 'old.db'}")
    config = Config()
    config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        connection.exec_driver_sql(_OLD_ELECTION)
        connection.exec_driver_sql(_OLD_REGISTRY)
        connection.exec_driver_sql(_OLD_BULLETIN)
        connection.exec_driver_sql(_OLD_SCORE)
    database.migrate(engine)
    with database.sessions(engine)() as session:
        (score,) = session.scalars(select(Score)).all()
        (bulletin,) = session.scalars(select(Bulletin)).all()
        assert (score.probability, score.incidents_p90, score.translations) == (0.5, None, {})
        assert bulletin.translations == {}
    with (
        engine.connect() as connection,
        pytest.raises(IntegrityError, match="a bulletin never changes"),
    ):
        connection.execute(text("UPDATE score SET incidents_p90 = 1"))


_OLD_ELECTION = """INSERT INTO election VALUES
 ('E', 'XXA', 'presidential', 1, '2018-07-29', '2018-07-07', '2018-08-12', NULL, 1)"""
_OLD_REGISTRY = "INSERT INTO registry VALUES ('r', 'XXA', 'X', 1, 1, '2018-07-01')"
_OLD_BULLETIN = """INSERT INTO bulletin VALUES
 ('b', 'd', 'E', 'r', 'XXA', 'any', 's', '2018-07-01', '2018-07-07', '2018-08-12', 'm', '1', 'k',
  'md', 'dd', 'base_rate', 0.1, 0.9, '', 1, 1, 0, '', '2018-07-01')"""
_OLD_SCORE = """INSERT INTO score VALUES
 ('b', 'u', 1, 0.5, 0.4, 0.6, 1.0, 'very_high', 0.4, 'good', 'said', '[]')"""


@pytest.mark.parametrize("first", [True, False])
def test_real_and_synthetic_data_do_not_mix(engine: Engine, country: Any, first: bool) -> None:
    with database.sessions(engine).begin() as session:
        assert mark.is_synthetic(session) is None
        registry_id = country.write(session, synthetic=first)
        assert mark.is_synthetic(session) is first
        with pytest.raises(ConflictError, match="this store holds"):
            country.write(session, synthetic=not first)
        with pytest.raises(ConflictError, match="this store holds"):
            bulletins.write_elections(session, country.elections, not first)
        head = country.head(registry_id, synthetic=not first)
        with pytest.raises(ConflictError, match="this store holds"):
            bulletins.write_bulletin(session, head, country.scores, country.now)
