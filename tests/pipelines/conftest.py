"""A small invented country, in its publishers' own formats, written by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
import shapely

from features.contracts import require
from pipelines.pack import Places
from pipelines.places import Gazetteer
from pipelines.sources.files import SourceFile

SQUARES = {
    # unit_id: name, parent_id, parent_name, region_id, region_name, west, south (1 x 1 degree)
    "ML990101": ("Kéba", "ML9901", "Nord", "ML99", "Haute-Région", 0, 10),
    "ML990102": ("Dôgo", "ML9901", "Nord", "ML99", "Haute-Région", 1, 10),
    "ML990201": ("Kéba", "ML9902", "Sud", "ML99", "Haute-Région", 0, 11),
    "ML990202": ("Tin-Zéna", "ML9902", "Sud", "ML99", "Haute-Région", 1, 11),
    "ML980101": ("Commune I", "ML9801", "Ville", "ML98", "Ville", 4, 10),
}


def _square(west: float, south: float) -> shapely.Polygon:
    return shapely.box(west, south, west + 1, south + 1)


@pytest.fixture
def units() -> pd.DataFrame:
    rows = [
        (unit_id, *said[:5], "MLI", said[5] + 0.5, said[6] + 0.5, 12_000.0, None, None)
        for unit_id, said in SQUARES.items()
    ]
    columns = [
        *("unit_id", "name", "parent_id", "parent_name", "region_id", "region_name"),
        *("iso3", "lon", "lat", "area_km2", "valid_from", "valid_to"),
    ]
    table = pd.DataFrame(rows, columns=columns).sort_values("unit_id", ignore_index=True)
    for day in ("valid_from", "valid_to"):
        table[day] = pd.to_datetime(table[day]).astype("datetime64[us]")
    return require(table, "units")


@pytest.fixture
def outlines() -> pd.DataFrame:
    wkb = [_square(said[5], said[6]).wkb for said in SQUARES.values()]
    table = pd.DataFrame({"unit_id": list(SQUARES), "geometry_wkb": wkb})
    table["geometry_wkb"] = table["geometry_wkb"].astype(object)
    return require(table, "polygons")


@pytest.fixture
def places() -> Places:
    return Places(
        strip_suffixes=("Commune", "region", "cercle"),
        aliases={"Nord/Doggo": "ML990102", "Old Town": "ML980101"},
        area_aliases={"Former": ("ML9901", "ML98")},
    )


@pytest.fixture
def gazetteer(units: pd.DataFrame, outlines: pd.DataFrame, places: Places) -> Gazetteer:
    return Gazetteer(units, outlines, places)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes], SourceFile]:
    """Write a file and hand it over as a source; its label is its name."""

    def file(name: str, content: str | bytes) -> SourceFile:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return SourceFile(path, name)

    return file


@pytest.fixture
def write_xlsx(tmp_path: Path) -> Callable[[str, dict[str, list[list[object]]]], SourceFile]:
    """Write an xlsx file of several sheets."""

    def file(name: str, sheets: dict[str, list[list[object]]]) -> SourceFile:
        book = openpyxl.Workbook()
        book.remove(book.worksheets[0])
        for title, rows in sheets.items():
            sheet = book.create_sheet(title)
            for row in rows:
                sheet.append(row)
        book.save(tmp_path / name)
        return SourceFile(tmp_path / name, name)

    return file


@pytest.fixture
def geojson() -> str:
    """The invented country as OCHA writes it."""
    features = [
        {
            "type": "Feature",
            "properties": {
                "ADM3_FR": name,
                "ADM3_PCODE": unit_id,
                "ADM2_FR": parent_name,
                "ADM2_PCODE": parent_id,
                "ADM1_FR": region_name,
                "ADM1_PCODE": region_id,
                "ADM0_FR": "Mali",
                "ADM0_PCODE": "ML",
            },
            "geometry": shapely.geometry.mapping(_square(west, south)),
        }
        for unit_id, (
            name,
            parent_id,
            parent_name,
            region_id,
            region_name,
            west,
            south,
        ) in SQUARES.items()
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)
