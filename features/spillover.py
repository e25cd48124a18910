"""Features of violence around a unit: its parent area, its region, its neighbours, the country."""

from __future__ import annotations

import numpy as np

from features import kernels, space
from features.context import NEAR_KM, Context, country_windowed, mean_over, spread
from features.incidents import NEVER_DAYS, TYPES_SAY, days_since, fading
from features.kernels import Floats
from features.registry import register
from features.vocabulary import EventType
from features.wording import last

FAMILY = "violence around"
AREA_HALF_LIVES_DAYS = (30, 90, 365)
SCALES_KM = (20.0, 60.0)
TYPES = (EventType.BATTLE, EventType.VIOLENCE_AGAINST_CIVILIANS, EventType.EXPLOSION)


def parent_mean_decayed(context: Context, half_life: float) -> Floats:
    """Mean decayed count over the parent area."""
    return mean_over(context.target_decayed(half_life), context.parents)


def region_mean_decayed(context: Context, half_life: float) -> Floats:
    """Mean decayed count over the region."""
    return mean_over(context.target_decayed(half_life), context.regions)


def parent_mean_windowed(context: Context, length: int) -> Floats:
    """Mean count in a window over the parent area."""
    return mean_over(context.target_windowed(length), context.parents)


def parent_violent_share(context: Context, length: int) -> Floats:
    """Share of the parent area's units with an incident in a window."""
    return mean_over((context.target_windowed(length) > 0).astype(float), context.parents)


def neighbours_decayed(context: Context, half_life: float, scale_km: float) -> Floats:
    """Neighbours' decayed count, each weighing exp(-distance / scale)."""
    return spread(context.target_decayed(half_life), space.decaying(context.km, scale_km))


def near_windowed(context: Context, length: int) -> Floats:
    """Count in a window over the other units nearby."""
    return spread(context.target_windowed(length), context.near)


def near_type_windowed(context: Context, event_type: EventType, length: int) -> Floats:
    """Count of one type in a window over the other units nearby."""
    own = kernels.windowed(context.of_type(event_type), context.days, context.n_units, length)
    return spread(own, context.near)


def near_fatalities(context: Context, length: int) -> Floats:
    """Deaths in a window in the other units nearby."""
    rows = context.reports.weighing(context.fatalities)
    return spread(kernels.windowed(rows, context.days, context.n_units, length), context.near)


def near_days_since(context: Context) -> Floats:
    """Days since the newest incident in another unit nearby."""
    newest = kernels.latest(context.targets, context.days, context.n_units)
    near = context.near
    around = np.full_like(newest, -np.inf)
    for unit in range(context.n_units):
        others = near.indices[near.indptr[unit] : near.indptr[unit + 1]]
        if len(others):
            around[:, unit] = newest[:, others].max(axis=1)
    return days_since(around, context)


def country_count(context: Context, length: int) -> Floats:
    """Count in a window over the unit's whole country."""
    return country_windowed(context, context.targets, length)


for _h in AREA_HALF_LIVES_DAYS:
    register(
        f"parent_mean_decay_{_h}d",
        FAMILY,
        "incidents per unit",
        "incidents",
        {
            "en": "violent incident[s] per commune of the parent area" + fading(_h)["en"],
            "fr": "incident[s] violent[s] par commune du cercle" + fading(_h)["fr"],
        },
        parent_mean_decayed,
        half_life=_h,
    )
for _h in (90, 365):
    register(
        f"region_mean_decay_{_h}d",
        FAMILY,
        "incidents per unit",
        "incidents",
        {
            "en": "violent incident[s] per commune of the region" + fading(_h)["en"],
            "fr": "incident[s] violent[s] par commune de la région" + fading(_h)["fr"],
        },
        region_mean_decayed,
        half_life=_h,
    )
register(
    "parent_mean_count_365d",
    FAMILY,
    "incidents per unit",
    "incidents",
    {
        "en": f"violent incident[s] per commune of the parent area in {last(365, 'en')}",
        "fr": f"incident[s] violent[s] par commune du cercle au cours {last(365, 'fr')}",
    },
    parent_mean_windowed,
    length=365,
)
register(
    "parent_violent_share_365d",
    FAMILY,
    "share of units",
    "incidents",
    {
        "en": f"of the parent area's communes saw violent incidents in {last(365, 'en')}",
        "fr": f"des communes du cercle ont connu des incidents violents au cours {last(365, 'fr')}",
    },
    parent_violent_share,
    length=365,
)
for _scale in SCALES_KM:
    for _h in AREA_HALF_LIVES_DAYS:
        register(
            f"neighbours_{_scale:.0f}km_decay_{_h}d",
            FAMILY,
            "incidents",
            "incidents",
            {
                "en": "index of violent incidents in the communes around: {} "
                f"(fading over {_scale:.0f} km and {_h} days)",
                "fr": "indice d'incidents violents des communes voisines\u202f: {} "
                f"(s'estompe sur {_scale:.0f} km et {_h} jours)",
            },
            neighbours_decayed,
            half_life=_h,
            scale_km=_scale,
        )
for _w in (28, 365):
    register(
        f"near_count_{_w}d",
        FAMILY,
        "incidents",
        "incidents",
        {
            "en": f"violent incident[s] in other communes within {NEAR_KM:.0f} km "
            f"in {last(_w, 'en')}",
            "fr": f"incident[s] violent[s] dans d'autres communes à moins de {NEAR_KM:.0f} km "
            f"au cours {last(_w, 'fr')}",
        },
        near_windowed,
        length=_w,
    )
for _type in TYPES:
    register(
        f"near_{_type}_182d",
        FAMILY,
        "incidents",
        "incidents",
        {
            "en": f"{TYPES_SAY[_type][0]} in other communes within {NEAR_KM:.0f} km "
            f"in {last(182, 'en')}",
            "fr": f"{TYPES_SAY[_type][1]} dans d'autres communes à moins de {NEAR_KM:.0f} km "
            f"au cours {last(182, 'fr')}",
        },
        near_type_windowed,
        event_type=_type,
        length=182,
    )
register(
    "near_fatalities_182d",
    FAMILY,
    "deaths",
    "incidents",
    {
        "en": f"death[s] in other communes within {NEAR_KM:.0f} km in {last(182, 'en')}",
        "fr": f"mort[s] dans d'autres communes à moins de {NEAR_KM:.0f} km "
        f"au cours {last(182, 'fr')}",
    },
    near_fatalities,
    length=182,
)
register(
    "near_days_since",
    FAMILY,
    "days",
    "incidents",
    {
        "en": f"day[s] since the last violent incident in another commune within {NEAR_KM:.0f} km",
        "fr": "jour[s] depuis le dernier incident violent dans une autre commune "
        f"à moins de {NEAR_KM:.0f} km",
    },
    near_days_since,
    exactly={
        "en": {
            NEVER_DAYS: "no violent incident known in another commune "
            f"within {NEAR_KM:.0f} km in the last ten years"
        },
        "fr": {
            NEVER_DAYS: "aucun incident violent connu dans une autre commune "
            f"à moins de {NEAR_KM:.0f} km au cours des dix dernières années"
        },
    },
)
for _w in (84, 365):
    register(
        f"country_count_{_w}d",
        FAMILY,
        "incidents",
        "incidents",
        {
            "en": f"violent incident[s] in the whole country in {last(_w, 'en')}",
            "fr": f"incident[s] violent[s] dans tout le pays au cours {last(_w, 'fr')}",
        },
        country_count,
        length=_w,
    )
