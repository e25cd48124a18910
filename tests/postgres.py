"""A real PostgreSQL server for tests: started once, databases without rows for each test."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text

from store import database
from store.schema import Base

MEMORY = Path("/dev/shm")  # noqa: S108
"""Where Linux keeps files in memory."""


class Postgres:
    """A running server that hands out databases."""

    def __init__(self, folder: Path) -> None:
        self._url = f"postgresql+psycopg://postgres@/%s?host={folder}"
        self._admin = create_engine(self._url % "postgres", isolation_level="AUTOCOMMIT")
        self._shared = self.created()
        engine = database.connect(self._shared)
        database.migrate(engine)
        engine.dispose()

    def created(self) -> str:
        """The URL of a new database without tables."""
        name = f"t{uuid.uuid4().hex[:12]}"
        with self._admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template0"))
        return self._url % name

    def emptied(self) -> str:
        """The URL of the one database at the newest revision, without rows.

        As a replica the server fires no triggers: here alone may frozen rows go.
        """
        engine = create_engine(self._shared)
        with engine.begin() as connection:
            connection.execute(text("SET session_replication_role = replica"))
            for table in Base.metadata.tables:
                connection.execute(text(f"DELETE FROM {table}"))
        engine.dispose()
        return self._shared

    def close(self) -> None:
        self._admin.dispose()


def programs() -> Path | None:
    """The folder of the newest server installed; Debian keeps it off the PATH."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    return folders[-1] if folders else None


@contextmanager
def running(binaries: Path) -> Iterator[Postgres]:
    """Start a server on a socket of its own; PostgreSQL refuses root, so that steps aside."""
    user = "postgres" if os.geteuid() == 0 else None
    root = os.environ.get("PYTEST_DEBUG_TEMPROOT", "/tmp")  # noqa: S108
    folder = Path(tempfile.mkdtemp(prefix="vigie-pg-", dir=root))
    if user:
        shutil.chown(folder, user, user)
    data = folder / "data"
    try:
        subprocess.run(
            [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"],
            check=True,
            capture_output=True,
            user=user,
            cwd=folder,
        )
        options = f"-k {folder} -c listen_addresses= -c fsync=off -c full_page_writes=off"
        pg_ctl = [binaries / "pg_ctl", "-D", data, "-w", "-s"]
        subprocess.run(
            [*pg_ctl, "-l", folder / "log", "-o", options, "start"],
            check=True,
            user=user,
            cwd=folder,
        )
        try:
            server = Postgres(folder)
            yield server
            server.close()
        finally:
            subprocess.run([*pg_ctl, "-m", "immediate", "stop"], check=True, user=user, cwd=folder)
    finally:
        shutil.rmtree(folder)
