from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely

from features.errors import SourceError
from pipelines.sources.files import SourceFile
from pipelines.sources.vector import area_km2, distance_km, read_features

Write = Callable[[str, str | bytes], SourceFile]
SQUARE = shapely.box(0, 10, 1, 11)


def save(path: Path, shapes: list[Any], crs: str = "EPSG:4326") -> SourceFile:
    pyogrio.raw.write(
        path,
        geometry=np.array([s.wkb for s in shapes], dtype=object),
        field_data=[np.array([f"U{i}" for i in range(len(shapes))], dtype=object)],
        fields=["id"],
        geometry_type="Polygon",
        crs=crs,
    )
    return SourceFile(path, path.name)


@pytest.mark.parametrize("name", ["a.gpkg", "a.shp", "a.geojson"])
def test_three_formats(tmp_path: Path, name: str) -> None:
    file = save(tmp_path / name, [SQUARE, shapely.box(2, 10, 3, 11)])
    columns, features = read_features(file)
    assert columns == ["id"]
    assert [(f.row.number, f.row.cells["id"]) for f in features] == [(1, "U0"), (2, "U1")]
    assert features[0].geometry.equals(SQUARE)
    assert len(file.digests()) == (5 if name == "a.shp" else 1)


@pytest.mark.parametrize("name", ["a.gpkg", "a.shp", "a.geojson"])
@pytest.mark.parametrize("share", [0.2, 0.6, 0.97])
def test_a_cut_file_is_refused(tmp_path: Path, name: str, share: float) -> None:
    file = save(tmp_path / name, [shapely.box(i, 10, i + 1, 11) for i in range(50)])
    content = file.content()
    file.path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(SourceError, match=rf"{name}.*fetch the file again"):
        read_features(file)


def test_a_shapefile_without_its_table_is_refused(tmp_path: Path) -> None:
    file = save(tmp_path / "a.shp", [SQUARE])
    file.path.with_suffix(".dbf").unlink()
    with pytest.raises(SourceError, match=r"a \.dbf file beside it"):
        read_features(file)


def test_other_coordinates_layers_and_formats_are_refused(tmp_path: Path, write: Write) -> None:
    metres = save(tmp_path / "m.gpkg", [SQUARE], crs="EPSG:32630")
    with pytest.raises(SourceError, match="expected longitude and latitude"):
        read_features(metres)
    with pytest.raises(SourceError, match="nowhere"):
        read_features(save(tmp_path / "l.gpkg", [SQUARE]), "nowhere")
    with pytest.raises(SourceError, match="an SQLite file"):
        read_features(write("t.gpkg", "text"))
    with pytest.raises(SourceError, match="GDAL reads"):
        read_features(write("t.kml", "text"))


def test_rings_are_mended_and_what_is_no_polygon_is_none(write: Write) -> None:
    bow = "[[[0,0],[2,2],[2,0],[0,2],[0,0]]]"
    far = "[[[0,0],[400,0],[400,1],[0,0]]]"
    features = ",".join(
        f'{{"type":"Feature","properties":{{"n":{n}}},"geometry":{geometry}}}'
        for n, geometry in enumerate(
            [
                f'{{"type":"Polygon","coordinates":{bow}}}',
                f'{{"type":"Polygon","coordinates":{far}}}',
                '{"type":"Point","coordinates":[0,0]}',
                "null",
            ]
        )
    )
    file = write("a.geojson", f'{{"type":"FeatureCollection","features":[{features}]}}')
    shapes = [f.geometry for f in read_features(file)[1]]
    assert shapes[0].is_valid
    assert shapes[0].area == pytest.approx(2)
    assert shapes[1:] == [None, None, None]


@pytest.mark.parametrize(("south", "north"), [(0, 1), (10, 25), (59, 60), (-35, -20)])
def test_area_of_a_box_is_that_of_the_zone(south: float, north: float) -> None:
    # A zone of one degree: R^2 * (pi / 180) * (sin(north) - sin(south)).
    sines = np.sin(np.radians(north)) - np.sin(np.radians(south))
    expected = 6371.0072**2 * np.radians(1) * sines
    assert area_km2(shapely.box(-5, south, -4, north)) == pytest.approx(expected, rel=1e-4)


def test_distance() -> None:
    assert distance_km(0, 0, 1, 0) == pytest.approx(111.19, abs=0.01)
    # Bamako to Gao, about 940 km as the crow flies.
    assert distance_km(-8.0, 12.65, -0.04, 16.27) == pytest.approx(943, abs=5)
    assert distance_km(3, 4, 3, 4) == 0
