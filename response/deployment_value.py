"""What one more mediator would cover, and what each constraint costs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.kernels import Floats
from response.deployment_network import effect, network
from response.deployment_programme import solve
from response.deployment_request import Request, constraints, without

POINTS = 20
_NOTHING = 1e-9


def covers(request: Request, units: pd.DataFrame, expected: Floats) -> float | None:
    """Expected incidents that the best plan covers; None where no plan keeps every constraint."""
    found = solve(network(request, units, _NOBODY), expected)
    if found is None:
        return None
    return float(expected @ effect(request, found.teams * request.team_size))


_NOBODY = pd.DataFrame({"unit_id": [], "base": [], "mediators": []})


def sized(request: Request, mediators: int) -> Request:
    """The same request with another total; beyond the first, bases grow in proportion."""
    grown = max(mediators / request.mediators, 1.0) if request.mediators else 1.0
    bases = tuple(
        b.model_copy(update={"mediators": int(np.ceil(b.mediators * grown))}) for b in request.bases
    )
    return request.model_copy(update={"mediators": mediators, "bases": bases})


def curve(request: Request, units: pd.DataFrame, expected: Floats) -> pd.DataFrame:
    """The best that each number of mediators covers, from none to twice as many.

    Args:
        request: what is asked.
        units: as `network` takes them.
        expected: expected incidents per unit, none missing.

    Returns:
        `mediators`, `covered` (missing where no plan keeps every constraint), about `POINTS`
        rows, the request's own number and one team more among them.
    """
    n, size = request.mediators, request.team_size
    numbers = {round(k * 2 * n / POINTS / size) * size for k in range(POINTS + 1)}
    numbers |= {n, n + size}
    rows = [(m, covers(sized(request, m), units, expected)) for m in sorted(numbers)]
    return pd.DataFrame(rows, columns=["mediators", "covered"]).astype({"covered": float})


def lifted(request: Request, units: pd.DataFrame, expected: Floats, most: int) -> pd.DataFrame:
    """What lifting each constraint alone would add to what is covered.

    The total is left out, which the curve speaks of.

    Args:
        request: what is asked; some plan keeps it.
        units: as `network` takes them.
        expected: expected incidents per unit, none missing.
        most: constraints to try. Of those on single units, the ones with most incidents come first.

    Returns:
        `key`, `en`, `fr`, `gain` in expected incidents, the largest first; only those tried.
    """
    now = covers(request, units, expected)
    by_unit = dict(zip(units["unit_id"], expected, strict=True))
    every = [c for c in constraints(request) if c.key != "mediators"]
    every.sort(key=lambda c: -by_unit.get(c.key.partition(":")[2], np.inf))
    rows = []
    for one in every[:most]:
        then = covers(without(request, frozenset([one.key])), units, expected)
        gain = 0.0 if then is None or now is None else then - now
        rows.append((one.key, one.en, one.fr, gain if gain > _NOTHING else 0.0))
    table = pd.DataFrame(rows, columns=["key", "en", "fr", "gain"])
    return table.sort_values("gain", ascending=False, kind="stable", ignore_index=True)
