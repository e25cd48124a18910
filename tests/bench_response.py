"""Speed of the deployment planner, measured in one run: `make bench`.

Processor seconds beside wall-clock seconds, since others may use the machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from response.deployment import Situation, no_posts, plan
from response.deployment_network import network
from response.deployment_programme import solve
from response.deployment_request import Base, Limit, Request

LANGUAGES = ("bam", "ful", "son", "dog")


def country(units: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Units in ten regions on a grid, incidents few and skewed as in Mali."""
    random = np.random.default_rng(1)
    side = max(int(units**0.5), 1)
    numbers = np.arange(units)
    expected = random.gamma(0.3, 0.35, units)
    chance = 1 - np.exp(-expected)
    table = pd.DataFrame(
        {
            "unit_id": [f"U{i:05d}" for i in numbers],
            "name": "x",
            "parent_id": [f"P{i // 13}" for i in numbers],
            "region_id": [f"R{i * 10 // units}" for i in numbers],
            "lon": -12 + 16 * (numbers % side) / side,
            "lat": 10 + 10 * numbers / units,
            "probability": chance,
            "lower": chance / 2,
            "upper": chance + (1 - chance) / 3,
            "expected_incidents": expected,
            "population": random.uniform(1e3, 1e5, units),
            "incidents_last_year": random.poisson(expected * 4).astype(float),
        }
    )
    return table, expected


def every_constraint(units: pd.DataFrame, mediators: int) -> Request:
    """All kinds of constraint at once; some plan keeps them."""
    ids = list(units["unit_id"])
    far = len(ids) * 9 // 10  # before the region that is left out
    return Request(
        mediators=mediators,
        areas={f"R{i}": Limit(minimum=mediators // 40, maximum=mediators // 4) for i in range(9)},
        units={ids[i]: Limit(minimum=2, maximum=4) for i in range(0, far, far // 8)},
        regions_out=("R9",),
        unreachable={ids[i]: "flood" for i in range(1, far, 29) if i % (far // 8)},
        must_cover=tuple(ids[i] for i in range(2, far, far // 6) if i % 29 != 1),
        bases=tuple(
            Base(
                name=f"B{j}",
                unit_id=ids[j * len(ids) // 12],
                mediators=mediators // 20 * 2 + 2,
                max_km=600 + 20 * j,
                languages=(LANGUAGES[j % 4], LANGUAGES[(j + 1) % 4]),
            )
            for j in range(12)
        ),
        languages={f"R{i}": (LANGUAGES[i % 4], LANGUAGES[(i + 2) % 4]) for i in range(5)},
    )


def took(what: str, work: Callable[[], object]) -> None:
    wall, processor = time.perf_counter(), time.process_time()
    work()
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    print(f"{what}: {wall:.2f} s, {processor:.2f} s of processor", flush=True)


def measure(number: int, mediators: int) -> None:
    """One country, without and with constraints."""
    units, expected = country(number)
    name = f"{number} units, {mediators} mediators"
    full = every_constraint(units, mediators)

    def best(request: Request) -> None:
        found = solve(network(request, units, no_posts()), expected)
        assert found is not None, "expected a plan"

    took(f"{name}, no constraint, the best plan", lambda: best(Request(mediators=mediators)))
    took(f"{name}, every constraint, the best plan", lambda: best(full))
    if number > 1000:
        return
    situation = Situation(units, 0.9)
    took(f"{name}, every constraint, with all figures", lambda: plan(situation, full))
    risk = full.risk.model_copy(update={"weight": 0.5})
    wary = full.model_copy(update={"risk": risk})
    took(f"{name}, every constraint, for bad days, with all figures", lambda: plan(situation, wary))


def main() -> None:
    for number, mediators in ((701, 404), (50_000, 4000)):
        measure(number, mediators)


if __name__ == "__main__":
    main()
