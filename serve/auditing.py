"""Reads of scores are written to the audit in batches, by a thread beside the requests."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

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


_Key = tuple[str, str, str, str | None]


class AuditWriter:
    """Takes entries at once and writes them soon. What cannot be written waits, up to `MOST`.

    The same read by the same reader within one batch is one entry, with how often it was done.
    """

    def __init__(
        self, sessions: sessionmaker[Session], beside: Callable[[], None] | None = None
    ) -> None:
        """`beside` is called as often as entries are written, and at the end."""
        self._sessions = sessions
        self._beside = beside or (lambda: None)
        self._waiting: dict[_Key, Entry] = {}
        self._counts: dict[_Key, int] = {}
        self._taking = threading.Lock()
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
        key = (entry.actor, entry.action, entry.subject, entry.bulletin_id)
        with self._taking:
            if key in self._waiting:
                self._counts[key] += entry.reads
            elif len(self._waiting) >= MOST:
                raise HTTPException(503, "the audit cannot be written; scores are not given out")
            else:
                self._waiting[key], self._counts[key] = entry, entry.reads

    def read(
        self,
        at: datetime,
        actor: str,
        action: str,
        subject: str,
        bulletin_id: str | None,
        request_id: str | None,
    ) -> None:
        """Take an entry by its columns: cheap where the same one waits already.

        Raises:
            HTTPException: 503, too many wait already: nobody reads scores without a trace.
        """
        key = (actor, action, subject, bulletin_id)
        with self._taking:
            if key in self._waiting:
                self._counts[key] += 1
                return
        self.add(Entry(at, actor, action, subject, bulletin_id, request_id))

    def flush(self) -> None:
        """Write all that was taken so far.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database is not usable; nothing is lost.
        """
        with self._writing:
            with self._taking:
                counts, self._counts = self._counts, {}
                waiting, self._waiting = self._waiting, {}
            if not waiting:
                return
            batch = [replace(entry, reads=counts[key]) for key, entry in waiting.items()]
            try:
                with self._sessions.begin() as session:
                    record(session, *batch)
            except SQLAlchemyError:
                self._put_back(batch)
                raise

    def _put_back(self, batch: list[Entry]) -> None:
        with self._taking:
            later, counts = self._waiting, self._counts
            self._waiting, self._counts = {}, {}
            for entry in [*batch, *(replace(e, reads=counts[k]) for k, e in later.items())]:
                key = (entry.actor, entry.action, entry.subject, entry.bulletin_id)
                self._waiting.setdefault(key, entry)
                self._counts[key] = self._counts.get(key, 0) + entry.reads

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
        self._beside()
        self.flush()

    def _run(self) -> None:
        while not self._stop.wait(SECONDS):
            self._beside()
            try:
                self.flush()
            except SQLAlchemyError as error:
                _log.error("audit not written, trying again", error=str(error))
