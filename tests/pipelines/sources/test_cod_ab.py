from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from features.errors import SourceError
from pipelines.sources import cod_ab
from pipelines.sources.files import SourceFile
from pipelines.sources.rows import Quarantine

Write = Callable[[str, str | bytes], SourceFile]
WriteXlsx = Callable[[str, dict[str, list[list[object]]]], SourceFile]

# As Mali's: padded with empty columns and rows, <Null> for nothing.
LONG = [
    [
        *("OBJECTID *", "admin3Name_fr", "admin3Pcode", "admin3RefName", "admin3AltName1_fr"),
        *("admin2Name_fr", "admin2Pcode", "admin1Name_fr", "admin1Pcode", "admin0Name_fr"),
        *("admin0Pcode", "date", "validOn", "validTo", None),
    ],
    [
        *(1, "Kéba", "ML990101", "Keba", "<Null>", "Nord", "ML9901", "Haute", "ML99", "Mali (le)"),
        *("ML", date(2015, 6, 1), date(2021, 12, 20), "<Null>", None),
    ],
    [None] * 15,
    [
        *(2, "<Null>", "ML990102", "", "<Null>", "Nord", "ML9901", "Haute", "ML99", "Mali (le)"),
        *("ML", date(2015, 6, 1), date(2021, 12, 20), "<Null>", None),
    ],
]
# As Burkina Faso's and Niger's.
SHORT = [
    [
        *("ADM3_FR", "ADM3_PCODE", "ADM3_REF", "ADM3ALT1_FR", "ADM2_FR", "ADM2_PCODE"),
        *("ADM1_FR", "ADM1_PCODE", "ADM0_FR", "ADM0_PCODE", "DATE", "VALID_TO", "AREA_SQKM"),
    ],
    [
        *("Kéba", "NE001", None, None, "Nord", "NE01", "Haute", "NE0", "Niger (the)", "NE"),
        *(date(2020, 3, 18), date(2024, 1, 1), 309),
    ],
]


def read(file: SourceFile, sheet: str | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    quarantine = Quarantine(file.label)
    return cod_ab.read_units(file, quarantine, sheet), quarantine.frame()


def test_names_of_mali(write_xlsx: WriteXlsx) -> None:
    sheets: dict[str, list[list[object]]] = {
        "Admin2": [["admin2Name_fr", "admin2Pcode", "admin0Pcode"], ["Nord", "ML9901", "ML"]],
        "Admin3": LONG,
    }
    units, quarantine = read(write_xlsx("u.xlsx", sheets))
    assert units.to_dict("records") == [
        {
            "unit_id": "ML990101",
            "name": "Kéba",
            "parent_id": "ML9901",
            "parent_name": "Nord",
            "region_id": "ML99",
            "region_name": "Haute",
            "iso3": "MLI",
            "valid_from": pd.Timestamp("2015-06-01"),
            "valid_to": pd.NaT,
        }
    ]
    # The blank row is passed over, and counted.
    assert quarantine[["row", "rule", "column"]].to_numpy().tolist() == [
        [4, "blank_cell", "admin3Name_fr"]
    ]


def test_names_of_niger(write_xlsx: WriteXlsx) -> None:
    units, _ = read(write_xlsx("u.xlsx", {"ADM3": SHORT}))
    assert units.loc[0, ["unit_id", "name", "parent_id", "iso3"]].tolist() == [
        *("NE001", "Kéba", "NE01", "NER")
    ]
    assert units.loc[0, "valid_to"] == pd.Timestamp("2024-01-01")


def test_a_unit_twice_and_an_unknown_country(write_xlsx: WriteXlsx) -> None:
    foreign = [*SHORT[1][:1], "NE002", *SHORT[1][2:9], "QQ", *SHORT[1][10:]]
    units, quarantine = read(write_xlsx("u.xlsx", {"ADM3": [*SHORT, SHORT[1], foreign]}))
    assert len(units) == 1
    assert quarantine[["row", "rule", "got"]].to_numpy().tolist() == [
        [3, "duplicate", "NE001"],
        [4, "unknown_country", "QQ"],
    ]


@pytest.mark.parametrize("cut", [0.3, 0.9, 0.999])
def test_a_cut_xlsx_is_refused(write: Write, write_xlsx: WriteXlsx, cut: float) -> None:
    content = write_xlsx("u.xlsx", {"ADM3": SHORT}).content()
    with pytest.raises(SourceError, match=r"cut\.xlsx: expected a whole xlsx file"):
        read(write("cut.xlsx", content[: int(len(content) * cut)]))


def test_missing_sheets_and_columns(write_xlsx: WriteXlsx) -> None:
    with pytest.raises(SourceError, match="a sheet 'ADM4', got the sheets ADM3"):
        read(write_xlsx("u.xlsx", {"ADM3": SHORT}), "ADM4")
    with pytest.raises(SourceError, match="P-code column"):
        read(write_xlsx("u.xlsx", {"S": [["a"], ["b"]]}))
    nameless = [[c if c != "ADM3_FR" else "COMMUNE" for c in SHORT[0]], SHORT[1]]
    with pytest.raises(SourceError) as refused:
        read(write_xlsx("u.xlsx", {"ADM3": nameless}))
    assert refused.value.column == "ADM3_NAME"
    with pytest.raises(SourceError, match="at least one row, got none"):
        read(write_xlsx("u.xlsx", {"ADM3": SHORT[:1]}))


def test_polygons(write: Write, geojson: str) -> None:
    quarantine = Quarantine("u")
    areas = cod_ab.read_polygons(write("u.geojson", geojson), quarantine)
    assert len(areas) == 5
    assert set(areas["iso3"]) == {"MLI"}
    assert areas["unit_id"].is_monotonic_increasing
    broken = geojson.replace('"type": "Polygon"', '"type": "Point"', 0)
    emptied = broken.replace('"geometry": {', '"geometry": null, "was": {', 1)
    areas = cod_ab.read_polygons(write("v.geojson", emptied), quarantine)
    assert len(areas) == 4
    assert quarantine.frame()[["row", "rule"]].to_numpy().tolist() == [[1, "no_polygon"]]


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "iso3", "count"),
    [
        ("mali/mli_adminboundaries_tabulardata.xlsx", "MLI", 701),
        ("west_africa/bfa_adminboundaries_tabulardata.xlsx", "BFA", 351),
        ("west_africa/civ_adminboundaries_tabulardata.xlsx", "CIV", 510),
        ("west_africa/ner_admgz_ignn_20230720.xlsx", "NER", 266),
        ("west_africa/sen_admgz_anat_20240520.xlsx", "SEN", 125),
    ],
)
def test_five_countries(shared_data: Path, name: str, iso3: str, count: int) -> None:
    units, quarantine = read(SourceFile(shared_data / name, name))
    assert (len(units), set(units["iso3"]), len(quarantine)) == (count, {iso3}, 0)
