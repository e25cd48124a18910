"""What every room's tests share: where the real data are, and what spares the machine."""

from __future__ import annotations

import fcntl
import gc
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))
from postgres import MEMORY, Postgres, programs, running

# Two workers on two cores: threads of BLAS would wait for each other, and burn the time in loops.
# Libraries read this when they are loaded, and processes that tests start inherit it.
for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

# Databases of tests are written and thrown away: in memory nobody waits for a disk to have them.
if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 2 * 2**30:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))

# Libraries stay and tests leave little: to look for circles after every 700 objects finds none.
gc.set_threshold(20_000, 20, 20)

# On a busy machine an example may take long; how long says nothing about what it shows.
settings.register_profile("patient", settings(), deadline=None)
settings.load_profile("patient")

LONG = (
    "tests/serve/test_contract.py",
    "tests/test_service.py",
    "tests/pipelines/test_run.py",
    "tests/serve/test_access.py",
    "tests/pipelines/test_what_if.py",
    "tests/models/test_zoo.py",
)
"""Files that take longest: begun first, so that no worker is left alone with one at the end."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {file: number for number, file in enumerate(LONG)}
    items.sort(key=lambda item: rank.get(item.nodeid.partition("::")[0], len(LONG)))


def pytest_collection_finish() -> None:
    """What was imported and collected stays: collections need not walk it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data. Where it is absent the test skips, but on CI it fails."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        says = f"real data: expected the folder ../shared/data beside the checkout, got no {folder}"
        if os.environ.get("CI") == "true":
            pytest.fail(says)
        pytest.skip(says)
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL. Where it is not installed the test skips, but on CI it fails."""
    binaries = programs()
    if binaries is None:
        says = "PostgreSQL: expected its server, got none; on Debian: apt-get install postgresql"
        if os.environ.get("CI") == "true":
            pytest.fail(says)
        pytest.skip(says)
    with running(binaries) as server:
        yield server


@pytest.fixture(scope="session")
def tracking_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty MLflow store to copy, made once for all workers: its tables take seconds."""
    from models.registry import ModelRegistry  # loads what reads the number of threads

    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    file, unfinished = folder / "mlflow.db", folder / "mlflow.unfinished.db"
    with (folder / "mlflow.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            ModelRegistry(f"sqlite:///{unfinished}").decisions()
            unfinished.rename(file)
    return file
