"""The operational database: connect to it, bring it to the newest revision, ask whether it is."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from sqlalchemy import Engine, create_engine, event, func, inspect, select, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

from features.errors import ConfigError

_MIGRATIONS = Path(__file__).parent / "migrations"
_BUSY_TIMEOUT_MS = 10_000
_MIGRATION_LOCK = 0x56494749  # any number that no other program takes: "VIGI"


def connect(url: str) -> Engine:
    """An engine for `url`, for example `sqlite:///var/vigie.db` or `postgresql://u:p@host/vigie`.

    On SQLite each connection checks foreign keys, waits for other writers, and writes ahead,
    so that reads of the API do not wait for a bulletin being written. On PostgreSQL a connection
    that the server has dropped is replaced before it is used.

    Raises:
        ConfigError: neither SQLite nor PostgreSQL.
    """
    scheme, _, rest = url.partition("://")
    kind = scheme.partition("+")[0]
    if kind == "sqlite":
        engine = create_engine(url)
        event.listen(engine, "connect", _prepare_sqlite)
        return engine
    if kind in ("postgresql", "postgres"):
        return create_engine(f"postgresql+psycopg://{rest}", pool_pre_ping=True)
    raise ConfigError(
        f"database: expected sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME, got a URL "
        f"that starts with {scheme!r}; set VIGIE_DATABASE_URL"
    )


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def sessions(engine: Engine) -> sessionmaker[Session]:
    """Sessions on `engine`; a `with ....begin() as session:` block commits at its end."""
    return sessionmaker(engine, expire_on_commit=False)


def migrate(engine: Engine, revision: str = "head") -> None:
    """Bring the database to a revision; make the folder of a new SQLite file.

    On PostgreSQL two programs that start at once take turns.
    """
    # Alembic takes long to import, and only this needs it.
    from alembic import command
    from alembic.config import Config

    file = engine.url.database
    if engine.dialect.name == "sqlite" and file and file != ":memory:":
        Path(file).parent.mkdir(parents=True, exist_ok=True)
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def is_current(engine: Engine) -> bool:
    """Whether the database is at the newest revision that this code knows.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database cannot be reached.
    """
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return False
        found = connection.scalars(text("SELECT version_num FROM alembic_version")).all()
    return list(found) == [newest_revision()]


@cache
def newest_revision() -> str:
    """The revision that the last migration leads to, read from its file.

    Raises:
        ConfigError: the file names none.
    """
    last = max((_MIGRATIONS / "versions").glob("[0-9]*.py"))
    found = re.search(r'^revision = "(\w+)"$', last.read_text(encoding="utf-8"), re.M)
    if found is None:
        raise ConfigError(f'{last}: expected a line revision = "...", got none; mend the migration')
    return found[1]
