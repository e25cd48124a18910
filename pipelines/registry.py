"""The registry of units, made of tables of areas and their polygons."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import shapely

from features.contracts import require
from pipelines.sources.cod_ab import AREA_COLUMNS
from pipelines.sources.rows import BadRowError, Quarantine, Row
from pipelines.sources.vector import area_km2

VERSION = 1


def build(
    named: pd.DataFrame | None, drawn: pd.DataFrame, quarantine: Quarantine
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Put names and polygons together.

    Args:
        named: areas of a table of units; None where the polygons name them.
        drawn: areas with polygons.
        quarantine: takes units without a polygon and polygons without a unit.

    Returns:
        Units and polygons under their contracts, sorted by `unit_id`. A unit's `lon`, `lat`
        is a point surely inside its polygon, `area_km2` the polygon's area.
    """
    if named is None:
        named = drawn[list(AREA_COLUMNS)]
    shapes = dict(zip(drawn["unit_id"], drawn["geometry_wkb"], strict=True))
    known = set(named["unit_id"])
    for at, unit in enumerate(named.itertuples(index=False), start=1):
        if unit.unit_id not in shapes:
            _set_aside(quarantine, at, "no_polygon", "a polygon of this unit", unit)
    for at, unit in enumerate(drawn[list(AREA_COLUMNS)].itertuples(index=False), start=1):
        if unit.unit_id not in known:
            _set_aside(quarantine, at, "unknown_unit", "a unit of the table of units", unit)
    units = named[named["unit_id"].isin(list(shapes))].sort_values("unit_id", ignore_index=True)
    outlines = [shapes[unit_id] for unit_id in units["unit_id"]]
    polygons = [shapely.from_wkb(wkb) for wkb in outlines]
    points = [p.representative_point() for p in polygons]
    units = units.assign(
        lon=[p.x for p in points],
        lat=[p.y for p in points],
        area_km2=[area_km2(p) for p in polygons],
    )
    order = [
        *("unit_id", "name", "parent_id", "parent_name", "region_id", "region_name", "iso3"),
        *("lon", "lat", "area_km2", "valid_from", "valid_to"),
    ]
    table = pd.DataFrame({"unit_id": units["unit_id"], "geometry_wkb": outlines})
    table["geometry_wkb"] = table["geometry_wkb"].astype(object)
    return require(units[order], "units"), require(table, "polygons")


def _set_aside(quarantine: Quarantine, at: int, rule: str, expected: str, unit: Any) -> None:
    cells = {k: "" if pd.isna(v) else str(v) for k, v in unit._asdict().items()}
    bad = BadRowError(rule, column="unit_id", expected=expected, got=json.dumps(unit.unit_id))
    quarantine.add(Row(at, cells), bad)
