"""Plans that people would make without a forecast, to hold a plan against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from features.kernels import Floats
from response.deployment_network import Ints, Network
from response.deployment_programme import solve

_SAYS = {
    "equal_shares": ("the same number in every commune", "le même nombre dans chaque commune"),
    "population": ("by population", "selon la population"),
    "last_year": (
        "by incidents of the last 365 days",
        "selon les incidents des 365 derniers jours",
    ),
    "past_regions": (
        "the same number in every commune of the regions of the past deployment",
        "le même nombre dans chaque commune des régions du déploiement passé",
    ),
}
_WHY_NOT = {
    "population": (
        "the population of units was not known on the bulletin's day",
        "la population des unités n'était pas connue au jour du bulletin",
    ),
    "last_year": (
        "no incident was known in the last 365 days",
        "aucun incident n'était connu sur les 365 derniers jours",
    ),
    "past_regions": (
        "the pack tells of no past deployment for this round",
        "le pays ne dit rien d'un déploiement passé pour ce tour",
    ),
}


@dataclass(frozen=True)
class Rival:
    """A plan by a rule of thumb.

    Attributes:
        name: of the rule.
        teams: per unit; None where the rule cannot be followed, and `says` then tells why.
        keeps: whether it keeps every constraint; the rules respect access, cap and total only.
        says: the rule, or why it cannot be followed, in English and French.
    """

    name: str
    teams: Ints | None
    keeps: bool
    says: tuple[str, str]


def rivals(net: Network, units: pd.DataFrame, past_regions: Sequence[str]) -> list[Rival]:
    """A plan for each rule, with as many teams, where units may be reached and within the cap.

    Args:
        net: the request as numbers.
        units: `region_id`, `population` and `incidents_last_year` (both may be missing).
        past_regions: regions of the past deployment; empty where none is told of.
    """
    weights: dict[str, Floats] = {
        "equal_shares": np.ones(len(units)),
        "population": _known(units["population"]),
        "last_year": _known(units["incidents_last_year"]),
        "past_regions": np.array(units["region_id"].isin(list(past_regions)), dtype=np.float64),
    }
    found = []
    for name, weight in weights.items():
        if not (weight * (net.most > 0)).any():
            found.append(Rival(name, None, False, _WHY_NOT.get(name, _SAYS[name])))
            continue
        teams = spread(weight, net.total, net.most)
        found.append(Rival(name, teams, keeps(net, teams), _SAYS[name]))
    return found


def keeps(net: Network, teams: Ints) -> bool:
    """Whether a plan keeps every constraint: from the bases, within areas, units and total."""
    if (teams < net.least).any() or (teams > net.most).any():
        return False
    return solve(replace(net, least=teams, most=teams), np.zeros(len(teams))) is not None


def _known(values: pd.Series[float]) -> Floats:
    numbers: Floats = np.array(values, dtype=np.float64)
    return np.where(np.isnan(numbers), 0.0, numbers)


def spread(weights: Floats, teams: int, most: Ints) -> Ints:
    """Teams in proportion to weights, in the order of units, none above `most`.

    Systematic sampling: teams stand at even steps along the running sum of weights, so that each
    unit has its share rounded down or up. What a full unit cannot take is spread again.
    """
    out = np.zeros(len(weights), dtype=np.int64)
    left = teams
    while left > 0:
        open_: Floats = np.where(out < most, weights, 0.0)
        running = np.cumsum(open_)
        if running[-1] <= 0:
            break
        steps = (np.arange(left) + 0.5) / left * running[-1]
        at = np.minimum(np.searchsorted(running, steps, side="right"), len(weights) - 1)
        taken = np.minimum(np.bincount(at, minlength=len(weights)), most - out)
        out += taken
        left -= int(taken.sum())
    return out
