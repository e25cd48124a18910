"""Features of a unit's own past incidents."""

from __future__ import annotations

import numpy as np

from features import kernels
from features.context import Context
from features.kernels import Floats
from features.registry import register
from features.vocabulary import EventType

FAMILY = "past incidents here"
HALF_LIVES_DAYS = (14, 30, 90, 180, 365, 1095)
TYPE_HALF_LIVES_DAYS = (60, 365)
WINDOWS_DAYS = (28, 84, 182, 365)
NEVER_DAYS = 3650.0
"""Days since, where nothing is known to have happened: ten years."""

_PLURALS = {
    EventType.BATTLE: "battles",
    EventType.EXPLOSION: "explosions",
    EventType.VIOLENCE_AGAINST_CIVILIANS: "attacks on civilians",
    EventType.RIOT: "riots",
    EventType.PROTEST: "protests",
    EventType.STRATEGIC_DEVELOPMENT: "other reported developments",
}


def days_since(newest: Floats, context: Context) -> Floats:
    """Days from the newest event to `as_of`, at most `NEVER_DAYS`; shape as `newest`."""
    return np.minimum(context.days[:, None] - newest, NEVER_DAYS)


def target_decayed(context: Context, half_life: float) -> Floats:
    """Decayed count of the target class."""
    return context.target_decayed(half_life)


def target_windowed(context: Context, length: int) -> Floats:
    """Count of the target class in a window."""
    return context.target_windowed(length)


def type_decayed(context: Context, event_type: EventType, half_life: float) -> Floats:
    """Decayed count of one type."""
    return kernels.decayed(context.of_type(event_type), context.days, context.n_units, half_life)


def fatalities_decayed(context: Context, half_life: float) -> Floats:
    """Decayed number of deaths."""
    rows = context.reports.weighing(context.fatalities)
    return kernels.decayed(rows, context.days, context.n_units, half_life)


def fatalities_windowed(context: Context, length: int) -> Floats:
    """Deaths in a window."""
    rows = context.reports.weighing(context.fatalities)
    return kernels.windowed(rows, context.days, context.n_units, length)


def reports_windowed(context: Context, length: int) -> Floats:
    """Reports of any type in a window."""
    return kernels.windowed(context.reports, context.days, context.n_units, length)


def target_so_far(context: Context) -> Floats:
    """All known incidents of the target class."""
    return kernels.so_far(context.targets, context.days, context.n_units)


def days_since_target(context: Context) -> Floats:
    """Days since the newest incident of the target class."""
    return days_since(kernels.latest(context.targets, context.days, context.n_units), context)


def days_since_report(context: Context) -> Floats:
    """Days since the newest report of any type."""
    return days_since(kernels.latest(context.reports, context.days, context.n_units), context)


for _h in HALF_LIVES_DAYS:
    register(
        f"target_decay_{_h}d",
        FAMILY,
        "incidents",
        "incidents",
        f"violent incidents here, each counting half after {_h} days",
        target_decayed,
        half_life=_h,
    )
for _type in EventType:
    for _h in TYPE_HALF_LIVES_DAYS:
        register(
            f"{_type}_decay_{_h}d",
            FAMILY,
            "incidents",
            "incidents",
            f"{_PLURALS[_type]} here, each counting half after {_h} days",
            type_decayed,
            event_type=_type,
            half_life=_h,
        )
for _w in WINDOWS_DAYS:
    register(
        f"target_count_{_w}d",
        FAMILY,
        "incidents",
        "incidents",
        f"violent incidents here in the last {_w} days",
        target_windowed,
        length=_w,
    )
register(
    "target_so_far",
    FAMILY,
    "incidents",
    "incidents",
    "violent incidents here since records begin",
    target_so_far,
)
register(
    "report_count_365d",
    FAMILY,
    "incidents",
    "incidents",
    "reports of any kind from here in the last 365 days",
    reports_windowed,
    length=365,
)
for _w in (90, 365):
    register(
        f"fatalities_decay_{_w}d",
        FAMILY,
        "deaths",
        "incidents",
        f"deaths here, each counting half after {_w} days",
        fatalities_decayed,
        half_life=_w,
    )
register(
    "fatalities_365d",
    FAMILY,
    "deaths",
    "incidents",
    "deaths here in the last 365 days",
    fatalities_windowed,
    length=365,
)
register(
    "target_days_since",
    FAMILY,
    "days",
    "incidents",
    "days since the last violent incident here",
    days_since_target,
)
register(
    "report_days_since",
    FAMILY,
    "days",
    "incidents",
    "days since the last report of any kind here",
    days_since_report,
)
