"""Features of the people and the land: population, density, and what else a pack brings."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.context import NEAR_KM, Context
from features.days import day_numbers
from features.kernels import Floats
from features.names import fold
from features.registry import AREA_PREFIX, Feature, register
from features.wording import phrases

FAMILY = "people and place"
POPULATION = "population"


def newest_value(context: Context, variable: str, level: str) -> Floats:
    """Newest known value of a variable for each unit's area of one level.

    Args:
        context: the grid.
        variable: name in the demographics table.
        level: `unit_id`, `parent_id` or `region_id`.

    Returns:
        Shape (days, units); missing before a value is known or where there is none.
    """
    table = context.tables.demographics
    table = table.loc[table["variable"] == variable].sort_values(["known_on", "area_id"])
    areas = pd.Index(context.units[level].unique())
    position = areas.get_indexer(pd.Index(table["area_id"]))
    values = np.full((len(context.days), len(areas)), np.nan)
    starts = np.searchsorted(context.days, day_numbers(table["known_on"]), side="left")
    for start, area, value in zip(starts, position, table["value"], strict=True):
        if area >= 0:
            values[start:, area] = value
    return values[:, areas.get_indexer(pd.Index(context.units[level]))]


def variable_here(context: Context, variable: str) -> Floats:
    """The unit's own value where there is one, else its parent area's, else its region's."""
    out = newest_value(context, variable, "unit_id")
    for level in ("parent_id", "region_id"):
        out = np.where(np.isnan(out), newest_value(context, variable, level), out)
    return out


def population(context: Context) -> Floats:
    """People in the unit."""
    return newest_value(context, POPULATION, "unit_id")


def population_parent(context: Context) -> Floats:
    """People in the parent area: its own figure, else the sum over its units."""
    own = newest_value(context, POPULATION, "parent_id")
    summed = np.asarray((context.parents @ population(context).T).T)
    return np.where(np.isnan(own), summed, own)


def area_km2(context: Context) -> Floats:
    """Area of the unit; shape (1, units)."""
    return context.units["area_km2"].to_numpy(dtype=float)[None, :]


def density_parent(context: Context) -> Floats:
    """People per square kilometre of the parent area."""
    area = context.parents @ context.units["area_km2"].to_numpy(dtype=float)
    return population_parent(context) / np.where(area > 0, area, np.nan)[None, :]


def seat_of_parent(context: Context) -> Floats:
    """1 where the unit bears the name of its parent area, as seats do; shape (1, units).

    Offices, markets and garrisons are there, and reports that name only the area are placed there.
    """
    units = context.units
    pairs = zip(units["name"], units["parent_name"], strict=True)
    return np.array([[float(fold(name) == fold(parent)) for name, parent in pairs]])


def degrees(context: Context, axis: str) -> Floats:
    """Longitude (`lon`) or latitude (`lat`) of the unit; shape (1, units)."""
    return context.units[axis].to_numpy(dtype=float)[None, :]


def units_near(context: Context) -> Floats:
    """Other units nearby: many where people live close together; shape (1, units)."""
    return np.asarray(context.near.sum(axis=1), dtype=float).ravel()[None, :]


def area_feature(variable: str) -> Feature:
    """The feature for one variable that a pack brings."""
    return Feature(
        AREA_PREFIX + variable,
        FAMILY,
        "as in the source",
        "demographics",
        phrases(
            f"variable {variable!r}",
            {
                "en": f"as {variable.replace('_', ' ')} here",
                "fr": f"pour {variable.replace('_', ' ')} ici",
            },
        ),
        lambda context: variable_here(context, variable),
    )


register(
    "population",
    FAMILY,
    "people",
    "demographics",
    {"en": "[person lives|people live] here", "fr": "habitant[s] ici"},
    population,
)
register(
    "population_parent",
    FAMILY,
    "people",
    "demographics",
    {
        "en": "[person lives|people live] in the parent area",
        "fr": "habitant[s] dans le cercle",
    },
    population_parent,
)
register(
    "area_km2",
    FAMILY,
    "km2",
    "units",
    {
        "en": "square [kilometre|kilometres] in size",
        "fr": "kilomètre[s] carré[s] de superficie",
    },
    area_km2,
)
register(
    "density_parent_per_km2",
    FAMILY,
    "people per km2",
    "demographics, units",
    {
        "en": "[person|people] per square kilometre in the parent area",
        "fr": "habitant[s] au kilomètre carré dans le cercle",
    },
    density_parent,
)
register(
    "seat_of_parent",
    FAMILY,
    "0 or 1",
    "units",
    {"en": "for being the seat of the parent area", "fr": "pour être le chef-lieu du cercle"},
    seat_of_parent,
    exactly={
        "en": {0: "not the seat of the parent area", 1: "the seat of the parent area"},
        "fr": {0: "n'est pas le chef-lieu du cercle", 1: "chef-lieu du cercle"},
    },
)
register(
    "units_near",
    FAMILY,
    "units",
    "units",
    {
        "en": f"other commune[s] within {NEAR_KM:.0f} km",
        "fr": f"[autre commune|autres communes] à moins de {NEAR_KM:.0f} km",
    },
    units_near,
)
register(
    "lon_deg",
    FAMILY,
    "degrees",
    "units",
    {"en": "where it lies: longitude {}°", "fr": "où elle se trouve\u202f: longitude {}°"},
    degrees,
    axis="lon",
)
register(
    "lat_deg",
    FAMILY,
    "degrees",
    "units",
    {"en": "where it lies: latitude {}°", "fr": "où elle se trouve\u202f: latitude {}°"},
    degrees,
    axis="lat",
)
