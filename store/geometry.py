"""Unit outlines, light enough for a map in a browser."""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

TOLERANCE_DEGREES = 0.005
DECIMALS = 4


def simplified(polygons: pd.DataFrame) -> dict[str, str]:
    """Simplified outlines as GeoJSON text.

    Neighbours are simplified together (Visvalingam-Whyatt on the shared edges, GEOS
    CoverageSimplify), so that no gap opens between them and a shared edge has the same ends
    on both sides.

    Args:
        polygons: table that keeps the contract `polygons`.

    Returns:
        `unit_id` -> GeoJSON geometry in WGS 84, coordinates to four decimals (about 10 m).
    """
    if polygons.empty:
        return {}
    shapes = shapely.make_valid(shapely.from_wkb(polygons["geometry_wkb"].to_numpy(dtype=object)))
    thinned = shapely.coverage_simplify(_matched(shapes), TOLERANCE_DEGREES)
    rounded = shapely.transform(thinned, lambda xy: np.round(xy, DECIMALS))
    return dict(zip(polygons["unit_id"], shapely.to_geojson(rounded), strict=True))


def _matched(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    """The same outlines, with vertices wherever a neighbour has one.

    Publishers' neighbours often miss each other by metres. All outlines are laid over each
    other on a grid and cut into faces; each face goes to the first unit that it lies in.
    """
    lines = shapely.union_all(shapely.boundary(shapes), grid_size=10.0**-DECIMALS)
    faces = shapely.get_parts(shapely.polygonize([lines]))
    face, owner = shapely.STRtree(shapes).query(shapely.point_on_surface(faces), predicate="within")
    claims = pd.Series(owner).groupby(face).min()
    outlines = shapes.copy()
    for unit, own in claims.groupby(claims):
        outlines[unit] = shapely.union_all(faces[own.index.to_numpy()])
    return outlines
