"""Jobs: what planners ask for and a worker does. Here `serve/` and `pipelines/` meet.

A job is a durable workflow of DBOS. This module knows its name, its queue, its steps and the
shape of its request; the steps themselves are in `pipelines/jobs.py`. DBOS takes half a second
to import, so it is imported when the first job is looked at.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import create_engine, make_url

from features.errors import ConflictError, NotFoundError

if TYPE_CHECKING:
    from dbos import DBOSClient, WorkflowStatus

APPLICATION = "vigie"
VERSION = "1"
"""Changes when the steps of a job do: a worker leaves jobs of another version alone."""

QUEUE = "vigie"
ALERT_QUEUE = "vigie-alerts"
"""A queue of its own: alerts do not wait behind a forecast."""
FORECAST, REFRESH, RETRAIN, TRAIN = "forecast", "refresh", "retrain", "train-ahead"
PULL = "pull"
ALERTS = "alerts"
STEPS = ("ingest", "features", "train", "forecast")
"""Steps of a forecast, in order. A finished one is not done again."""

PROGRESS = "progress"
MOST_UNFINISHED = 20
_TICK = timedelta(seconds=1)  # DBOS keeps whole seconds on SQLite
"""Jobs that one person may have waiting or running: a convention of Vigie."""

_IDS = uuid.UUID("6f2c1f5e-7f0b-4f3b-9a57-0d6b5a3c9e21")


class Ask(BaseModel):
    """One forecast asked for.

    Attributes:
        election_id: the round.
        target: the incidents that count.
        as_of: the day whose knowledge may be used; None leaves it to the job.
        asked_on: the day of asking, by the clock of whoever wrote the job down.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    election_id: str
    target: str = "any"
    as_of: date | None = None
    asked_on: date

    @property
    def question(self) -> tuple[str, str, date | None]:
        """What makes two requests the same."""
        return self.election_id, self.target, self.as_of


