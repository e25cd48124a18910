"""What happened in each window, as far as it was known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.context import Context
from features.days import Days
from features.horizon import Horizon
from features.kernels import Floats


def window_counts(
    context: Context, known_by: int, settle_days: int | None = None, horizon: Horizon | None = None
) -> Floats:
    """Incidents of the target class in the window of each `as_of` day.

    Args:
        context: the grid.
        known_by: day number; incidents that became known later are not counted.
        settle_days: where given, nor are those that became known later than this after the
            window's end. The label of a settled day then never changes, so that a fold in
            the past trains on just what could be known in it.
        horizon: the days that are counted; the whole window of `context` when None.

    Returns:
        Shape (days, units). A window that had not ended by `known_by` is counted as far
        as it went: `settled` says which days may be used.
    """
    horizon = horizon or context.horizon
    rows = context.targets
    rows = rows.where(rows.known <= known_by)
    counts = np.zeros((len(context.days) + 1, context.n_units))
    from_day = rows.event
    if settle_days is not None:
        from_day = np.maximum(rows.event, rows.known - settle_days)
    first = np.searchsorted(context.days, from_day - horizon.last_day, side="left")
    stop = np.searchsorted(context.days, rows.event - horizon.first_day, side="right")
    first = np.minimum(first, stop)
    np.add.at(counts, (first, rows.unit), 1.0)
    np.add.at(counts, (stop, rows.unit), -1.0)
    out: Floats = np.cumsum(counts, axis=0)[:-1]
    return out


def end_counts(context: Context, known_by: int, settle_days: int | None = None) -> Floats:
    """Incidents in the first and in the last quarter of each window; see `window_counts`.

    Returns:
        Shape (days, units, 2).
    """
    whole = context.horizon
    quarter = max(1, whole.length_days // 4)
    leads = (whole.lead_days, whole.last_day - quarter)
    ends = [window_counts(context, known_by, settle_days, Horizon(lead, quarter)) for lead in leads]
    return np.stack(ends, axis=-1)


def settled(days: Days, horizon: Horizon, settle_days: int, known_by: int) -> NDArray[np.bool_]:
    """Which `as_of` days have windows that ended at least `settle_days` before `known_by`.

    `settle_days` is the longest reporting lag of the sources: sooner, a quiet window may
    only be one whose reports have not come in.
    """
    return days + horizon.last_day + settle_days <= known_by
