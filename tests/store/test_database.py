"""The database: migrations make what the models say, and it keeps bulletins frozen by itself."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from features.errors import ConfigError, ConflictError
from store import audit, bulletins, database, mark
from store.schema import Base, Bulletin, Score, Token


def test_migrations_make_what_the_models_say(engine: Engine) -> None:
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database without tables."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'vigie.db'}"
    else:
        url = request.getfixturevalue("postgres").created()
    engine = database.connect(url)
    yield engine
    engine.dispose()


def test_is_current_only_after_migrating(fresh: Engine) -> None:
    engine = fresh
    assert not database.is_current(engine)
    database.migrate(engine)
    assert database.is_current(engine)
    database.migrate(engine)  # a second run changes nothing
    assert database.is_current(engine)


def test_the_newest_revision_is_alembics_head_and_an_older_database_is_not_current(
    fresh: Engine,
) -> None:
    migrations = ScriptDirectory(str(Path(database.__file__).parent / "migrations"))
    assert migrations.get_heads() == [database.newest_revision()]
    database.migrate(fresh, "0001")
    assert not database.is_current(fresh)


def test_a_database_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    with pytest.raises(OperationalError):
        database.is_current(database.connect(f"sqlite:///{tmp_path / 'no' / 'vigie.db'}"))


def test_another_kind_of_database_is_refused() -> None:
    with pytest.raises(ConfigError, match="VIGIE_DATABASE_URL"):
        database.connect("mysql://somebody@somewhere/vigie")


def test_programs_that_start_at_once_take_turns_to_migrate(postgres: Any) -> None:
    engines = [database.connect(url) for url in [postgres.created()] * 4]
    with ThreadPoolExecutor() as pool:
        list(pool.map(database.migrate, engines))
    assert database.is_current(engines[0])
    for engine in engines:
        engine.dispose()


def test_bulletins_of_the_first_revision_are_carried_over(fresh: Engine) -> None:
    database.migrate(fresh, "0001")
    days = "'2018-07-01'"
    bulletin = (
        f"('b', 'd', 'e', 'r', 'XXA', 'any', '', {days}, {days}, {days}, 'm', '1', 'k', 'm', 'd',"
        f" 'n', 0.1, 0.8, '', true, 3, 1, '', '2018-07-02 00:00:00')"
    )
    scores = ", ".join(
        f"('b', '{unit}', {rank}, NULL, NULL, NULL, NULL, 'low', NULL, 'good', '', '[]')"
        for unit, rank in (("u1", "NULL"), ("u2", 2), ("u3", 1))
    )
    election = f"('e', 'XXA', 'other', 1, {days}, {days}, {days}, NULL, true)"
    with fresh.begin() as connection:
        for table, rows in (
            ("registry", "('r', 'XXA', 'Testland', 3, true, '2018-07-01 00:00:00')"),
            ("election", election),
            ("bulletin", bulletin),
            ("score", scores),
            ("token", "('t', 's', 'l', 'planner', '2018-07-01 00:00:00', NULL, NULL)"),
            ("read_audit", "(1, '2018-07-01 00:00:00', 't', '/v1/x', 'b')"),
        ):
            connection.execute(text(f"INSERT INTO {table} VALUES {rows}"))
    database.migrate(fresh)
    with database.sessions(fresh)() as session:
        kept = session.execute(select(Score.unit_id).order_by(Score.position)).scalars().all()
        assert kept == ["u3", "u2", "u1"]
        (entry,) = audit.entries(session)
        assert (entry.actor, entry.action, entry.bulletin_id) == ("t", "scores.read", "b")
        token = session.get_one(Token, "t")
        assert (token.kind, token.areas, token.parent_id) == ("bearer", [], None)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
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


LATE = (
    "INSERT INTO score (bulletin_id, unit_id, position, band, coverage, coverage_says, drivers) "
    "SELECT bulletin_id, 'late', 99, band, coverage, coverage_says, drivers FROM score LIMIT 1"
)
EVERYWHERE = [
    "UPDATE bulletin SET notes = 'better'",
    "UPDATE score SET probability = 0.99",
    "DELETE FROM bulletin",
    "DELETE FROM score",
    "UPDATE audit SET actor = 'nobody'",
    "DELETE FROM audit",
    LATE,
]
ON_SQLITE = [
    "INSERT OR REPLACE INTO bulletin SELECT * FROM bulletin",
    "INSERT OR REPLACE INTO score SELECT * FROM score",
    "INSERT OR REPLACE INTO audit SELECT * FROM audit",
]
ON_POSTGRESQL = [
    "TRUNCATE bulletin CASCADE",
    "TRUNCATE score",
    "TRUNCATE audit",
    "INSERT INTO score SELECT * FROM score ON CONFLICT (bulletin_id, unit_id)"
    " DO UPDATE SET probability = 0.99",
]


@pytest.mark.parametrize(
    ("url", "statement"),
    [
        *((kind, one) for kind in ("sqlite", "postgresql") for one in EVERYWHERE),
        *(("sqlite", one) for one in ON_SQLITE),
        *(("postgresql", one) for one in ON_POSTGRESQL),
    ],
    indirect=["url"],
)
def test_the_database_itself_refuses_to_change_what_is_kept(
    engine: Engine, issued: str, statement: str
) -> None:
    with (
        engine.connect() as connection,
        pytest.raises(IntegrityError, match=r"a bulletin never changes|only added to"),
    ):
        connection.execute(text(statement))


def test_a_bulletin_without_all_of_its_scores_is_refused(engine: Engine, issued: str) -> None:
    columns = [c.name for c in Bulletin.__table__.columns]
    new = ", ".join({"bulletin_id": "'other'", "digest": "'other'"}.get(c, c) for c in columns)
    with engine.connect() as connection, pytest.raises(IntegrityError, match="never changes"):
        connection.execute(
            text(f"INSERT INTO bulletin ({', '.join(columns)}) SELECT {new} FROM bulletin")
        )


def test_scores_without_their_bulletin_do_not_stay(engine: Engine, issued: str) -> None:
    orphan = LATE.replace("SELECT bulletin_id", "SELECT 'no'")
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(text(orphan))


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
