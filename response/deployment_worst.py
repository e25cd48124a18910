"""The plan for bad days: less left uncovered in the worst draws, at some cost on average.

Maximises (1 - w) x expected incidents covered - w x CVaR of incidents left uncovered, with the CVaR
over drawn scenarios as linear rows (Rockafellar and Uryasev 2000, "Optimization of conditional
value-at-risk"). What is left uncovered is the loss: that little is covered on a calm day is none.
A scenario is how far the scores may err. The luck of single counts, which a few scenarios would
only fit by chance, is averaged out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, OptimizeResult, milp

from features.errors import ContractError
from features.kernels import Floats
from response.deployment_draws import drawn
from response.deployment_network import Network
from response.deployment_programme import Flow, Programme, flow, programme
from response.deployment_request import Risk

_GAP = 5e-4
_CLOSE = 5e-4
_ROUNDS = 40
_SECONDS = 10.0


@dataclass(frozen=True)
class Worst:
    """A plan for bad days, and how far at most it is from the best one, as a share."""

    flow: Flow
    gap: float


def solve_worst(
    net: Network, units: pd.DataFrame, expected: Floats, level: float, risk: Risk
) -> Worst | None:
    """The best plan in whole teams, or None where no plan keeps every constraint.

    The CVaR is the largest mean over any tail of scenarios. Tails are added as rows when a solution
    has one that is worse than it pays for, until none is (Kuenzi-Bay and Mayer 2006, "Computational
    aspects of minimizing conditional value-at-risk"): first over parts of teams, then whole ones.

    Args:
        net: the request as numbers.
        units: scores, as `response.deployment_draws.drawn` takes them.
        expected: expected incidents per unit, none missing.
        level: of the intervals.
        risk: weight, tail, number of scenarios, seed and shared error.

    Raises:
        ContractError: HiGHS found no plan. Where it finds no whole one in time, the plan comes from
            the tails that bind, and `gap` says how far it may be from the best.
    """
    if (net.least > net.most).any():
        return None
    lp = programme(net, expected)
    covers, loss = _scenarios(net, lp, units, level, risk)
    width, rows = len(lp.cost), np.zeros((0, len(lp.unit)))
    least = np.zeros(0)
    whole, low, best, best_x = False, -np.inf, np.inf, np.zeros(width)
    parts, paid = np.zeros(len(lp.unit)), 0.0
    for _ in range(_ROUNDS):
        found = _solved(lp, risk.weight, rows, least, whole)
        if found.status == 2:
            return None
        if found.x is None and whole:
            # The tails that bind make one set of scores: its best plan is whole, and near enough
            # for a gap to be stated against the last solution in parts of teams.
            binding = rows[np.isclose(rows @ parts + paid, least, atol=_CLOSE * loss.mean())]
            best_x = np.round(_near(lp, risk.weight, binding if len(binding) else rows[-1:]))
            left = loss - covers @ best_x[: len(lp.unit)]
            tail = _tail(left, risk.tail)
            best = float((1 - risk.weight) * lp.cost @ best_x + risk.weight * tail @ left)
            break
        if found.x is None:
            raise ContractError(
                f"deployment, risk: expected HiGHS to find a plan, got {found.message!r}; ask for "
                "fewer scenarios, or a weight of 0"
            )
        x = np.round(found.x[:width]) if whole else found.x[:width]
        left = loss - covers @ x[: len(lp.unit)]
        tail = _tail(left, risk.tail)
        value = (1 - risk.weight) * lp.cost @ x + risk.weight * tail @ left
        if whole:
            bound = found.mip_dual_bound
            low = max(low, bound if bound is not None else found.fun)
            if value < best:
                best, best_x = float(value), x
        paid = float(found.x[-1])
        done = tail @ left - paid <= _CLOSE * max(float(loss.mean()), 1e-9)
        if whole and done:
            break
        if not whole:
            low, parts = float(found.fun), x[: len(lp.unit)]
        whole = whole or done
        rows = np.vstack([rows, tail @ covers])
        least = np.append(least, tail @ loss)
    gap = max(best - low, 0.0) / max(abs(best), 1e-9)
    return Worst(flow(net, lp, np.round(best_x).astype(np.int64)), float(gap))


def _solved(
    lp: Programme, weight: float, rows: Floats, least: Floats, whole: bool
) -> OptimizeResult:
    """The best under the tails so far; the last column is what is paid for the worst of them."""
    width = len(lp.cost)
    blank = sparse.csr_array((lp.matrix.shape[0], 1))
    limits = [LinearConstraint(sparse.hstack([lp.matrix, blank], format="csr"), -np.inf, lp.most)]
    if lp.equal is not None:
        blank = sparse.csr_array((lp.equal.shape[0], 1))
        limits.append(LinearConstraint(sparse.hstack([lp.equal, blank], format="csr"), 0, 0))
    if len(rows):
        arcs = np.zeros((len(rows), width - rows.shape[1]))
        tails = sparse.csr_array(np.hstack([rows, arcs, np.ones((len(rows), 1))]))
        limits.append(LinearConstraint(tails, least, np.inf))
    low, high = (np.append(lp.bounds[:, side], end) for side, end in ((0, 0.0), (1, np.inf)))
    kinds = np.append(np.full(width, int(whole)), 0)
    return milp(
        np.append((1 - weight) * lp.cost, weight),
        integrality=kinds,
        bounds=Bounds(low, high),
        constraints=limits,
        options={"mip_rel_gap": _GAP, "time_limit": _SECONDS},
    )


def _near(lp: Programme, weight: float, tails: Floats) -> Floats:
    """The best whole plan where each increment covers what it does on average over some tails."""
    cost = (1 - weight) * lp.cost
    cost[: len(lp.unit)] -= weight * tails.mean(axis=0)
    limits = [LinearConstraint(lp.matrix, -np.inf, lp.most)]
    if lp.equal is not None:
        limits.append(LinearConstraint(lp.equal, 0, 0))
    bounds = Bounds(*lp.bounds.T)
    kinds = np.ones(len(cost), dtype=np.int64)
    found = milp(cost, integrality=kinds, bounds=bounds, constraints=limits)
    if found.x is None:
        raise ContractError(f"deployment, risk: expected HiGHS to solve it, got {found.message!r}")
    near: Floats = found.x
    return near


def _tail(losses: Floats, share: float) -> Floats:
    """Weights of the worst scenarios, which sum to 1; the one that the tail cuts counts in part."""
    weights = np.zeros(len(losses))
    weights[np.argsort(-losses, kind="stable")] = np.clip(
        share * len(losses) - np.arange(len(losses)), 0, 1
    )
    summed: Floats = weights / weights.sum()
    return summed


def _scenarios(
    net: Network, lp: Programme, units: pd.DataFrame, level: float, risk: Risk
) -> tuple[Floats, Floats]:
    """Incidents that each increment covers, and all incidents, per scenario."""
    numbers = np.zeros((risk.scenarios, len(units)))
    for rows, some in drawn(units, level, risk, risk.scenarios, means=True):
        numbers[:, rows] = some
    share = net.effect[lp.step] - net.effect[lp.step - 1]
    covers: Floats = numbers[:, lp.unit] * share
    return covers, numbers.sum(axis=1)
