"""One worker at a time per database: the lock that it holds while it lives.

The system frees the lock when its holder dies, however it dies, so that a worker that waits
can take over and finish what the other had begun. It also tells `/health` whether a worker is
there at all.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from store.jobs import jobs_url

_KEY = int.from_bytes(b"vigie", "big")
"""Number of the advisory lock in PostgreSQL."""


class WorkerLock:
    """The lock of one database: a locked file beside SQLite, an advisory lock in PostgreSQL.

    Args:
        database_url: the operational database's address.
    """

    def __init__(self, database_url: str) -> None:
        url = make_url(jobs_url(database_url))
        self._file: Path | None = None
        self._handle: int | None = None
        self._session: Connection | None = None
        if url.get_backend_name() == "sqlite":
            self._file = Path(f"{url.database}.worker")
        else:
            self._engine = create_engine(
                url.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
            )

    def take(self) -> bool:
        """Take the lock; False where another process holds it."""
        if self._file is None:
            return self._take_advisory()
        self._file.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._handle = handle
        return True

    def _take_advisory(self) -> bool:
        session = self._engine.connect()
        if session.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _KEY}):
            self._session = session
            return True
        session.close()
        return False

    def held(self) -> bool:
        """Whether the lock that was taken still counts: PostgreSQL may have been restarted."""
        if self._session is None:
            return self._handle is not None
        try:
            return bool(self._session.scalar(text("SELECT 1")))
        except SQLAlchemyError:
            return False

    def release(self) -> None:
        """Give the lock back."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
        if self._session is not None:
            self._session.close()
            self._session = None
            self._engine.dispose()

    def taken(self) -> bool:
        """Whether some process holds the lock, that is, whether a worker is there."""
        if self._handle is not None or self._session is not None:
            return True
        if self._file is not None and not self._file.exists():
            return False
        free = self.take()
        if free:
            self.release()
        return not free
