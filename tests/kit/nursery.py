"""Starts real workers quickly: it has imported everything and forks one for each line it reads.

A line is `WORDS<tab>MARK<tab>LOG`. The worker touches MARK and halts for ever once the step that
begins with WORDS has done its work, before DBOS writes the step down; with no WORDS it never
halts. LOG gets a line for each step that begins. Printed are the worker's process id and, once
it has ended, its exit status.
"""

from __future__ import annotations

import os
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mlflow.sklearn  # noqa: F401 - takes seconds, once
import xgboost  # noqa: F401

from pipelines import jobs, worker
from pipelines.settings import Settings

_begun = jobs.begun


def work(words: str, mark: str, log: str) -> None:
    @contextmanager
    def begun(says: str) -> Iterator[None]:
        with _begun(says):
            with Path(log).open("a") as out:
                out.write(says + "\n")
            yield
        if says == words:
            Path(mark).touch()
            threading.Event().wait()

    jobs.begun = begun
    try:
        worker.work(Settings())
    except BaseException:  # noqa: BLE001 - a forked child must not go on as its parent
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        work(*line.rstrip("\n").split("\t"))
    print(pid, flush=True)
    _, status = os.waitpid(pid, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
