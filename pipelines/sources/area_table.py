"""Any table (csv or xlsx) with one row per area, or per area and year."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Any

import pandas as pd

from pipelines.sources.countries import iso3
from pipelines.sources.files import SourceFile, read_table
from pipelines.sources.kinds import AreaTable
from pipelines.sources.rows import BadRowError, Quarantine, Row, parse, refuse_if_none, settle

VERSION = 1

_LARGEST = 1e15


def known_areas(units: pd.DataFrame) -> frozenset[str]:
    """Ids of all units, parent areas and regions of a registry."""
    return frozenset(pd.concat([units["unit_id"], units["parent_id"], units["region_id"]]))


def check_area(row: Row, column: str, areas: Iterable[str]) -> str:
    """The area of a row.

    Raises:
        BadRowError: the registry has no such area.
    """
    area_id = row.text(column)
    if area_id not in areas:
        raise BadRowError(
            "unknown_area",
            column=column,
            expected="the P-code of a unit, parent area or region of the registry",
            got=area_id,
        )
    return area_id


def read(
    file: SourceFile, options: AreaTable, units: pd.DataFrame, quarantine: Quarantine
) -> tuple[pd.DataFrame, int]:
    """Read values per area. A blank cell is no value; absence is not zero.

    Args:
        file: csv or xlsx; of an xlsx file the first sheet with the columns needed.
        options: the columns.
        units: the registry.
        quarantine: takes bad rows.

    Returns:
        The table under the `demographics` contract, and the number of rows of other countries.

    Raises:
        SourceError: the file is broken, lacks a column or has no good row.
    """
    dated = [c for c in (options.known_on_column, options.country) if c is not None]
    sheet = read_table(file, (options.area_id, *options.variables.values(), *dated), quarantine)
    areas, countries = known_areas(units), frozenset(units["iso3"])
    rows = [row for row in sheet.rows if _is_ours(row, options.country, countries)]
    parsed = parse(rows, quarantine, lambda row: _values(row, options, areas))
    records = [(row, value) for row, values in parsed for value in values["values"]]
    table = settle(records, "demographics", ["area_id", "variable", "known_on"], quarantine)
    outside = len(sheet.rows) - len(rows)
    refuse_if_none(len(table) + outside, quarantine)
    return table, outside


def _is_ours(row: Row, column: str | None, countries: frozenset[str]) -> bool:
    if column is None:
        return True
    code = row.optional(column)
    return code is None or iso3(code) in countries


def _values(row: Row, options: AreaTable, areas: frozenset[str]) -> dict[str, Any]:
    area_id = check_area(row, options.area_id, areas)
    known_on = _known_on(row, options)
    values = [
        {
            "area_id": area_id,
            "variable": variable,
            "value": row.number_in(column, -_LARGEST, _LARGEST),
            "known_on": known_on,
        }
        for variable, column in options.variables.items()
        if row.optional(column) is not None
    ]
    if not values:
        column = next(iter(options.variables.values()))
        raise BadRowError("blank_cell", column=column, expected="a value", got="nothing")
    return {"values": values}


def _known_on(row: Row, options: AreaTable) -> datetime:
    if options.known_on is not None:
        return datetime.combine(options.known_on, time())
    column = str(options.known_on_column)
    text = row.text(column)
    if not (text.isdigit() and len(text) == 4):
        return row.day(column)
    # What is said of a year is not known before it has ended.
    return row.day(column, ("%Y",)).replace(month=12, day=31) + timedelta(
        days=1 + options.known_lag_days
    )
