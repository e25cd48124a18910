"""A network of teams as a linear programme, and its best plan by HiGHS.

The vertices of the programme are whole numbers (see `response.deployment_network`); `solve` checks
that they are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, OptimizeResult, linprog, milp

from features.errors import ContractError
from features.kernels import Floats
from response.deployment_network import UNLIMITED_TEAMS, Ints, Network

_WHOLE = 1e-6


@dataclass(frozen=True)
class Flow:
    """A solution: teams per unit, and per supply and unit where supplies were told apart."""

    teams: Ints
    sent: tuple[tuple[int, int, int], ...]
    value: float


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
    found: OptimizeResult = linprog(  # type: ignore[call-overload]
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
    return milp(
        lp.cost,
        integrality=np.ones(width, dtype=np.int64),
        bounds=Bounds(low, high),
        constraints=rows,
    )


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
