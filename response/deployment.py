"""The deployment planner: from scores and a number of mediators, who goes where, and why.

Vigie claims no causal effect of mediation. "Covered" means that mediators are near, as far as the
assumptions of the request say; nothing here says that an incident was or will be prevented.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from features.errors import ContractError
from features.kernels import Floats
from response.deployment_clash import explain
from response.deployment_draws import covered, worst
from response.deployment_network import Ints, Network, effect, network
from response.deployment_programme import Flow, solve
from response.deployment_reports import answer, asked
from response.deployment_request import Abstained, Request
from response.deployment_rivals import rivals
from response.deployment_value import curve, lifted
from response.deployment_worst import solve_worst

LIFTED_MOST = 25
POSTS = ("unit_id", "base", "mediators")


def no_posts() -> pd.DataFrame:
    """Nobody anywhere: `unit_id`, `base`, `mediators` without rows."""
    return pd.DataFrame(
        {c: pd.Series([], dtype="int64" if c == "mediators" else "str") for c in POSTS}
    )


@dataclass(frozen=True)
class Situation:
    """What is known when a deployment is planned.

    Attributes:
        units: one row per unit: `unit_id`, `name`, `parent_id`, `region_id`, `lon`, `lat`,
            `probability`, `lower`, `upper`, `expected_incidents` (missing where the score
            abstains), `population`, `incidents_last_year` (may be missing).
        level: of the scores' intervals.
        posts: `unit_id`, `base`, `mediators` of the plan before; without rows in a first round.
        reports: of the round before, as `response.contracts.current` gives them; or None.
        past_regions: regions that mediators went to in the past deployment of this round.
    """

    units: pd.DataFrame
    level: float
    posts: pd.DataFrame = field(default_factory=no_posts)
    reports: pd.DataFrame | None = None
    past_regions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """Who goes where.

    Attributes:
        request: what was asked, with the units that reports made necessary.
        posts: `unit_id`, `base`, `mediators`, by unit and base; only where there are any.
        figures: what it covers, how sure that is, what others would cover; plain values.
    """

    request: Request
    posts: pd.DataFrame
    figures: dict[str, Any]


def plan(situation: Situation, request: Request) -> Plan:
    """The plan that covers most under every constraint.

    Args:
        situation: what is known.
        request: what is asked.

    Raises:
        ContractError: ids that no unit has, or a bulletin that scores no unit.
        InfeasibleError: no plan keeps every constraint; it names those that clash.
    """
    units = situation.units.reset_index(drop=True)
    scored = units["expected_incidents"].notna().to_numpy(dtype=bool)
    if not scored.any():
        raise ContractError(
            "deployment: expected a bulletin that scores some units, got one that abstains "
            "everywhere; plan with another bulletin"
        )
    expected = stood_in(units, request.abstained)
    answered = answer(request, units, situation.posts, situation.reports)
    request = asked(request, answered)
    net = network(request, units, situation.posts)
    found, gap = _solved(net, units, expected, situation.level, request)
    if found is None:
        raise explain(request, units, situation.posts)
    posts = _posts(net, found, units, request.team_size)
    figures = measured(situation, request, posts)
    figures["gap"] = gap
    figures["reports"] = None if answered is None else answered.figures(units)
    return Plan(request, posts, figures)


def _solved(
    net: Network, units: pd.DataFrame, expected: Floats, level: float, request: Request
) -> tuple[Flow | None, float]:
    if request.risk.weight == 0:
        return solve(net, expected), 0.0
    bad_days = solve_worst(net, units, expected, level, request.risk)
    return (None, 0.0) if bad_days is None else (bad_days.flow, bad_days.gap)


def stood_in(units: pd.DataFrame, policy: Abstained) -> Floats:
    """Expected incidents to plan by; for units that abstain what the policy says.

    Args:
        units: `parent_id`, `region_id`, `expected_incidents`.
        policy: `leave_out` gives 0, which earns no mediator: the plan must say so.
    """
    known = units["expected_incidents"].astype(float)
    if policy is Abstained.LEAVE_OUT:
        return np.array(known.fillna(0.0), dtype=np.float64)
    for area in ("parent_id", "region_id"):
        known = known.fillna(
            units.assign(e=units["expected_incidents"].astype(float))
            .groupby(area)["e"]
            .transform("mean")
        )
    return np.array(
        known.fillna(units["expected_incidents"].astype(float).mean()), dtype=np.float64
    )


def _posts(net: Network, found: Flow, units: pd.DataFrame, size: int) -> pd.DataFrame:
    ids = units["unit_id"].to_numpy()
    if net.supplies:
        rows = [(ids[u], net.supplies[s].base, n * size) for s, u, n in found.sent]
    else:
        rows = [(ids[u], "", int(found.teams[u]) * size) for u in np.flatnonzero(found.teams)]
    table = pd.DataFrame(rows, columns=list(POSTS))
    table = table.astype({"unit_id": "str", "base": "str", "mediators": "int64"})
    return table.groupby(["unit_id", "base"])["mediators"].sum().reset_index()


def per_unit(posts: pd.DataFrame, units: pd.DataFrame) -> Ints:
    """Mediators of each unit, shape (units,)."""
    summed = posts.groupby("unit_id")["mediators"].sum()
    there: Ints = units["unit_id"].map(summed).fillna(0).to_numpy(dtype=np.int64)
    return there


def measured(situation: Situation, request: Request, posts: pd.DataFrame) -> dict[str, Any]:
    """What a plan covers, whoever made it, and what other plans and numbers would cover.

    Args:
        situation: what is known.
        request: whose assumptions and constraints count.
        posts: `unit_id`, `base`, `mediators`.

    Returns:
        Plain values, fit for JSON. Numbers of incidents speak of scored units only.
    """
    units = situation.units.reset_index(drop=True)
    scored = units["expected_incidents"].notna().to_numpy(dtype=bool)
    expected = stood_in(units, Abstained.LEAVE_OUT)
    planned_by = stood_in(units, request.abstained)
    people = per_unit(posts, units)
    net = network(request, units, situation.posts)
    others = rivals(net, units, situation.past_regions)
    made = [r for r in others if r.teams is not None]
    shares = np.column_stack(
        [
            effect(request, people),
            *(effect(request, r.teams * request.team_size) for r in made if r.teams is not None),
        ]
    )
    inside, every = covered(units, situation.level, request.risk, shares)
    mean = expected @ shares
    total = float(expected.sum())
    figures: dict[str, Any] = {
        "mediators": request.mediators,
        "sent": int(people.sum()),
        "units_with_mediators": int((people > 0).sum()),
        "units": len(units),
        "abstained": int((~scored).sum()),
        "abstained_with_mediators": int((people[~scored] > 0).sum()),
        "expected_incidents": total,
        **_sure(mean[0], total, inside[:, 0], every, request),
    }
    column = {r.name: k for k, r in enumerate(made, start=1)}
    figures["rivals"] = [
        {
            "name": r.name,
            "says": {"en": r.says[0], "fr": r.says[1]},
            "keeps_constraints": r.keeps,
            **(
                {"covered": None}
                if r.teams is None
                else {
                    "units_with_mediators": int((r.teams > 0).sum()),
                    **_sure(mean[column[r.name]], total, inside[:, column[r.name]], every, request),
                    "plan_ahead": _share_ahead(inside[:, 0], inside[:, column[r.name]]),
                }
            ),
        }
        for r in others
    ]
    along = curve(request, units, planned_by)
    figures["curve"] = _plain(along)
    by_number = dict(zip(along["mediators"], along["covered"], strict=True))
    now, more = (by_number[request.mediators + k] for k in (0, request.team_size))
    figures["one_more_team"] = None if np.isnan(now) or np.isnan(more) else float(more - now)
    figures["lifted"] = _plain(lifted(request, units, planned_by, LIFTED_MOST))
    return figures


def _sure(
    mean: float, total: float, inside: Floats, every: Floats, request: Request
) -> dict[str, Any]:
    """Covered incidents: expected, the interval over draws, and what the worst draws leave."""
    level = request.risk.level
    low, high = np.quantile(inside, [(1 - level) / 2, (1 + level) / 2])
    share = np.divide(inside, every, out=np.zeros_like(inside), where=every > 0)[every > 0]
    ends = np.quantile(share, [(1 - level) / 2, (1 + level) / 2]) if len(share) else [0.0, 0.0]
    return {
        "covered": float(mean),
        "covered_lower": float(low),
        "covered_upper": float(high),
        "share": float(mean / total) if total > 0 else None,
        "share_lower": float(ends[0]),
        "share_upper": float(ends[1]),
        "uncovered_worst": worst(every - inside, request.risk.tail),
    }


def _share_ahead(ours: Floats, theirs: Floats) -> float:
    """Share of draws in which the plan covers at least as much as the other."""
    return float((ours >= theirs - 1e-12).mean())


def _plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {str(k): None if isinstance(v, float) and np.isnan(v) else v for k, v in row.items()}
        for row in table.to_dict("records")
    ]
