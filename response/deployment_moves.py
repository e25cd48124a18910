"""From one plan to the next: who stays, who moves where, who goes home, who comes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.kernels import Floats
from features.sphere import kilometres
from response.transport import transport

COLUMNS = ("base", "from_unit", "to_unit", "mediators", "km")


def moves(before: pd.DataFrame, after: pd.DataFrame, units: pd.DataFrame) -> pd.DataFrame:
    """The moves with the least travel that turn one plan into another.

    Who can stay stays. The others of a base move so that their sum of km is least; who is left
    over goes home, who is missing comes from home.

    Args:
        before: `unit_id`, `base`, `mediators`, one row per unit and base.
        after: likewise.
        units: `unit_id`, `lon`, `lat`, of the registry of `after`.

    Returns:
        `base`, `from_unit` (empty: from home), `to_unit` (empty: goes home; the same: stays),
        `mediators`, `km` (missing where home is an end, or a unit is not in the registry).
    """
    keys = ["base", "unit_id"]
    both = (
        before.groupby(keys)["mediators"]
        .sum()
        .rename("before")
        .to_frame()
        .join(after.groupby(keys)["mediators"].sum().rename("after"), how="outer")
        .fillna(0)
        .astype("int64")
        .reset_index()
    )
    rows: list[tuple[str, str, str, int, float]] = []
    for base, group in both.groupby("base", sort=True):
        stay = group[["before", "after"]].min(axis=1)
        rows += [
            (str(base), str(u), str(u), int(n), 0.0)
            for u, n in zip(group["unit_id"], stay, strict=True)
            if n
        ]
        leave = group.assign(n=group["before"] - stay).query("n > 0")
        come = group.assign(n=group["after"] - stay).query("n > 0")
        rows += _matched(str(base), leave, come, units)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _matched(
    base: str, leave: pd.DataFrame, come: pd.DataFrame, units: pd.DataFrame
) -> list[tuple[str, str, str, int, float]]:
    rows: list[tuple[str, str, str, int, float]] = []
    leaving, coming = (t["n"].to_numpy(dtype=np.int64).copy() for t in (leave, come))
    starts, ends = leave["unit_id"].tolist(), come["unit_id"].tolist()
    if len(starts) and len(ends):
        km = _between(starts, ends, units)
        sent = transport(np.nan_to_num(km, nan=1e5), leaving, coming)
        for i, j in zip(*np.nonzero(sent), strict=True):
            rows.append((base, starts[i], ends[j], int(sent[i, j]), float(km[i, j])))
        leaving, coming = leaving - sent.sum(axis=1), coming - sent.sum(axis=0)
    home = float("nan")
    rows += [(base, u, "", int(n), home) for u, n in zip(starts, leaving, strict=True) if n]
    rows += [(base, "", u, int(n), home) for u, n in zip(ends, coming, strict=True) if n]
    return rows


def _between(starts: list[str], ends: list[str], units: pd.DataFrame) -> Floats:
    at = {u: i for i, u in enumerate(units["unit_id"])}
    columns = [at.get(u, -1) for u in ends]
    km = np.full((len(starts), len(ends)), np.nan)
    for i, start in enumerate(starts):
        if start in at:
            row = kilometres(units, at[start])
            km[i] = [row[c] if c >= 0 else np.nan for c in columns]
    return km
