"""Reads of scores are written to the audit in batches, by a thread beside the requests."""

from __future__ import annotations

import threading
from collections import deque

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker
from starlette.exceptions import HTTPException

from store.audit import Entry, record

SECONDS = 0.2
"""A killed process loses the reads of this long at most; one that is asked to stop, none."""
MOST = 50_000
"""Reads that may wait for a database; then scores are not given out until it is back."""

_log = structlog.get_logger("vigie.audit")


class AuditWriter:
    """Takes entries at once and writes them soon. What cannot be written waits, up to `MOST`."""

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self._sessions = sessions
        self._waiting: deque[Entry] = deque()
        self._writing = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def pending(self) -> int:
        """Entries not yet written."""
        return len(self._waiting)

    def add(self, entry: Entry) -> None:
        """Take an entry.

        Raises:
            HTTPException: 503, too many wait already: nobody reads scores without a trace.
        """
        if len(self._waiting) >= MOST:
            raise HTTPException(503, "the audit cannot be written; scores are not given out")
        self._waiting.append(entry)

    def flush(self) -> None:
        """Write all that was taken so far.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database is not usable; nothing is lost.
        """
        with self._writing:
            batch = list(self._waiting)
            if batch:
                with self._sessions.begin() as session:
                    record(session, *batch)
                for _ in batch:
                    self._waiting.popleft()

    def start(self) -> None:
        """Write from now on every `SECONDS`."""
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what is left, and end the thread.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database is not usable.
        """
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self.flush()

    def _run(self) -> None:
        while not self._stop.wait(SECONDS):
            try:
                self.flush()
            except SQLAlchemyError as error:
                _log.error("audit not written, trying again", error=str(error))
