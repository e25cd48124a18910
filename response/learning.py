"""What a round teaches about reports: how often each kind came before incidents, and otherwise.

The window is cut into blocks. At the end of each, the reports known by then are held against
what happened in the block (`Part.SO_FAR`) and in the block after it (`Part.NEXT`): reports are
counted as a nowcast would have had them, not as they were verified later.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.kernels import Floats
from response.contracts import current, require
from response.effort import effort
from response.evidence import ASSUMPTIONS, STATES, Assumptions, Moment, things
from response.ratios import COUNTS, KEYS, SPEAKING, Part
from response.vocabulary import ReportKind, Verification

Mask = NDArray[np.bool_]


def counted(
    reports: pd.DataFrame,
    posts: pd.DataFrame,
    happened: pd.DataFrame,
    unit_ids: pd.Index,
    moment: Moment,
    assumptions: Assumptions = ASSUMPTIONS,
) -> pd.DataFrame:
    """Count a round's reports before incidents and otherwise.

    Args:
        reports: keeps `REPORTS`; versions known after the moment change nothing.
        posts: keeps `POSTS`: where mediators stood in the round.
        happened: the incidents that the bulletin speaks of: `unit_id` and `event_date` (a day);
            those after the moment change nothing.
        unit_ids: the units that count.
        moment: until when to count, and the window.
        assumptions: `next_days` is the length of a block, `same_within_days` as in a nowcast.

    Returns:
        `KEYS` and `COUNTS`: reports of each cell, and the unit-blocks that were watched, each
        weighing the share of it that was (1 where something was reported). Blocks in which a
        unit was not watched at all count for nothing.
    """
    require(reports, "reports")
    require(posts, "posts")
    length = pd.Timedelta(days=assumptions.next_days)
    until = min(moment.at, moment.stop)
    days = happened["event_date"].dt.tz_localize("UTC")
    parts = []
    end = moment.start + length
    while end <= until:
        known = current(reports, end)
        block = known.loc[(known["seen_at"] >= end - length) & (known["seen_at"] < end)]
        watched = effort(known, posts, unit_ids, end, assumptions.next_days).mean(axis=1)
        told = things(block, end, assumptions.same_within_days)
        during = _units_in(happened, (days >= end - length) & (days < end), unit_ids)
        parts.append(_tallied(Part.SO_FAR, told, watched, during, unit_ids))
        if end + length <= until:
            after = _units_in(happened, (days >= end) & (days < end + length), unit_ids)
            parts.append(_tallied(Part.NEXT, told, watched, after, unit_ids))
        end += length
    if not parts:
        empty = {k: pd.Series([], dtype="str") for k in KEYS}
        return pd.DataFrame(empty | {c: pd.Series([], dtype="float64") for c in COUNTS})
    return pd.concat(parts).groupby(KEYS, as_index=False)[COUNTS].sum()


def _units_in(happened: pd.DataFrame, when: pd.Series, unit_ids: pd.Index) -> Mask:
    return np.asarray(unit_ids.isin(happened.loc[when, "unit_id"]))


def _tallied(
    part: Part, told: pd.DataFrame, watched: Floats, violent: Mask, unit_ids: pd.Index
) -> pd.DataFrame:
    """One block's counts of one part."""
    answers = [str(ReportKind.INCIDENT)] if part is Part.SO_FAR else list(SPEAKING)
    told = told.loc[told["what"].isin(answers)]
    best = told.assign(
        at=unit_ids.get_indexer(pd.Index(told["unit_id"])),
        state=[STATES.index(Verification(v)) for v in told["verification"]],
    ).sort_values("state")
    best = best.loc[best["at"] >= 0].drop_duplicates(["at", "what"], keep="last")
    seen = np.zeros((len(unit_ids), len(answers), len(STATES)))
    kind = pd.Index(answers).get_indexer(pd.Index(best["what"]))
    seen[best["at"].to_numpy(dtype=np.intp), kind, best["state"].to_numpy(dtype=np.intp)] = 1.0
    trials = np.maximum(watched[:, None], seen.any(axis=2))
    states = [str(v) for v in STATES]
    cells = pd.MultiIndex.from_product([[str(part)], answers, states], names=KEYS)
    sums = {}
    for side, of in (("if", violent), ("none", ~violent)):
        sums[f"seen_{side}"] = seen[of].sum(axis=0).ravel()
        sums[f"watched_{side}"] = np.repeat(trials[of].sum(axis=0), len(STATES))
    return pd.DataFrame(sums, index=cells).reset_index()
