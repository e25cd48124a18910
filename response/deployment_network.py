"""Who goes where as a flow: teams run from bases through units and regions to one total.

Each unit's concave effect is cut into one increment per team, the larger first. Rows of supply
(base, and post within base) and of demand (unit within parent area within region within total)
are nested, so the matrix is that of a network flow and its vertices are whole numbers (Ahuja,
Magnanti and Orlin 1993, "Network Flows", chapters 11 and 14.4): the linear programme that HiGHS
solves (`response.deployment_programme`) gives the optimum in whole teams.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.errors import ContractError
from features.kernels import Floats
from features.sphere import kilometres
from response.deployment_request import Request

Ints = NDArray[np.int64]
_SATURATED = 1e-6


@dataclass(frozen=True)
class Supply:
    """Teams that stand or live at one place.

    Attributes:
        base: name of their home base; empty where they may come from anywhere.
        unit: index of the unit where they stand already; -1 where nowhere.
        teams: how many.
        units: indices of the units that they may go to.
        cost: of going to each of them, in expected incidents per team.
    """

    base: str
    unit: int
    teams: int
    units: Ints
    cost: Floats


@dataclass(frozen=True)
class Network:
    """A request as numbers, in teams.

    Attributes:
        least: teams that each unit must have, shape (units,).
        most: teams that each unit may have.
        total: teams in all.
        areas: rows of units of a limited area, with its least and most teams.
        supplies: where teams come from; empty where from anywhere.
        base_teams: base -> teams that live there.
        effect: share of incidents covered by 0, 1, 2, ... teams.
    """

    least: Ints
    most: Ints
    total: int
    areas: tuple[tuple[Ints, int, int], ...]
    supplies: tuple[Supply, ...]
    base_teams: dict[str, int]
    effect: Floats


def effect(request: Request, mediators: Ints | int) -> Floats:
    """Share of a unit's expected incidents that mediators there cover: an assumption.

    1 - (1 - effectiveness)^m up to the cap: each mediator covers the same share of what the
    others leave, so the effect is concave.
    """
    counted = np.minimum(np.asarray(mediators, dtype=float), request.cap)
    covered: Floats = 1 - (1 - request.effectiveness) ** counted
    return covered


def network(request: Request, units: pd.DataFrame, posts: pd.DataFrame) -> Network:
    """The request as numbers.

    Args:
        request: what is asked.
        units: `unit_id`, `parent_id`, `region_id`, `lon`, `lat`, one row per unit.
        posts: `unit_id`, `base`, `mediators` of the plan before; may be empty.

    Raises:
        ContractError: an id that no unit or area has, or languages without bases.
    """
    _require_ids(request, units)
    size = request.team_size
    total = request.mediators // size
    saturated = int(np.ceil(np.log(_SATURATED) / np.log(1 - request.effectiveness) / size)) + 1
    cap = min(request.cap // size, max(saturated, 1)) if request.cap < 10**6 else saturated
    least = np.zeros(len(units), dtype=np.int64)
    most = np.full(len(units), min(cap, max(total, 0)), dtype=np.int64)
    at = {u: i for i, u in enumerate(units["unit_id"])}
    if request.cap >= 10**6:
        for unit_id, limit in request.units.items():
            most[at[unit_id]] = max(most[at[unit_id]], -(-limit.minimum // size))
    for unit_id, limit in request.units.items():
        least[at[unit_id]] = -(-limit.minimum // size)
        if limit.maximum is not None:
            most[at[unit_id]] = min(most[at[unit_id]], limit.maximum // size)
    for unit_id in request.must_cover:
        least[at[unit_id]] = max(least[at[unit_id]], 1)
    most[_closed(request, units)] = 0
    areas = []
    for name, limit in request.areas.items():
        inside = np.flatnonzero((units["region_id"] == name) | (units["parent_id"] == name))
        top = UNLIMITED_TEAMS if limit.maximum is None else limit.maximum // size
        areas.append((inside, -(-limit.minimum // size), top))
    supplies = _supplies(request, units, posts, most)
    base_teams = {b.name: b.mediators // size for b in request.bases}
    steps = effect(request, np.arange(max(int(most.max(initial=0)), 1) + 1) * size)
    return Network(least, most, total, tuple(areas), supplies, base_teams, steps)


UNLIMITED_TEAMS = 10**9


def _closed(request: Request, units: pd.DataFrame) -> NDArray[np.bool_]:
    closed = units["unit_id"].isin(list(request.unreachable))
    closed |= units["region_id"].isin(request.regions_out)
    if request.regions_in:
        closed |= ~units["region_id"].isin(request.regions_in)
    return closed.to_numpy(dtype=bool)


def _require_ids(request: Request, units: pd.DataFrame) -> None:
    ids, regions = set(units["unit_id"]), set(units["region_id"])
    areas = regions | set(units["parent_id"])
    asked: list[tuple[str, set[str], set[str]]] = [
        ("areas", set(request.areas), areas),
        ("units", set(request.units), ids),
        ("regions_in", set(request.regions_in), regions),
        ("regions_out", set(request.regions_out), regions),
        ("unreachable", set(request.unreachable), ids),
        ("must_cover", set(request.must_cover), ids),
        ("bases, unit_id", {b.unit_id for b in request.bases}, ids),
        ("languages", set(request.languages), areas | ids),
    ]
    for key, given, known in asked:
        wrong = sorted(given - known)
        if wrong:
            raise ContractError(
                f"deployment, {key}: expected ids of the bulletin's registry, such as "
                f"{min(known)}, got {', '.join(wrong[:5])}"
            )
    if request.languages and not request.bases:
        raise ContractError(
            "deployment, languages: expected bases that say what their mediators speak, got no "
            "bases; add them, or leave languages out"
        )


def _supplies(
    request: Request, units: pd.DataFrame, posts: pd.DataFrame, most: Ints
) -> tuple[Supply, ...]:
    """Teams by base and by the post that they hold; nothing where it makes no difference."""
    moving = request.moving
    costly = bool(len(posts)) and (moving.each > 0 or moving.per_100_km > 0)
    if not request.bases and not costly:
        return ()
    at = {u: i for i, u in enumerate(units["unit_id"])}
    open_ = most > 0
    if request.bases:
        reach = {b.name: open_ & _reached(request, units, at, b.name) for b in request.bases}
    else:
        reach = {"": open_}
    size = request.team_size
    posted: dict[str, int] = dict.fromkeys(reach, 0)
    found = []
    listed = zip(posts["base"], posts["unit_id"], posts["mediators"], strict=True)
    for base, unit_id, people in listed if costly else ():
        start, teams = at.get(unit_id), int(people) // size
        if base not in reach or start is None or teams == 0:
            continue
        units_there = np.flatnonzero(reach[base])
        cost = moving.each + moving.per_100_km * kilometres(units, start)[units_there] / 100
        cost[units_there == start] = 0
        found.append(Supply(base, start, teams, units_there, cost * size))
        posted[base] += teams
    everybody = {b.name: b.mediators // size for b in request.bases} or {
        "": request.mediators // size
    }
    for base, teams in everybody.items():
        there = np.flatnonzero(reach[base])
        rest = max(teams - posted[base], 0)
        found.append(Supply(base, -1, rest, there, np.zeros(len(there))))
    return tuple(found)


def _reached(
    request: Request, units: pd.DataFrame, at: dict[str, int], name: str
) -> NDArray[np.bool_]:
    base = next(b for b in request.bases if b.name == name)
    near = np.ones(len(units), dtype=bool)
    if base.max_km is not None:
        near = kilometres(units, at[base.unit_id]) <= base.max_km
    if request.languages and base.languages:
        spoken = set(base.languages)
        needed = [
            next((request.languages[i] for i in place if i in request.languages), None)
            for place in zip(units["unit_id"], units["parent_id"], units["region_id"], strict=True)
        ]
        near &= np.array([n is None or not spoken.isdisjoint(n) for n in needed])
    return near
