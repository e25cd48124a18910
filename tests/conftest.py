"""What every room's tests share: where the real data are, and one thread for linear algebra."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from postgres import Postgres, programs, running

# Two workers on two cores: threads of BLAS would wait for each other, and burn the time in loops.
# Libraries read this when they are loaded, and processes that tests start inherit it.
for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")


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
