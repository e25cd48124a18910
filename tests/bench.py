"""Speed and memory, measured in one run: `make bench`.

Prints seconds, and ratios to something measured beside it, which travel better between
machines. Needs the files of Mali in ../shared/data for the first part.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from features.context import Context
from features.days import day_number
from features.horizon import Horizon, TargetClass
from features.panel import build_panel
from features.vocabulary import POLITICAL_VIOLENCE
from pipelines.ingest import ingest
from pipelines.pack import load_pack
from store.lake import Lake

ROOT = Path(__file__).parents[1]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def memory_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def main() -> None:
    pack = load_pack(ROOT / "pipelines/configs/mali.toml")
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(Path(folder))
        first = seconds(lambda: ingest(pack, lake, now=NOW))
        again = seconds(lambda: ingest(pack, lake, now=NOW))
        tables = ingest(pack, lake, now=NOW).tables
    print(f"ingest Mali: {first:.2f} s; again, unchanged: {again:.2f} s, {again / first:.2f} of it")
    last = day_number("2019-12-29")
    target, horizon = TargetClass("any", POLITICAL_VIOLENCE), Horizon(0, 42)
    whole = np.arange(last - 7 * 1199, last + 1, 7)

    def panel(days: np.ndarray) -> None:
        built = build_panel(Context(tables, days, target, horizon))
        shape = "{2} units x {1} days x {0} features".format(*built.values.shape)
        print(f"panel of {shape}", end=": ")

    tenth = seconds(lambda: panel(whole[-120:]))
    print(f"{tenth:.2f} s")
    took = seconds(lambda: panel(whole))
    print(f"{took:.2f} s, {took / tenth:.1f} times a tenth of it; peak {memory_gb():.2f} GB")


if __name__ == "__main__":
    main()
