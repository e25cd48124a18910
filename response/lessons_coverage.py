"""Deployment against need: what share of incidents fell where mediators stood.

A unit is covered if somebody stood there. That says nothing of what their presence did.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from features.kernels import Floats
from response.lessons_evidence import Evidence, Limits, Sent
from response.lessons_outcomes import CLASSES

STANDS = (0.0, 1.0)
"""Effect of teams in a unit where only presence counts: none without, all with one."""
_POINTS = 40


@dataclass(frozen=True)
class Share:
    """A share of incidents, with the least and the most that it can be."""

    low: float
    value: float
    high: float


def best_plan(
    worth: Floats, mediators: int, team: int = 1, effect: tuple[float, ...] = STANDS
) -> np.ndarray:
    """The plan that covers most, when the worth of each unit is known.

    With an effect whose steps only shrink, giving each next team to the unit where it adds most
    is optimal: the problem is separable and concave (Fox 1966, Discrete Optimization via
    Marginal Analysis, Management Science 13).

    Args:
        worth: of each unit, 0 or more, shape (units,).
        mediators: how many there are.
        team: how many go together.
        effect: share of a unit's worth that is covered by 0, 1, 2, ... teams; the last is the
            cap per unit.

    Returns:
        Mediators per unit, shape (units,). Teams that would add nothing stay at home; of equal
        units the first is served first.

    Raises:
        ValueError: the effect does not start at 0, falls, or has growing steps.
    """
    steps = np.diff(effect)
    if effect[0] != 0 or (steps < 0).any() or (np.diff(steps) > 1e-12).any():
        raise ValueError(f"effect: expected one from 0 with steps that only shrink, got {effect}")
    teams = np.zeros(len(worth), dtype=np.int64)
    queue = [(-float(w) * steps[0], i) for i, w in enumerate(worth)]
    heapq.heapify(queue)
    for _ in range(mediators // team):
        if not queue or queue[0][0] >= 0:
            break
        _, unit = heapq.heappop(queue)
        teams[unit] += 1
        if teams[unit] < len(steps):
            heapq.heappush(queue, (-float(worth[unit]) * steps[teams[unit]], unit))
    return teams * team


def covered_share(counts: Floats, mediators: np.ndarray) -> float:
    """Share of incidents in units where somebody stood; missing without incidents."""
    total = float(counts.sum())
    return float(counts[mediators > 0].sum()) / total if total else float("nan")


def by_expectation(expected: Floats, mediators: int, team: int) -> np.ndarray:
    """One team to each of the units that are expected to need it most; missing ones get none."""
    return best_plan(np.nan_to_num(expected), mediators, team)


def told_share(counts: Floats, regions: np.ndarray, sent: Sent, team: int, most: int) -> Share:
    """What can have been covered when only a total and the regions are known.

    At the least, mediators stood `most` to a unit, where the fewest incidents fell; at the most
    in teams of `team`, where the most fell; somebody in each region either way. Between them:
    teams spread over the units of these regions, each as likely as the next.

    Args:
        counts: incidents per unit, shape (units,).
        regions: region of each unit, shape (units,).
        sent: total and regions.
        team: mediators who go together.
        most: mediators in one unit at most.
    """
    total = float(counts.sum())
    if not total:
        return Share(float("nan"), float("nan"), float("nan"))
    inside = np.isin(regions, sent.regions)
    units = int(inside.sum())
    many = min(units, sent.mediators // team)
    few = max(-(-sent.mediators // max(most, team)), len(np.unique(regions[inside])))
    few = min(many, few)
    ends = [
        _stood(side * counts[inside], regions[inside], number) * side
        for side, number in ((1, few), (-1, many))
    ]
    # One team in each region bounds the draw of units too, where there are few.
    spread = float(counts[inside].sum()) * (many / units if units else 0.0)
    spread = min(max(spread, ends[0]), ends[1])
    return Share(ends[0] / total, spread / total, ends[1] / total)


def _stood(cost: Floats, regions: np.ndarray, number: int) -> float:
    """Least sum of `number` units of which each region has one."""
    order = np.lexsort((np.arange(len(cost)), cost))
    _, first = np.unique(regions[order], return_index=True)
    must = order[np.sort(first)][:number]
    rest = order[~np.isin(order, must)][: max(0, number - len(must))]
    return float(cost[must].sum() + cost[rest].sum())


def posted(evidence: Evidence) -> pd.Series[float]:
    """Mediators in each unit of the registry; missing where only the region was told."""
    ids = pd.Index(evidence.units["unit_id"], name="unit_id")
    sent = evidence.sent
    if sent is None:
        return pd.Series(np.nan, index=ids)
    if sent.posts is not None:
        return sent.posts.set_index("unit_id")["mediators"].reindex(ids).fillna(0).astype(float)
    inside = evidence.units["region_id"].isin(sent.regions).to_numpy()
    return pd.Series(np.where(inside, np.nan, 0.0), index=ids)


def plans(evidence: Evidence, happened: pd.DataFrame, limits: Limits) -> pd.DataFrame:
    """Share of incidents that the deployment covered, and that others would have covered.

    Every plan has as many mediators. `bulletin` and `baseline` send one team to each of the
    units that they rank first; `bulletin_in_regions` and `hindsight_in_regions` keep to the
    regions where mediators were; `equal` spreads teams over all units of the country, each as
    likely as the next; `hindsight` sends them where the most incidents of the class fell.

    Returns:
        One row per class of `CLASSES` and plan: `counted`, `plan`, `low`, `value`, `high`,
        `units` (with mediators; missing where not known). Empty where nobody was sent.
    """
    sent, team = evidence.sent, limits.team
    columns = ["counted", "plan", "low", "value", "high", "units"]
    if sent is None:
        return pd.DataFrame(columns=columns)
    scores = evidence.scores.set_index("unit_id").reindex(happened.index)
    inside = evidence.units["region_id"].isin(sent.regions).to_numpy()
    rows: list[tuple[Any, ...]] = []
    for counted in CLASSES:
        counts = happened[counted].to_numpy(dtype=float)
        share, stood = _sent_share(evidence, sent, counts, limits)
        rows.append((counted, "sent", share.low, share.value, share.high, stood))
        for plan, column in (
            ("bulletin", "expected_incidents"),
            ("baseline", "baseline_probability"),
        ):
            if scores[column].notna().any():
                made = by_expectation(scores[column].to_numpy(float), sent.mediators, team)
                rows.append((counted, plan, *_exactly(counts, made)))
        reach = min(1.0, sent.mediators // team / len(counts))
        reach = reach if counts.sum() else float("nan")
        rows.append(
            (counted, "equal", reach, reach, reach, min(len(counts), sent.mediators // team))
        )
        best = best_plan(counts, sent.mediators, team)
        rows.append((counted, "hindsight", *_exactly(counts, best)))
        within = best_plan(np.where(inside, counts, 0.0), sent.mediators, team)
        rows.append((counted, "hindsight_in_regions", *_exactly(counts, within)))
        expected = scores["expected_incidents"]
        if expected.notna().any():
            made = by_expectation(expected.where(inside).to_numpy(float), sent.mediators, team)
            rows.append((counted, "bulletin_in_regions", *_exactly(counts, made)))
    return pd.DataFrame(rows, columns=columns)


def _sent_share(
    evidence: Evidence, sent: Sent, counts: Floats, limits: Limits
) -> tuple[Share, float]:
    if sent.posts is None:
        regions = evidence.units["region_id"].to_numpy()
        return told_share(counts, regions, sent, limits.team, limits.most), float("nan")
    stood = posted(evidence).to_numpy()
    share = covered_share(counts, stood)
    return Share(share, share, share), float((stood > 0).sum())


def _exactly(counts: Floats, mediators: np.ndarray) -> tuple[float, float, float, float]:
    share = covered_share(counts, mediators)
    return share, share, share, float((mediators > 0).sum())


def curve(evidence: Evidence, happened: pd.DataFrame, limits: Limits) -> pd.DataFrame:
    """What more or fewer mediators would have covered: from none to twice as many.

    Returns:
        `mediators`, and the share of incidents of the target covered by plans in `hindsight`
        and by the `bulletin`.
    """
    sent, team = evidence.sent, limits.team
    if sent is None:
        return pd.DataFrame(columns=["mediators", "hindsight", "bulletin"])
    counts = happened["incidents"].to_numpy(dtype=float)
    scores = evidence.scores.set_index("unit_id").reindex(happened.index)
    expected = np.nan_to_num(scores["expected_incidents"].to_numpy(float))
    total = counts.sum()
    teams = np.unique(np.linspace(0, 2 * sent.mediators // team, _POINTS + 1).astype(int))
    # In the order in which each plan serves them, so that every number is one look-up.
    found = np.append(0, np.cumsum(np.sort(counts)[::-1]))
    order = np.lexsort((np.arange(len(counts)), -expected))
    ranked = np.append(0, np.cumsum(np.where(expected[order] > 0, counts[order], 0)))
    at = np.minimum(teams, len(counts))
    share = np.full(len(at), np.nan) if not total else 1 / total
    return pd.DataFrame(
        {"mediators": teams * team, "hindsight": found[at] * share, "bulletin": ranked[at] * share}
    )


def needed(counts: Floats, team: int) -> dict[str, int]:
    """How many mediators the best plan in hindsight needs to cover shares of the incidents."""
    found = np.cumsum(np.sort(counts[counts > 0])[::-1])
    if not len(found):
        return {}
    shares = (0.5, 0.8, 1.0)
    return {
        f"{share:.0%}": int(np.searchsorted(found, share * found[-1] - 1e-9) + 1) * team
        for share in shares
    }


def region_posts(evidence: Evidence, regions: pd.DataFrame) -> pd.DataFrame:
    """Add `mediators` and `posted` to a table by region.

    `posted` is `yes`, `no` or `unknown`; `mediators` is missing where only the regions were
    told, or nothing is known.
    """
    sent = evidence.sent
    if sent is None:
        return regions.assign(mediators=float("nan"), posted="unknown")
    stood = regions["region_id"].isin(sent.regions)
    out = regions.assign(posted=np.where(stood, "yes", "no"))
    per_unit = posted(evidence)
    region = evidence.units.set_index("unit_id")["region_id"]
    known = per_unit.groupby(region).sum(min_count=1)
    whole = per_unit.isna().groupby(region).any()
    return out.assign(
        mediators=regions["region_id"].map(known.mask(whole)).astype(float),
    )


def hot_spots(evidence: Evidence, units: pd.DataFrame) -> pd.DataFrame:
    """Units with an incident of any class, and whether somebody stood there.

    Args:
        evidence: what is known.
        units: as `response.lessons_forecast.named`.

    Returns:
        Its rows with `mediators` and `posted` (`yes`, `no`, `unknown`), the most incidents of
        the target first, then the most linked to the election.
    """
    hit = units.loc[(units["incidents"] > 0) | (units["electoral"] > 0)].copy()
    hit["mediators"] = hit["unit_id"].map(posted(evidence))
    hit["posted"] = np.select(
        [hit["mediators"].isna(), hit["mediators"] > 0], ["unknown", "yes"], "no"
    )
    return hit.sort_values(
        ["incidents", "electoral", "unit_id"], ascending=[False, False, True], ignore_index=True
    )


def coverage_section(
    evidence: Evidence,
    happened: pd.DataFrame,
    regions: pd.DataFrame,
    units: pd.DataFrame,
    limits: Limits,
) -> dict[str, Any]:
    """All of it.

    Returns:
        `status`: `posts` (units known), `regions` (only regions and a total known) or `none`;
        then `mediators`, `regions` (names), `source`, `team`, `most`, `plans`, `curve`,
        `needed`, `hot_spots`.
    """
    sent = evidence.sent
    if sent is None:
        return {"status": "none"}
    names = regions.set_index("region_id")["region"]
    return {
        "status": "regions" if sent.posts is None else "posts",
        "mediators": sent.mediators,
        "regions": [str(names.get(r, r)) for r in sent.regions],
        "source": {str(k): v for k, v in sent.source.items()},
        "team": limits.team,
        "most": limits.most,
        "plans": plans(evidence, happened, limits),
        "curve": curve(evidence, happened, limits),
        "needed": needed(happened["incidents"].to_numpy(dtype=float), limits.team),
        "hot_spots": hot_spots(evidence, units),
    }
