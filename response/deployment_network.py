"""Who goes where as a flow: teams run from bases through units and regions to one total.

Each unit's concave effect is cut into one increment per team, the larger first. Rows of supply
(base, and post within base) and of demand (unit within parent area within region within total)
are nested, so the matrix is that of a network flow and its vertices are whole numbers (Ahuja,
Magnanti and Orlin 1993, "Network Flows", chapters 11 and 14.4): the linear programme that HiGHS
solves gives the optimum in whole teams, and `solve` checks that it did.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, OptimizeResult, linprog, milp

from features.errors import ContractError
from features.kernels import Floats
from features.space import EARTH_RADIUS_KM
from response.deployment_request import Request

Ints = NDArray[np.int64]
_SATURATED = 1e-6
_WHOLE = 1e-6


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


@dataclass(frozen=True)
class Flow:
    """A solution: teams per unit, and per supply and unit where supplies were told apart."""

    teams: Ints
    sent: tuple[tuple[int, int, int], ...]
    value: float


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


def kilometres(units: pd.DataFrame, start: int) -> Floats:
    """Great-circle distance from one unit's centre to every unit's, shape (units,)."""
    lon, lat = (np.radians(units[c].to_numpy(dtype=float)) for c in ("lon", "lat"))
    half = np.sin((lat - lat[start]) / 2) ** 2
    half += np.cos(lat) * np.cos(lat[start]) * np.sin((lon - lon[start]) / 2) ** 2
    km: Floats = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(half, 0, 1)))
    return km


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
    for row in posts.itertuples(index=False) if costly else ():
        base, start, teams = str(row.base), at.get(str(row.unit_id)), int(row.mediators) // size
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


@dataclass(frozen=True)
class Programme:
    """The linear programme of a network. Columns: increments of units, then arcs of supplies.

    Attributes:
        unit: unit of each increment; step: which of its teams, from 1.
        arc: supply of each arc, and its unit in `arc_unit`.
    """

    unit: Ints
    step: Ints
    arc: Ints
    arc_unit: Ints
    cost: Floats
    equal: sparse.csr_array | None
    matrix: sparse.csr_array
    most: Floats
    bounds: NDArray[np.float64]


def programme(net: Network, expected: Floats) -> Programme:
    """The linear programme that maximises what is covered, as a minimum.

    Args:
        net: the request as numbers.
        expected: expected incidents per unit, shape (units,); none missing.
    """
    n = len(net.least)
    unit = np.repeat(np.arange(n), net.most)
    step = np.arange(len(unit)) - np.repeat(np.cumsum(net.most) - net.most, net.most) + 1
    gain = expected[unit] * (net.effect[step] - net.effect[step - 1])
    open_ = net.most > 0
    supplies = [(s.units[open_[s.units]], s.cost[open_[s.units]]) for s in net.supplies]
    sizes = [len(there) for there, _ in supplies]
    arc = np.repeat(np.arange(len(net.supplies)), sizes)
    arc_unit = np.concatenate([there for there, _ in supplies] or [np.zeros(0, dtype=np.int64)])
    arc_cost = np.concatenate([cost for _, cost in supplies] or [np.zeros(0)])
    increments, width = len(unit), len(unit) + len(arc)
    rows: list[tuple[Ints, float, float]] = [(np.arange(increments), 1.0, float(net.total))]
    for inside, low, high in net.areas:
        columns = np.flatnonzero(np.isin(unit, inside))
        if high < UNLIMITED_TEAMS:
            rows.append((columns, 1.0, float(high)))
        if low > 0:
            rows.append((columns, -1.0, -float(low)))
    arcs = increments + np.arange(len(arc))
    for number, supply in enumerate(net.supplies):
        rows.append((arcs[arc == number], 1.0, float(supply.teams)))
    for base, teams in net.base_teams.items():
        of_base = [k for k, s in enumerate(net.supplies) if s.base == base]
        if len(of_base) > 1:
            rows.append((arcs[np.isin(arc, of_base)], 1.0, float(teams)))
    equal = None
    if net.supplies:
        signs = np.concatenate([-np.ones(increments), np.ones(len(arc))])
        places = np.concatenate([unit, arc_unit])
        equal = sparse.csr_array((signs, (places, np.arange(width))), shape=(n, width))
    lowest = np.concatenate([(step <= net.least[unit]).astype(float), np.zeros(len(arc))])
    highest = np.concatenate([np.ones(increments), net.most[arc_unit].astype(float)])
    return Programme(
        unit=unit,
        step=step,
        arc=arc,
        arc_unit=arc_unit,
        cost=np.concatenate([-gain, arc_cost]),
        equal=equal,
        matrix=_matrix(rows, width),
        most=np.array([row[2] for row in rows]),
        bounds=np.column_stack([lowest, highest]),
    )


def _matrix(rows: list[tuple[Ints, float, float]], width: int) -> sparse.csr_array:
    columns = np.concatenate([row[0] for row in rows])
    numbers = np.repeat(np.arange(len(rows)), [len(row[0]) for row in rows])
    signs = np.concatenate([np.full(len(row[0]), row[1]) for row in rows])
    return sparse.csr_array((signs, (numbers, columns)), shape=(len(rows), width))


def pruned(net: Network, expected: Floats) -> Network:
    """The network without units that some best plan leaves empty.

    Units of the same limited areas that the same supplies reach at no cost are told apart by their
    expected incidents alone. Of each such class no more units can be used than there are teams
    for it: a team in a unit beyond the first so many could stand in a better, empty one.
    """
    if any(s.cost.any() for s in net.supplies):
        return net
    n = len(net.least)
    sets: list[tuple[Ints, int]] = [(inside, high) for inside, _, high in net.areas]
    marks = np.zeros((len(sets) + len(net.supplies), n), dtype=bool)
    for row, (inside, _) in enumerate(sets):
        marks[row, inside] = True
    for row, supply in enumerate(net.supplies, start=len(sets)):
        marks[row, supply.units] = True
    packed = np.ascontiguousarray(np.packbits(marks, axis=0).T) if len(marks) else None
    classes = np.zeros(n, dtype=np.int64)
    if packed is not None:
        classes = np.unique(packed, axis=0, return_inverse=True)[1].ravel()
    order = np.lexsort((np.arange(n), -expected, net.most == 0, classes))
    _, first, counts = np.unique(classes[order], return_index=True, return_counts=True)
    place = np.empty(n, dtype=np.int64)
    place[order] = np.arange(n) - np.repeat(first, counts)
    room = np.full(len(counts), net.total)
    for kind in range(len(counts)):
        marked = marks[:, order[first[kind]]]
        for (_, high), inside in zip(sets, marked, strict=False):
            room[kind] = min(room[kind], high) if inside else room[kind]
        if net.supplies:
            reach = [s.teams for s, m in zip(net.supplies, marked[len(sets) :], strict=True) if m]
            room[kind] = min(room[kind], sum(reach))
    kept = (place < room[classes]) | (net.least > 0)
    return replace(net, most=np.where(kept, net.most, 0))


def solve(net: Network, expected: Floats) -> Flow | None:
    """The best plan in whole teams, or None where no plan keeps every constraint.

    Args:
        net: the request as numbers.
        expected: expected incidents per unit, none missing.

    Raises:
        ContractError: HiGHS gave up, for example for lack of memory.
    """
    if (net.least > net.most).any():
        return None
    net = pruned(net, expected)
    lp = programme(net, expected)
    if not len(lp.cost):
        return _empty(net)
    width = len(lp.cost)
    found: OptimizeResult = linprog(
        lp.cost,
        A_ub=lp.matrix,
        b_ub=lp.most,
        A_eq=lp.equal,
        b_eq=None if lp.equal is None else np.zeros(lp.equal.shape[0]),
        bounds=lp.bounds,
        method="highs-ds",
    )
    if found.status == 0 and np.abs(found.x - np.round(found.x)).max() > _WHOLE:
        found = _whole(lp, width)
    if found.status == 2:
        return None
    if found.status != 0:
        raise ContractError(f"deployment: expected HiGHS to solve it, got {found.message!r}")
    return flow(net, lp, np.round(found.x).astype(np.int64))


def _whole(lp: Programme, width: int) -> OptimizeResult:
    """The same in whole numbers, where rounding of the machine left a part of a team."""
    rows = [LinearConstraint(lp.matrix, -np.inf, lp.most)]
    if lp.equal is not None:
        rows.append(LinearConstraint(lp.equal, 0, 0))
    low, high = lp.bounds.T
    return milp(lp.cost, integrality=np.ones(width), bounds=Bounds(low, high), constraints=rows)


def _empty(net: Network) -> Flow | None:
    """No unit may have anybody: a plan only if nothing is asked for."""
    if any(low > 0 for _, low, _ in net.areas):
        return None
    return Flow(np.zeros(len(net.least), dtype=np.int64), (), 0.0)


def flow(net: Network, lp: Programme, x: Ints) -> Flow:
    """A solution of the programme as teams."""
    increments = len(lp.unit)
    teams = np.bincount(lp.unit, weights=x[:increments], minlength=len(net.least))
    used = np.flatnonzero(x[increments:])
    sent = tuple((int(lp.arc[k]), int(lp.arc_unit[k]), int(x[increments + k])) for k in used)
    return Flow(teams.astype(np.int64), sent, float(-lp.cost @ x))
