"""Reading vector files (GeoJSON, GeoPackage, shapefile) and measuring polygons."""

from __future__ import annotations

import json
import math
import sqlite3
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyogrio
import pyogrio.errors
import shapely

from features.errors import SourceError
from pipelines.sources.files import SourceFile
from pipelines.sources.rows import Row, cell_text

EARTH_RADIUS_KM = 6371.0072
"""Radius of the sphere with the area of the WGS 84 ellipsoid (authalic radius)."""

_WGS_84 = ("EPSG:4326", "OGC:CRS84")
_EARTH = (-180.0, -90.0, 180.0, 90.0)
_POLYGONAL = ("Polygon", "MultiPolygon")


@dataclass(frozen=True)
class Feature:
    """One feature: its attributes (row number counted from 1) and its polygon.

    `geometry` is None where the file has none or where it is not a polygon on the earth.
    """

    row: Row
    geometry: Any


def read_features(file: SourceFile, layer: str | None = None) -> tuple[list[str], list[Feature]]:
    """Read polygons in longitude and latitude. Invalid rings are mended (`make_valid`).

    Returns:
        The names of the attributes, and the features in the file's order.

    Raises:
        SourceError: the file is cut or broken, has no such layer, or is not in WGS 84.
    """
    _refuse_cut(file)
    try:
        meta, _, geometries, columns = pyogrio.raw.read(str(file.path), layer=layer)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise SourceError(
            file.label, expected="a vector file that GDAL reads", got=str(error)
        ) from None
    _refuse_other_crs(file, meta["crs"])
    names = [str(name) for name in meta["fields"]]
    shapes = shapely.from_wkb(geometries, on_invalid="ignore")
    features = []
    for at, shape in enumerate(shapes):
        cells = {
            name: cell_text(_plain(column[at])) for name, column in zip(names, columns, strict=True)
        }
        features.append(Feature(Row(at + 1, cells), _polygon(shape)))
    return names, features


def area_km2(polygon: Any) -> float:
    """Area of a polygon in longitude and latitude, in square kilometres.

    By the sinusoidal projection, which keeps areas: x = R (lon - lon0) cos(lat), y = R lat
    (Snyder 1987, Map Projections - A Working Manual, USGS Professional Paper 1395, eq. 30-1
    and 30-2), on the sphere of equal area. Edges are first cut to 0.1 degree, since a
    straight line in degrees is a curve in the projection.
    """
    middle = polygon.centroid.x

    def project(lon_lat: Any) -> Any:
        lon, lat = np.radians(lon_lat[:, 0] - middle), np.radians(lon_lat[:, 1])
        return EARTH_RADIUS_KM * np.column_stack([lon * np.cos(lat), lat])

    return float(shapely.transform(shapely.segmentize(polygon, 0.1), project).area)


def distance_km(lon: float, lat: float, other_lon: float, other_lat: float) -> float:
    """Great-circle distance in kilometres between two points (haversine formula)."""
    a, b = math.radians(lat), math.radians(other_lat)
    half_lat, half_lon = (b - a) / 2, math.radians(other_lon - lon) / 2
    chord = math.sin(half_lat) ** 2 + math.cos(a) * math.cos(b) * math.sin(half_lon) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(chord))


def _plain(value: Any) -> object:
    return value.item() if isinstance(value, np.generic) else value


def _polygon(shape: Any) -> Any:
    """The polygonal part of a shape, mended; None where there is none on the earth."""
    if shape is None or shape.is_empty:
        return None
    if not shape.is_valid:
        shape = shapely.make_valid(shape)
    if shape.geom_type not in _POLYGONAL:
        parts = [part for part in shapely.get_parts(shape) if part.geom_type in _POLYGONAL]
        if not parts:
            return None
        shape = shapely.union_all(parts)
    west, south, east, north = shape.bounds
    inside = west >= _EARTH[0] and south >= _EARTH[1] and east <= _EARTH[2] and north <= _EARTH[3]
    return shape if inside else None


def _refuse_other_crs(file: SourceFile, crs: str | None) -> None:
    if crs in _WGS_84 or (crs and crs.startswith("GEOG") and "WGS" in crs and "84" in crs):
        return
    raise SourceError(
        file.label,
        expected="longitude and latitude in WGS 84 (EPSG:4326)",
        got=f"the coordinate system {crs}",
        todo="reproject the file (ogr2ogr -t_srs EPSG:4326), then ingest again",
    )


def _refuse_cut(file: SourceFile) -> None:
    """Find cut files before GDAL does: it may read what is left and say nothing."""
    end = file.path.suffix.lower()
    content = file.content()
    if end in (".geojson", ".json"):
        try:
            json.loads(content)
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            row = error.lineno if isinstance(error, json.JSONDecodeError) else None
            raise _cut(file, "whole GeoJSON in UTF-8", str(error), row) from None
    elif end == ".gpkg":
        _refuse_cut_geopackage(file, content)
    elif end == ".shp":
        # Bytes 24-27 hold the file's length in 16-bit words (ESRI Shapefile Technical
        # Description, 1998, "Main File Header").
        says = 2 * int.from_bytes(content[24:28], "big")
        if len(content) < 100 or says != len(content):
            raise _cut(file, f"{says} bytes, as its header says", f"{len(content)}")
        for part in (".shx", ".dbf"):
            if not file.path.with_suffix(part).is_file():
                raise _cut(file, f"a {part} file beside it", "none")


def _refuse_cut_geopackage(file: SourceFile, content: bytes) -> None:
    # Bytes 16-17 hold the page size and 28-31 the number of pages
    # (https://www.sqlite.org/fileformat.html, "The Database Header").
    if not content.startswith(b"SQLite format 3\x00"):
        raise _cut(file, "a GeoPackage (an SQLite file)", "another kind of file")
    page = int.from_bytes(content[16:18], "big")
    says = (65536 if page == 1 else page) * int.from_bytes(content[28:32], "big")
    if len(content) < says:
        raise _cut(file, f"{says} bytes, as its header says", f"{len(content)}")
    with sqlite3.connect(f"{file.path.as_uri()}?mode=ro&immutable=1", uri=True) as database:
        try:
            state = database.execute("PRAGMA quick_check(1)").fetchone()[0]
        except sqlite3.DatabaseError as error:
            state = str(error)
    database.close()
    if state != "ok":
        raise _cut(file, "a sound SQLite file", str(state))


def _cut(file: SourceFile, expected: str, got: str, row: int | None = None) -> SourceError:
    return SourceError(file.label, row=row, expected=expected, got=got, todo="fetch the file again")
