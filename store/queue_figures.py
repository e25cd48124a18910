"""The queue in numbers, for `/health`: read from DBOS's table without importing DBOS."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import create_engine, inspect, make_url, text

from store.jobs import FORECAST, jobs_url
from store.worker_lock import WorkerLock


@dataclass(frozen=True)
class Figures:
    """The queue in numbers.

    Attributes:
        worker: whether a worker is running.
        failed_last_day: forecasts that failed in the last 24 hours.
        oldest_waiting_seconds: how long the first in the queue has waited.
    """

    worker: bool
    waiting: int
    running: int
    failed_last_day: int
    oldest_waiting_seconds: float | None


_COUNTS = """
SELECT
  COUNT(CASE WHEN status IN ('ENQUEUED', 'DELAYED') THEN 1 END) AS waiting,
  COUNT(CASE WHEN status = 'PENDING' THEN 1 END) AS running,
  COUNT(CASE WHEN name = :forecast AND completed_at >= :day_ago
             AND status IN ('ERROR', 'MAX_RECOVERY_ATTEMPTS_EXCEEDED') THEN 1 END) AS failed,
  MIN(CASE WHEN status IN ('ENQUEUED', 'DELAYED') THEN created_at END) AS oldest
FROM {table}
"""


def figures(database_url: str, now: datetime) -> Figures | None:
    """Count the jobs.

    Args:
        database_url: the operational database's address.
        now: the moment, with a time zone.

    Returns:
        None where nothing was ever asked and no worker ever ran.

    Raises:
        sqlalchemy.exc.OperationalError: the database cannot be reached.
    """
    url = make_url(jobs_url(database_url))
    schema = None
    if url.get_backend_name() != "sqlite":
        url, schema = url.set(drivername="postgresql+psycopg"), "dbos"
    elif not Path(str(url.database)).exists():
        return None
    engine = create_engine(url)
    try:
        if not inspect(engine).has_table("workflow_status", schema=schema):
            return None
        table = f"{schema}.workflow_status" if schema else "workflow_status"
        day_ago = int((now - timedelta(days=1)).timestamp() * 1000)
        with engine.connect() as connection:
            row = connection.execute(
                text(_COUNTS.format(table=table)), {"forecast": FORECAST, "day_ago": day_ago}
            ).one()
    finally:
        engine.dispose()
    return Figures(
        worker=WorkerLock(database_url).taken(),
        waiting=row.waiting,
        running=row.running,
        failed_last_day=row.failed,
        oldest_waiting_seconds=None if row.oldest is None else now.timestamp() - row.oldest / 1000,
    )
