"""Plans held against what happened: where the incidents were, and where mediators would have been.

It says nothing of what mediators prevented, or could have.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from features.kernels import Floats
from response.deployment import Situation, per_unit
from response.deployment_network import Ints, effect, network
from response.deployment_programme import solve
from response.deployment_request import Request
from response.deployment_rivals import rivals


def judged(
    situation: Situation, request: Request, posts: pd.DataFrame, happened: Mapping[str, int]
) -> pd.DataFrame:
    """A plan, the plans of people, and the best plan had all been known, against what happened.

    Args:
        situation: what was known when it was planned.
        request: what was asked.
        posts: `unit_id`, `base`, `mediators` of the plan.
        happened: unit -> incidents; units without any may be missing.

    Returns:
        One row per plan that could be made: `en`, `fr` (its name), `units` with mediators,
        `mediators`, `incidents` in all and `incidents_there`, `share` of them, `units_hit` in all
        and `units_hit_there`, `covered`: incidents times the assumed effect.
    """
    units = situation.units.reset_index(drop=True)
    counts: Floats = np.array(units["unit_id"].map(dict(happened)).fillna(0), dtype=np.float64)
    net = network(request, units, situation.posts.head(0))
    plans: list[tuple[tuple[str, str], Ints]] = [(("this plan", "ce plan"), per_unit(posts, units))]
    plans += [
        (rival.says, rival.teams * request.team_size)
        for rival in rivals(net, units, situation.past_regions)
        if rival.teams is not None
    ]
    best = solve(net, counts)
    if best is not None:
        names = ("the best, had all been known", "le meilleur, si tout avait été su")
        plans.append((names, best.teams * request.team_size))
    return pd.DataFrame([_row(names, people, counts, request) for names, people in plans])


def _row(
    names: tuple[str, str], people: Ints, counts: Floats, request: Request
) -> dict[str, str | int | float]:
    there, hit = people > 0, counts > 0
    total = float(counts.sum())
    return {
        "en": names[0],
        "fr": names[1],
        "units": int(there.sum()),
        "mediators": int(people.sum()),
        "incidents": int(total),
        "incidents_there": int(counts[there].sum()),
        "share": float(counts[there].sum() / total) if total else 0.0,
        "units_hit": int(hit.sum()),
        "units_hit_there": int((there & hit).sum()),
        "covered": float(counts @ effect(request, people)),
    }
