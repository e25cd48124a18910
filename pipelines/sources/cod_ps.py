"""OCHA COD-PS: population by administrative area."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, time
from typing import Any

import pandas as pd

from features.errors import SourceError
from pipelines.sources.area_table import check_area, known_areas
from pipelines.sources.files import SourceFile, read_table
from pipelines.sources.kinds import CodPs
from pipelines.sources.rows import Quarantine, Row, parse, refuse_if_none, settle

VERSION = 1

_TOTAL = "T_TL"
_VARIABLE = "population"
_LARGEST = 2e9


def read(
    file: SourceFile, options: CodPs, units: pd.DataFrame, quarantine: Quarantine
) -> pd.DataFrame:
    """Read total population.

    Args:
        file: csv or xlsx with `T_TL` and the P-codes of `options.level`.
        options: level, day and splits.
        units: the registry; its areas weigh the splits.
        quarantine: takes bad rows.

    Returns:
        The table under the `demographics` contract, variable "population".

    Raises:
        SourceError: the file is broken, lacks a column, has no good row, or a split names an
            area that the registry does not have.
    """
    sheet = read_table(file, (_TOTAL,), quarantine)
    column = _pcode_column(file, sheet.columns, options.level)
    areas = known_areas(units)
    shares = {old: _shares(file, new, units) for old, new in options.splits.items()}
    known_on = datetime.combine(options.known_on, time())

    def one(row: Row) -> dict[str, Any]:
        split = shares.get(row.text(column))
        total = row.number_in(_TOTAL, 0, _LARGEST)
        return (
            {area: total * share for area, share in split.items()}
            if split
            else {check_area(row, column, areas): total}
        )

    records = [
        (
            row,
            {"area_id": area, "variable": _VARIABLE, "value": value, "known_on": known_on},
        )
        for row, values in parse(sheet.rows, quarantine, one)
        for area, value in values.items()
    ]
    table = settle(records, "demographics", ["area_id", "variable", "known_on"], quarantine)
    refuse_if_none(len(table), quarantine)
    return table


def _pcode_column(file: SourceFile, columns: tuple[str, ...], level: int) -> str:
    pattern = re.compile(rf"^adm(?:in)?{level}_?pcode$", re.IGNORECASE)
    for column in columns:
        if pattern.match(column):
            return column
    raise SourceError(
        file.label,
        row=1,
        column=f"admin{level}Pcode",
        expected=f"this column or ADM{level}_PCODE",
        got=", ".join(columns),
    )


def _shares(file: SourceFile, new: tuple[str, ...], units: pd.DataFrame) -> Mapping[str, float]:
    """The share of each new area in their total surface; shares add up to 1."""
    sizes = {
        area: float(
            units.loc[
                (units[["unit_id", "parent_id", "region_id"]] == area).any(axis=1), "area_km2"
            ].sum()
        )
        for area in new
    }
    for area, size in sizes.items():
        if not size:
            raise SourceError(
                file.label,
                expected="splits into areas of the registry (splits in the country pack)",
                got=area,
            )
    return {area: size / sum(sizes.values()) for area, size in sizes.items()}
