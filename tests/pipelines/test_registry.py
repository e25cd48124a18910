from __future__ import annotations

from collections.abc import Callable

import shapely

from pipelines import registry
from pipelines.sources import cod_ab
from pipelines.sources.files import SourceFile
from pipelines.sources.rows import Quarantine

Write = Callable[[str, str | bytes], SourceFile]


def test_a_unit_lies_in_its_polygon(write: Write, geojson: str) -> None:
    quarantine = Quarantine("registry")
    drawn = cod_ab.read_polygons(write("u.geojson", geojson), quarantine)
    units, outlines = registry.build(None, drawn, quarantine)
    assert units["unit_id"].tolist() == outlines["unit_id"].tolist()
    for unit, outline in zip(units.itertuples(), outlines.itertuples(), strict=True):
        polygon = shapely.from_wkb(outline.geometry_wkb)
        assert polygon.contains(shapely.Point(unit.lon, unit.lat))
    assert units["area_km2"].between(12_000, 12_400).all()


def test_names_and_polygons_that_do_not_meet_are_set_aside(write: Write, geojson: str) -> None:
    quarantine = Quarantine("registry")
    drawn = cod_ab.read_polygons(write("u.geojson", geojson), quarantine)
    named = drawn.drop(columns="geometry_wkb").assign(name="Named")
    units, _ = registry.build(
        named[named["unit_id"] != "ML980101"],
        drawn[drawn["unit_id"] != "ML990101"],
        quarantine,
    )
    assert units["unit_id"].tolist() == ["ML990102", "ML990201", "ML990202"]
    assert set(units["name"]) == {"Named"}
    assert sorted(quarantine.frame()["rule"]) == ["no_polygon", "unknown_unit"]