class State(StrEnum):
    """Where a job is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


_STATES = {
    "DELAYED": State.WAITING,
    "ENQUEUED": State.WAITING,
    "PENDING": State.RUNNING,
    "SUCCESS": State.DONE,
    "ERROR": State.FAILED,
    "CANCELLED": State.CANCELLED,
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": State.FAILED,
}
_UNFINISHED = ["DELAYED", "ENQUEUED", "PENDING"]


@dataclass(frozen=True)
class Job:
    """A forecast asked for, and how far it is.

    Attributes:
        owner: id of the token that asked; empty for the schedule.
        says: what the worker is doing, in words.
        steps_done: names of the finished steps.
        result: what the last step gave: `bulletin_id`, `units`, `abstained`.
        fault: name of the error's class and its message.
    """

    job_id: str
    owner: str
    ask: Ask
    state: State
    created_at: datetime
    finished_at: datetime | None
    says: str = ""
    steps_done: tuple[str, ...] = ()
    result: Mapping[str, Any] = field(default_factory=dict)
    fault: tuple[str, str] | None = None


def jobs_url(database_url: str) -> str:
    """Where the jobs are kept.

    Beside a SQLite database in a file of their own, since a worker that looks for jobs every
    second would hold up the writers of the other; within PostgreSQL in the schema `dbos`.
    """
    url = make_url(database_url)
    if url.get_backend_name() != "sqlite":
        return database_url
    file = Path(url.database or "vigie.db")
    return f"sqlite:///{file.with_name(file.stem + '-jobs' + file.suffix)}"


def migrate_jobs(database_url: str) -> str:
    """Make the tables of the jobs, or bring them up to date; return their address."""
    from dbos import DBOS

    url = jobs_url(database_url)
    if url.startswith("sqlite"):
        Path(str(make_url(url).database)).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url)
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        engine.dispose()
    _quieten()
    DBOS.migrate(url)
    return url


def _quieten() -> None:
    import logging

    logging.getLogger("dbos").setLevel(logging.WARNING)


class Jobs:
    """The jobs beside one operational database; connects when first used.

    Args:
        database_url: the operational database's address.
    """

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._opened: DBOSClient | None = None
        self._opening = threading.Lock()

    @property
    def client(self) -> DBOSClient:
        """The client of the queue.

        Raises:
            sqlalchemy.exc.OperationalError: the database cannot be reached.
        """
        from dbos import DBOSClient, DBOSPortableJSONSerializer

        with self._opening:
            if self._opened is None:
                self._opened = DBOSClient(
                    system_database_url=migrate_jobs(self._database_url),
                    application_name=APPLICATION,
                    # Plain JSON: a pickle in a database runs code when it is read.
                    serializer=DBOSPortableJSONSerializer(),
                    retry_connection_errors=False,
                )
            return self._opened

    def close(self) -> None:
        """Close the connections, if there are any."""
        if self._opened is not None:
            self._opened.destroy()
            self._opened = None

    def ask(self, ask: Ask, owner: str, key: str | None = None) -> Job:
        """Write a forecast down for a worker, or find the job that it already is.

        The same key gives the same job for ever. Without one, a question of the same owner
        that is still waiting or running gives its job.

        Args:
            ask: what is asked.
            owner: id of the token that asks.
            key: the owner's own name for the request (Idempotency-Key).

        Raises:
            ConflictError: the key was used for another question, or the owner has too many
                jobs that are not finished.
        """
        from dbos._error import DBOSQueueDeduplicatedError

        job_id = str(uuid.uuid5(_IDS, f"{owner}\n{key}") if key else uuid.uuid4())
        kept = self._find(job_id) if key else None
        if kept is None:
            self._refuse_flood(owner, ask)
            options = {
                "workflow_name": FORECAST,
                "queue_name": QUEUE,
                "workflow_id": job_id,
                "app_version": VERSION,
                "authenticated_user": owner,
                "priority": 1,
            }
            if key is None:
                said = "\n".join(str(part) for part in (owner, *ask.question))
                options |= {"deduplication_id": said, "duplication_policy": "return-existing"}
            try:
                handle: Any = self.client.enqueue(options, ask.model_dump(mode="json"))  # type: ignore[arg-type]
            except DBOSQueueDeduplicatedError as error:
                raise ConflictError("this question is being asked already; ask again") from error
            return self.job(handle.get_workflow_id(), owner)
        if kept.ask.question != ask.question:
            raise ConflictError(
                "Idempotency-Key: expected a new one for a new question, got the one of "
                f"{kept.ask.election_id}, {kept.ask.target}, {kept.ask.as_of or 'no day'}; "
                "send another key, or none"
            )
        return kept

    def _refuse_flood(self, owner: str, ask: Ask) -> None:
        open_ = self.client.list_workflows(
            user=owner, name=FORECAST, status=_UNFINISHED, load_output=False
        )
        if any(_ask(status).question == ask.question for status in open_):
            return
        if len(open_) >= MOST_UNFINISHED:
            raise ConflictError(
                f"expected at most {MOST_UNFINISHED} forecasts waiting or running, got "
                f"{len(open_) + 1}; wait for them, or cancel some"
            )

    def job(self, job_id: str, owner: str | None) -> Job:
        """A job of `owner`, with its progress; of anyone when None.

        Raises:
            NotFoundError: the owner has no such job.
        """
        found = self._find(job_id)
        if found is None or owner not in (None, found.owner):
            raise NotFoundError(
                f"expected the id of a forecast of yours, got {job_id!r}; "
                "GET /v1/forecasts lists them"
            )
        return found

    def _find(self, job_id: str) -> Job | None:
        found = self.client.list_workflows(workflow_ids=[job_id], name=FORECAST)
        return self._read(found[0]) if found else None

    def of(
        self, owner: str | None, *, limit: int = 50, after: tuple[datetime, str] | None = None
    ) -> list[Job]:
        """Jobs of one owner, or of all when None, the newest first.

        Args:
            owner: id of who asked.
            limit: most to return.
            after: moment and id of the last job of the page before.
        """
        most = limit + MOST_UNFINISHED
        while True:
            found = self.client.list_workflows(
                user=owner,
                name=FORECAST,
                limit=most,
                end_time=(after[0] + _TICK).isoformat() if after else None,
                sort_desc=True,
            )
            # Jobs of one moment come in any order: those of the last one may have been cut.
            whole = [s for s in found if len(found) < most or _made(s) > _made(found[-1])]
            order = sorted(whole, key=lambda s: (_made(s), s.workflow_id), reverse=True)
            later = [s for s in order if after is None or (_made(s), s.workflow_id) < after]
            if len(later) >= limit or len(found) < most:
                return [self._read(status) for status in later[:limit]]
            most *= 2

    def cancel(self, job_id: str, owner: str | None) -> Job:
        """Take a job back; what it has already finished stays.

        Raises:
            NotFoundError: the owner has no such job.
            ConflictError: it has ended.
        """
        found = self.job(job_id, owner)
        if found.state in (State.DONE, State.FAILED):
            raise ConflictError(f"expected a job that waits or runs, got one that is {found.state}")
        self.client.cancel_workflow(job_id)
        return self.job(job_id, owner)

    def _read(self, status: WorkflowStatus) -> Job:
        state = _STATES[status.status]
        steps: tuple[str, ...] = STEPS if state is State.DONE else ()
        says = ""
        if state not in (State.DONE, State.WAITING) or (status.recovery_attempts or 0) > 0:
            done = self.client.list_workflow_steps(status.workflow_id)
            steps = tuple(s["function_name"] for s in done if s["error"] is None)
            says = self.client.get_event(status.workflow_id, PROGRESS, 0) or ""
        return Job(
            job_id=status.workflow_id,
            owner=status.authenticated_user or "",
            ask=_ask(status),
            state=state,
            created_at=_made(status),
            finished_at=_moment(status.completed_at),
            says=says if state in (State.RUNNING, State.WAITING) else "",
            steps_done=tuple(name for name in STEPS if name in steps),
            result=(status.output or {}) if state is State.DONE else {},
            fault=_fault(status),
        )


def _ask(status: WorkflowStatus) -> Ask:
    inputs = status.input or {"args": ()}
    return Ask.model_validate(inputs["args"][0])


def _made(status: WorkflowStatus) -> datetime:
    return _moment(status.created_at) or datetime.min.replace(tzinfo=UTC)


def _moment(epoch_ms: int | None) -> datetime | None:
    return None if epoch_ms is None else datetime.fromtimestamp(epoch_ms / 1000, UTC)


def _fault(status: WorkflowStatus) -> tuple[str, str] | None:
    if status.status == "MAX_RECOVERY_ATTEMPTS_EXCEEDED":
        says = f"the worker died {status.recovery_attempts} times in the middle of this job"
        return "WorkerDied", says
    if status.error is None:
        return None
    return getattr(status.error, "name", type(status.error).__name__), str(status.error)
