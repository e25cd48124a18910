"""Features of a unit among those of its parent area and its country, over several elections.

Where the target is rare, a unit's own past says little, and says it for years: a country votes
every four or five. These are the counts of the levels above it, and how small the unit is: where
units of one level are drawn to hold like numbers of people, the small ones are towns.
"""

from __future__ import annotations

import numpy as np

from features import demographics, spillover
from features.context import Context, mean_over
from features.incidents import fading
from features.kernels import Floats
from features.registry import register
from features.space import membership

HALF_LIFE_DAYS = 1095
"""See `models.recurrence`."""


def country_mean_decayed(context: Context, half_life: float) -> Floats:
    """Mean decayed count over the unit's whole country."""
    members = membership(context.units["iso3"])
    return mean_over(context.target_decayed(half_life), members)


def country_units(context: Context) -> Floats:
    """Units of the unit's country; shape (1, units)."""
    countries = context.units["iso3"]
    return np.asarray(countries.map(countries.value_counts()), dtype=float)[None, :]


def country_median_area_ratio(context: Context) -> Floats:
    """Median area of the country's units over the unit's own; shape (1, units).

    Missing where the unit's area is not known.
    """
    area = context.units["area_km2"].where(context.units["area_km2"] > 0)
    median = area.groupby(context.units["iso3"]).transform("median")
    return np.asarray(median / area, dtype=float)[None, :]


register(
    f"parent_mean_decay_{HALF_LIFE_DAYS}d",
    spillover.FAMILY,
    "incidents per unit",
    "incidents",
    {
        "en": "violent incident[s] per commune of the parent area" + fading(HALF_LIFE_DAYS)["en"],
        "fr": "incident[s] violent[s] par commune du cercle" + fading(HALF_LIFE_DAYS)["fr"],
    },
    spillover.parent_mean_decayed,
    half_life=HALF_LIFE_DAYS,
)
register(
    f"country_mean_decay_{HALF_LIFE_DAYS}d",
    spillover.FAMILY,
    "incidents per unit",
    "incidents",
    {
        "en": "violent incident[s] per commune of the country" + fading(HALF_LIFE_DAYS)["en"],
        "fr": "incident[s] violent[s] par commune du pays" + fading(HALF_LIFE_DAYS)["fr"],
    },
    country_mean_decayed,
    half_life=HALF_LIFE_DAYS,
)
register(
    "country_units_count",
    demographics.FAMILY,
    "units",
    "units",
    {"en": "commune[s] in the country", "fr": "commune[s] dans le pays"},
    country_units,
)
register(
    "country_median_area_ratio",
    demographics.FAMILY,
    "ratio",
    "units",
    {
        "en": "the country's median commune is {} times as large as this one",
        "fr": "la commune médiane du pays a {} fois la superficie de celle-ci",
    },
    country_median_area_ratio,
)
