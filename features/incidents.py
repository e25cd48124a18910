"""Features of a unit's own past incidents."""

from __future__ import annotations

import numpy as np

from features import kernels
from features.context import Context
from features.kernels import Floats
from features.registry import register
from features.vocabulary import EventType
from features.wording import last

FAMILY = "past incidents here"
HALF_LIVES_DAYS = (14, 30, 90, 180, 365, 1095)
TYPE_HALF_LIVES_DAYS = (60, 365)
WINDOWS_DAYS = (28, 84, 182, 365)
NEVER_DAYS = 3650.0
"""Days since, where nothing is known to have happened: ten years."""

TYPES_SAY = {
    EventType.BATTLE: ("battle[s]", "combat[s]"),
    EventType.EXPLOSION: ("explosion[s]", "explosion[s]"),
    EventType.VIOLENCE_AGAINST_CIVILIANS: (
        "attack[s] on civilians",
        "attaque[s] contre des civils",
    ),
    EventType.RIOT: ("riot[s]", "émeute[s]"),
    EventType.PROTEST: ("protest[s]", "manifestation[s]"),
    EventType.STRATEGIC_DEVELOPMENT: (
        "other reported development[s]",
        "autre[s] fait[s] signalé[s]",
    ),
}
"""Incidents of each type, in English and in French."""


def fading(half_life: int) -> dict[str, str]:
    """How a decayed count forgets, as the end of a sentence."""
    years, rest = divmod(half_life, 365)
    en, fr = f"{half_life} days", f"{half_life} jours"
    if rest == 0:
        en, fr = ("a year", "un an") if years == 1 else (f"{years} years", f"{years} ans")
    return {
        "en": f", each counting half after {en}",
        "fr": f", chaque fait comptant pour moitié après {fr}",
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
        {
            "en": "violent incident[s] here" + fading(_h)["en"],
            "fr": "incident[s] violent[s] ici" + fading(_h)["fr"],
        },
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
            {
                "en": TYPES_SAY[_type][0] + " here" + fading(_h)["en"],
                "fr": TYPES_SAY[_type][1] + " ici" + fading(_h)["fr"],
            },
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
        {
            "en": f"violent incident[s] here in {last(_w, 'en')}",
            "fr": f"incident[s] violent[s] ici au cours {last(_w, 'fr')}",
        },
        target_windowed,
        length=_w,
    )
register(
    "target_so_far",
    FAMILY,
    "incidents",
    "incidents",
    {
        "en": "violent incident[s] here since records begin",
        "fr": "incident[s] violent[s] ici depuis le début des relevés",
    },
    target_so_far,
)
register(
    "report_count_365d",
    FAMILY,
    "incidents",
    "incidents",
    {
        "en": f"report[s] of any kind from here in {last(365, 'en')}",
        "fr": f"signalement[s] de toute nature ici au cours {last(365, 'fr')}",
    },
    reports_windowed,
    length=365,
)
for _w in (90, 365):
    register(
        f"fatalities_decay_{_w}d",
        FAMILY,
        "deaths",
        "incidents",
        {
            "en": "death[s] here" + fading(_w)["en"],
            "fr": "mort[s] ici" + fading(_w)["fr"],
        },
        fatalities_decayed,
        half_life=_w,
    )
register(
    "fatalities_365d",
    FAMILY,
    "deaths",
    "incidents",
    {
        "en": f"death[s] here in {last(365, 'en')}",
        "fr": f"mort[s] ici au cours {last(365, 'fr')}",
    },
    fatalities_windowed,
    length=365,
)
register(
    "target_days_since",
    FAMILY,
    "days",
    "incidents",
    {
        "en": "day[s] since the last violent incident here",
        "fr": "jour[s] depuis le dernier incident violent ici",
    },
    days_since_target,
    exactly={
        "en": {NEVER_DAYS: "no violent incident known here in the last ten years"},
        "fr": {NEVER_DAYS: "aucun incident violent connu ici au cours des dix dernières années"},
    },
)
register(
    "report_days_since",
    FAMILY,
    "days",
    "incidents",
    {
        "en": "day[s] since the last report of any kind here",
        "fr": "jour[s] depuis le dernier signalement de toute nature ici",
    },
    days_since_report,
    exactly={
        "en": {NEVER_DAYS: "no report of any kind from here in the last ten years"},
        "fr": {NEVER_DAYS: "aucun signalement ici au cours des dix dernières années"},
    },
)
