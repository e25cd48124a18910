from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from features.errors import SourceError
from pipelines.sources import (
    area_table,
    kinds,
)
from pipelines.sources.files import SourceFile
from pipelines.sources.rows import Quarantine

WriteXlsx = Callable[[str, dict[str, list[list[object]]]], SourceFile]
FILE: dict[str, Any] = {"path": Path("x"), "licence": "", "retrieved": date(2026, 1, 1)}


def test_what_is_said_of_a_year_is_known_after_it(
    write_xlsx: WriteXlsx, units: pd.DataFrame
) -> None:
    rows: list[list[object]] = [
        ["Year", "ISO", "CODE", "Mean rainfall", "ET0"],
        [2017, "ML", "ML9901", 0.41, 2],
        [2018, "ML", "ML9901", None, 3],
        [2017, "BF", "BF13", 0.3, 1],
        [2017, "ML", "ML77", 0.3, 1],
        [2018, "ML", "ML9902", None, None],
    ]
    options = kinds.AreaTable(
        kind="area_table",
        area_id="CODE",
        variables={"rain": "Mean rainfall", "et0": "ET0"},
        known_on_column="Year",
        known_lag_days=30,
        country="ISO",
        **FILE,
    )
    quarantine = Quarantine("a.xlsx")
    file = write_xlsx("a.xlsx", {"notes": [["nothing"]], "in": rows})
    table, outside = area_table.read(file, options, units, quarantine)
    assert outside == 1
    said = table[["variable", "value"]].assign(known_on=table["known_on"].astype(str))
    assert said.to_numpy().tolist() == [
        ["et0", 2.0, "2018-01-31"],
        ["et0", 3.0, "2019-01-31"],
        ["rain", 0.41, "2018-01-31"],
    ]
    assert quarantine.frame()[["row", "rule"]].to_numpy().tolist() == [
        [5, "unknown_area"],
        [6, "blank_cell"],
    ]


def test_a_table_without_its_columns_is_refused(write_xlsx: WriteXlsx, units: pd.DataFrame) -> None:
    options = kinds.AreaTable(
        kind="area_table",
        area_id="CODE",
        variables={"rain": "rain"},
        known_on=date(2020, 1, 1),
        **FILE,
    )
    file = write_xlsx("a.xlsx", {"in": [["CODE", "ran"], ["ML9901", 1]]})
    with pytest.raises(SourceError, match=r"column 'rain'.*nearest: 'ran'"):
        area_table.read(file, options, units, Quarantine("a.xlsx"))
