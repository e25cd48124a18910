"""`vigie worker`, `vigie schedule`, `vigie backup` and `vigie restore`: running the service."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from features.errors import NotFoundError
from pipelines.printing import err, out, table
from pipelines.settings import Settings

if TYPE_CHECKING:
    from dbos import DBOSClient

app = typer.Typer(help="Show and steer what the worker does by itself.")
Name = Annotated[str, typer.Argument(help="refresh, retrain, pull or alerts")]


def worker(
    parent: Annotated[
        int | None, typer.Option(help="Stop when this process is gone", hidden=True)
    ] = None,
) -> None:
    """Run the jobs that planners ask for, and keep the schedules, until told to stop."""
    from pipelines.worker import work

    work(Settings(), parent)


@contextmanager
def beside(settings: Settings) -> Iterator[None]:
    """A worker in a process of its own while the service runs; begun anew when it dies."""
    over = threading.Event()
    command = [sys.executable, "-m", "pipelines.cli", "worker", "--parent", str(os.getpid())]
    held: list[subprocess.Popen[bytes]] = []

    def watch() -> None:
        while not over.is_set():
            held[:] = [subprocess.Popen(command)]  # noqa: S603
            status = held[0].wait()
            if not over.wait(5.0):
                err.print(f"worker: ended with status {status}, begun anew", highlight=False)

    # uvicorn raises the signal again once it has shut down: without a handler of ours the
    # process would end there and leave the worker to notice by itself.
    signal.signal(signal.SIGTERM, _end)
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        if held and held[0].poll() is None:
            held[0].terminate()
            try:
                held[0].wait(settings.grace_seconds + 10)
            except subprocess.TimeoutExpired:
                held[0].kill()


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


Archive = Annotated[Path, typer.Argument(help="The archive, for example vigie-2026-01-31.tar.gz")]


def backup(file: Archive) -> None:
    """Write database, lake and MLflow's store into one archive; the service may run meanwhile."""
    from pipelines.backup import backup as write

    manifest = write(Settings(), file, datetime.now(UTC))
    out.print(f"{file}: {len(manifest['files'])} files", soft_wrap=True)
    out.print(f"MLflow: {manifest['mlflow']}")


def migrate() -> None:
    """Bring the database to the newest revision; a worker does so by itself when it starts."""
    from store.database import connect, newest_revision
    from store.database import migrate as bring

    engine = connect(Settings().database)
    bring(engine)
    engine.dispose()
    out.print(f"database: at revision {newest_revision()}")


def restore(file: Archive) -> None:
    """Make an empty home again from an archive."""
    from pipelines.backup import restore as read

    manifest = read(Settings(), file)
    out.print(f"restored {len(manifest['files'])} files of {manifest['created_at']}")


@app.command("list")
def schedule_list() -> None:
    """Show the schedules: when they are due, when they last ran, and what came of it."""
    from pipelines import schedules

    settings, now = Settings(), datetime.now(UTC)
    with _client(settings) as client:
        stand = [
            schedules.standing(client, name, cron, now)
            for name, cron in schedules.crons(settings).items()
        ]
    shown = table("schedules, UTC", "name", "cron", "next", "last", "state", "missed")
    for one in stand:
        shown.add_row(
            one.name,
            "paused" if one.paused else one.cron or "off",
            f"{one.next_run:%Y-%m-%d %H:%M}" if one.next_run and not one.paused else "",
            f"{one.last_run:%Y-%m-%d %H:%M}" if one.last_run else "never",
            one.last_state,
            f"{one.missed}",
        )
    out.print(shown)
    for one in stand:
        for pack, said in one.last_result.items():
            out.print(f"{one.name}, {pack}: {said}", markup=False, soft_wrap=True)


@app.command("run")
def schedule_run(name: Name) -> None:
    """Begin a run now; the worker takes it up."""
    with _client(Settings()) as client:
        _require(client, name)
        client.trigger_schedule(name)
    out.print(f"{name}: asked for")


@app.command("pause")
def schedule_pause(name: Name) -> None:
    """Hold a schedule until it is resumed."""
    with _client(Settings()) as client:
        _require(client, name)
        client.pause_schedule(name)
    out.print(f"{name}: paused")


@app.command("resume")
def schedule_resume(name: Name) -> None:
    """Let a paused schedule run again."""
    with _client(Settings()) as client:
        _require(client, name)
        client.resume_schedule(name)
    out.print(f"{name}: resumed")


def _require(client: DBOSClient, name: str) -> None:
    if client.get_schedule(name) is None:
        known = ", ".join(s["schedule_name"] for s in client.list_schedules()) or "none"
        raise NotFoundError(
            f"schedule: expected one of those that a worker keeps ({known}), got {name!r}; "
            "start 'vigie worker' once, or set its cron line"
        )


@contextmanager
def _client(settings: Settings) -> Iterator[DBOSClient]:
    from store.jobs import Jobs

    jobs = Jobs(settings.database)
    try:
        yield jobs.client
    finally:
        jobs.close()
