"""Which units get a team because of the field reports of the round before, and which do not.

The gravest are taken, as many as teams can cover at once under every other constraint. The sets
of units that teams can reach together are independent sets of a matroid (a gammoid: Perfect
1968), since areas nest: a parent area lies in one region. So the best plan for weights that fall
with gravity is also the greedy one, unit by unit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from response.deployment_assumed import CLOSED, FULL, MOST, REGION, SAYS, UNKNOWN, UNREACHABLE
from response.deployment_network import Network, network
from response.deployment_programme import solve
from response.deployment_request import Request
from response.vocabulary import Verification

_SURE = (Verification.CONFIRMED, Verification.CORROBORATED, Verification.UNVERIFIED)


@dataclass(frozen=True)
class Answered:
    """What reports of a round made necessary.

    Attributes:
        promised: units that get a team because of their reports, the gravest first.
        left_out: `unit_id`, `severity`, `reports`, `why` (a key of `SAYS`), the gravest first.
    """

    promised: tuple[str, ...]
    left_out: tuple[dict[str, Any], ...]

    def figures(self, units: pd.DataFrame) -> dict[str, Any]:
        """The same as plain values, with the names of units and the reasons in words."""
        names = dict(zip(units["unit_id"], units["name"], strict=True))
        said = {why: dict(zip(("en", "fr"), words, strict=True)) for why, words in SAYS.items()}
        left_out = [
            {**one, "name": names.get(one["unit_id"], ""), "says": said[one["why"]]}
            for one in self.left_out
        ]
        return {"promised": list(self.promised), "left_out": left_out}


def gravest(reports: pd.DataFrame, least: int) -> pd.DataFrame:
    """Units with standing reports of a severity or more, the gravest first.

    By the worst severity, then by how far the worst is borne out, then by how many there are.

    Args:
        reports: keeps `REPORTS`, current.
        least: severity from which a report counts.

    Returns:
        `severity`, `doubt` (0 is confirmed) and `reports` by `unit_id`.
    """
    standing = reports.loc[
        (reports["verification"] != str(Verification.REFUTED)) & (reports["severity"] >= least)
    ]
    doubt = {str(state): place for place, state in enumerate(_SURE)}
    rows = standing.assign(doubt=standing["verification"].map(doubt).astype("int64"))
    rows = rows.sort_values(["severity", "doubt"], ascending=[False, True], kind="stable")
    found = rows.groupby("unit_id").agg(
        severity=("severity", "first"), doubt=("doubt", "first"), reports=("severity", "size")
    )
    order = ["severity", "doubt", "reports", "unit_id"]
    return found.reset_index().sort_values(order, ascending=[False, True, False, True])


def answer(
    request: Request, units: pd.DataFrame, posts: pd.DataFrame, reports: pd.DataFrame | None
) -> Answered | None:
    """Which units reports make necessary, where the request asks for it.

    Args:
        request: what is asked.
        units: as `response.deployment_network.network` takes them.
        posts: likewise.
        reports: of the round before, current; None where there was none.

    Returns:
        None where it is not asked for.
    """
    least = request.cover_reports_from
    if least is None or reports is None:
        return None
    told = gravest(reports, least)
    net = network(request, units, posts.head(0))
    at = {unit_id: i for i, unit_id in enumerate(units["unit_id"])}
    open_ = [u for u in told["unit_id"] if u in at and net.most[at[u]] > 0]
    reached = _reached(net, [at[u] for u in open_])
    if reached is None:  # the request has no plan even without reports; that is said elsewhere
        return Answered((), ())
    can = [u for u in open_ if at[u] in reached]
    promised = tuple(can[: request.cover_reports_most])
    region = dict(zip(units["unit_id"], units["region_id"], strict=True))

    def why(unit_id: str) -> str:
        if unit_id not in at:
            return UNKNOWN
        if unit_id in request.unreachable:
            return UNREACHABLE
        inside = not request.regions_in or region[unit_id] in request.regions_in
        if region[unit_id] in request.regions_out or not inside:
            return REGION
        if unit_id in can:
            return MOST
        alone = net.most[at[unit_id]] > 0 and _reached(net, [at[unit_id]])
        return FULL if alone else CLOSED

    rows = zip(*(told[c] for c in ("unit_id", "severity", "reports")), strict=True)
    left_out = tuple(
        {
            "unit_id": unit_id,
            "severity": int(severity),
            "reports": int(count),
            "why": why(unit_id),
        }
        for unit_id, severity, count in rows
        if unit_id not in promised
    )
    return Answered(promised, left_out)


def _reached(net: Network, wanted: list[int]) -> set[int] | None:
    """Units among the wanted, the first first, to which teams can go at once.

    Returns:
        None where no plan keeps the constraints.
    """
    worth = np.zeros(len(net.least))
    worth[wanted] = np.arange(len(wanted), 0, -1)
    first_team = np.minimum(np.arange(len(net.effect)), 1).astype(float)
    found = solve(replace(net, effect=first_team), worth)
    if found is None:
        return None
    return {unit for unit in wanted if found.teams[unit] > 0}


def asked(request: Request, answered: Answered | None) -> Request:
    """The request with the units that reports made necessary."""
    if answered is None:
        return request
    more = [u for u in answered.promised if u not in request.must_cover]
    return request.model_copy(update={"must_cover": (*request.must_cover, *more)})
