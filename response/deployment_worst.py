"""The plan for bad days: less left uncovered in the worst draws, at some cost on average.

Maximises (1 - w) x expected incidents covered - w x CVaR of incidents left uncovered, with the CVaR
over drawn scenarios as linear rows (Rockafellar and Uryasev 2000, "Optimization of conditional
value-at-risk"). What is left uncovered is the loss: few covered incidents on a calm day are none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from features.errors import ContractError
from features.kernels import Floats
from response.deployment_draws import drawn
from response.deployment_network import Flow, Network, Programme, flow, programme
from response.deployment_request import Risk

_GAP = 1e-3
_SECONDS = 60.0


@dataclass(frozen=True)
class Worst:
    """A plan for bad days, and how far at most it is from the best one, as a share."""

    flow: Flow
    gap: float


def solve_worst(
    net: Network, units: pd.DataFrame, expected: Floats, level: float, risk: Risk
) -> Worst | None:
    """The best plan in whole teams, or None where no plan keeps every constraint.

    Args:
        net: the request as numbers.
        units: scores, as `response.deployment_draws.drawn` takes them.
        expected: expected incidents per unit, none missing.
        level: of the intervals.
        risk: weight, tail, number of scenarios, seed and shared error.

    Raises:
        ContractError: HiGHS found no plan within a minute.
    """
    if (net.least > net.most).any():
        return None
    lp = programme(net, expected)
    rows, loss = _scenarios(net, lp, units, level, risk)
    width, scenarios = len(lp.cost), len(loss)
    total = width + 1 + scenarios
    matrix = sparse.hstack(
        [rows, -np.ones((scenarios, 1)), -sparse.eye_array(scenarios)], format="csr"
    )
    blank = sparse.csr_array((lp.matrix.shape[0], 1 + scenarios))
    limits = [
        LinearConstraint(matrix, -np.inf, -loss),
        LinearConstraint(sparse.hstack([lp.matrix, blank], format="csr"), -np.inf, lp.most),
    ]
    if lp.equal is not None:
        blank = sparse.csr_array((lp.equal.shape[0], 1 + scenarios))
        limits.append(LinearConstraint(sparse.hstack([lp.equal, blank], format="csr"), 0, 0))
    tail = np.concatenate([[1.0], np.full(scenarios, 1 / (risk.tail * scenarios))])
    low = np.concatenate([lp.bounds[:, 0], np.zeros(1 + scenarios)])
    high = np.concatenate([lp.bounds[:, 1], np.full(1 + scenarios, np.inf)])
    found = milp(
        np.concatenate([(1 - risk.weight) * lp.cost, risk.weight * tail]),
        integrality=np.concatenate([np.ones(width), np.zeros(total - width)]),
        bounds=Bounds(low, high),
        constraints=limits,
        options={"mip_rel_gap": _GAP, "time_limit": _SECONDS},
    )
    if found.status == 2:
        return None
    if found.x is None:
        raise ContractError(
            f"deployment, risk: expected HiGHS to find a plan within {_SECONDS:.0f} s, got "
            f"{found.message!r}; ask for fewer scenarios, or a weight of 0"
        )
    whole = np.round(found.x[:width]).astype(np.int64)
    return Worst(flow(net, lp, whole), float(found.mip_gap))


def _scenarios(
    net: Network, lp: Programme, units: pd.DataFrame, level: float, risk: Risk
) -> tuple[sparse.csr_array, Floats]:
    """Incidents that each increment covers, negative, and all incidents, per scenario."""
    counts = np.zeros((risk.scenarios, len(units)))
    for rows, number in drawn(units, level, risk, risk.scenarios):
        counts[:, rows] = number
    share = net.effect[lp.step] - net.effect[lp.step - 1]
    covers = np.zeros((risk.scenarios, len(lp.cost)))
    covers[:, : len(lp.unit)] = -counts[:, lp.unit] * share
    return sparse.csr_array(covers), counts.sum(axis=1)
