"""The worker: one process that runs the jobs in the queue and keeps the schedules."""

from __future__ import annotations

import os
import signal
import sys
import time
from datetime import UTC, datetime
from types import FrameType

from dbos import DBOS, DBOSPortableJSONSerializer

from pipelines import jobs, schedules
from pipelines.packs import load_packs
from pipelines.printing import err
from pipelines.settings import Settings
from store.database import connect, migrate
from store.jobs import ALERT_QUEUE, APPLICATION, QUEUE, VERSION, Jobs, migrate_jobs
from store.worker_lock import WorkerLock

_EXECUTOR = "worker"
"""One name for every worker: only one runs at a time, and each takes over the last one's jobs."""

_LOOK_SECONDS = 0.5


def work(settings: Settings, parent: int | None = None) -> None:
    """Run jobs until told to stop by SIGTERM or SIGINT; never returns.

    The step that runs may finish; what comes after it is left to the next worker. A second
    worker waits until the first one is gone.

    Args:
        settings: packs, database, schedules.
        parent: stop when this process is no longer the parent.

    Raises:
        ConfigError: the packs or the schedules cannot be used.
    """
    for signal_ in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_, _stop)
    schedules.crons(settings)
    load_packs(settings.packs)
    lock = WorkerLock(settings.database)
    if not _wait_for(lock, parent):
        return
    _launch(settings)
    client = Jobs(settings.database)
    for caught_up in schedules.keep(settings, client.client, datetime.now(UTC)):
        say(caught_up)
    say("worker: ready")
    while not jobs.stopping.wait(_LOOK_SECONDS):
        if _orphaned(parent):
            jobs.stopping.set()
        if not lock.held():
            say("worker: the database let go of the lock, so another worker may run; stopping")
            _leave(1)
    _finish(settings.grace_seconds)
    _leave(0)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    jobs.stopping.set()


def _orphaned(parent: int | None) -> bool:
    return parent is not None and os.getppid() != parent


def _wait_for(lock: WorkerLock, parent: int | None) -> bool:
    """Wait for the lock; False when told to stop before it came."""
    told = False
    while not lock.take():
        if not told:
            say("worker: another worker is at work; this one waits to take over")
            told = True
        if jobs.stopping.wait(_LOOK_SECONDS) or _orphaned(parent):
            return False
    return True


def _launch(settings: Settings) -> None:
    """Start DBOS, which takes up the jobs that a dead worker left."""
    engine = connect(settings.database)
    migrate(engine)
    engine.dispose()
    _sweep(settings)
    DBOS(
        config={
            "name": APPLICATION,
            "system_database_url": migrate_jobs(settings.database),
            "application_version": VERSION,
            "executor_id": _EXECUTOR,
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "WARNING",
        }
    )
    DBOS.launch()
    for queue in (QUEUE, ALERT_QUEUE):
        DBOS.register_queue(queue, worker_concurrency=1)


def _sweep(settings: Settings) -> None:
    """Remove the panels of jobs that ended without their worker."""
    with_panel = {file.stem for file in (settings.home / "jobs").glob("*.npz")}
    store = Jobs(settings.database)
    for job_id in with_panel:
        found = store.client.list_workflows(workflow_ids=[job_id], load_output=False)
        if not found or found[0].status not in ("ENQUEUED", "PENDING"):
            jobs.panel_file(job_id).unlink(missing_ok=True)
    store.close()


def _finish(grace_seconds: float) -> None:
    """Wait until every job is parked before its next step, or has ended."""
    deadline = time.monotonic() + grace_seconds
    while time.monotonic() < deadline:
        busy = {s.workflow_id for s in DBOS.list_workflows(status="PENDING", load_output=False)}
        if busy <= jobs.parked:
            return
        time.sleep(0.1)
    say("worker: the step did not end in time; the next worker begins it again")


def _leave(status: int) -> None:
    """End the process, parked threads and all."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def say(words: str) -> None:
    """One line for the journal."""
    err.print(words, markup=False, highlight=False, soft_wrap=True)
