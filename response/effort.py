"""Observation effort: how well each unit was watched, day by day, back from a moment.

Silence says something only where somebody would have spoken. A person who reported on a day
watched for `SEEN` of what there was to see; one who is posted there, has reported in the days
before and says nothing on this one, for `SILENT`. Who is posted but has not been heard of for
`ACTIVE_DAYS` watches for nothing, nor does anybody where nobody is posted. The figures are a
convention of Vigie, not a finding.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.kernels import Floats

SEEN, SILENT = 0.7, 0.15
ACTIVE_DAYS = 7
EXPECTED_EVERY_DAYS = 2.0
"""A post that has not been heard of for longer is called silent."""

_NOBODY = ""


class Watch(StrEnum):
    """What stands behind the silence of a unit."""

    WATCHED = "watched"
    SILENT = "silent"
    UNPOSTED = "unposted"


def ages(seen_at: pd.Series, moment: pd.Timestamp) -> Floats:
    """Days from when something was seen to a moment; 0 where a phone's clock was ahead."""
    days: Floats = (moment - seen_at).dt.total_seconds().to_numpy(dtype=float) / 86_400
    return np.maximum(days, 0.0)


def effort(
    reports: pd.DataFrame,
    posts: pd.DataFrame,
    unit_ids: pd.Index,
    moment: pd.Timestamp,
    days: int,
) -> Floats:
    """How well each unit was watched on each day before a moment.

    Args:
        reports: as `response.contracts.current` gives them.
        posts: keeps `POSTS`.
        unit_ids: the units, in the order wanted.
        moment: days are counted back from it, 24 hours each.
        days: how many.

    Returns:
        Shape (units, days), 0 to 1, the newest day first.
    """
    wide = days + ACTIVE_DAYS - 1
    unit, present = _presence(reports, unit_ids, moment, wide)
    spoke = np.zeros((len(unit_ids), days))
    heard = np.zeros((len(unit_ids), days))
    lately = np.lib.stride_tricks.sliding_window_view(present, ACTIVE_DAYS, axis=1).any(axis=2)
    np.add.at(spoke, unit, present[:, :days])
    np.add.at(heard, unit, lately)
    posted = posts.set_index("unit_id")["mediators"].reindex(unit_ids).fillna(0).to_numpy()
    still = np.maximum(np.minimum(posted[:, None], heard) - spoke, 0.0)
    watched: Floats = 1.0 - (1.0 - SEEN) ** spoke * (1.0 - SILENT) ** still
    return watched


def _presence(
    reports: pd.DataFrame, unit_ids: pd.Index, moment: pd.Timestamp, days: int
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Who reported from where on which day: the unit of each person there, and their days."""
    unit = unit_ids.get_indexer(pd.Index(reports["unit_id"]))
    day = np.floor(ages(reports["seen_at"], moment)).astype(np.intp)
    kept = (unit >= 0) & (day < days)
    who = reports["reporter"].fillna(_NOBODY)[kept]
    people = pd.MultiIndex.from_arrays([unit[kept], who])
    person, distinct = people.factorize()
    present = np.zeros((len(distinct), days), dtype=bool)
    present[person, day[kept]] = True
    return np.array([u for u, _ in distinct], dtype=np.intp), present


def watches(
    reports: pd.DataFrame, posts: pd.DataFrame, unit_ids: pd.Index, moment: pd.Timestamp
) -> pd.DataFrame:
    """Who stands where, and when they were last heard of.

    Returns:
        One row per unit: `mediators`, `quiet_days` (since something was last seen there; missing
        if never) and `watch` (a `Watch`).
    """
    posted = posts.set_index("unit_id")["mediators"].reindex(unit_ids).fillna(0).astype("int64")
    age = pd.Series(ages(reports["seen_at"], moment), index=reports["unit_id"].to_numpy())
    last = age.groupby(level=0).min().reindex(unit_ids)
    heard = (last <= EXPECTED_EVERY_DAYS).to_numpy()
    watch = np.where(heard, Watch.WATCHED, np.where(posted > 0, Watch.SILENT, Watch.UNPOSTED))
    return pd.DataFrame(
        {
            "unit_id": unit_ids,
            "mediators": posted.to_numpy(),
            "quiet_days": last.to_numpy(dtype=float),
            "watch": [str(w) for w in watch],
        }
    )
