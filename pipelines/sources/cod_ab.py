"""OCHA COD-AB: tables (xlsx) and polygons of administrative areas.

Names of sheets and columns vary by country and year: `admin3Name_fr`/`admin3Pcode`,
`ADM3_FR`/`ADM3_PCODE`, `adm3_name`/`adm3_pcode`. Columns are found by pattern, and the unit
is the deepest level that has a P-code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from features.errors import SourceError
from pipelines.sources.countries import iso3
from pipelines.sources.files import Sheet, SourceFile, read_xlsx
from pipelines.sources.rows import BadRowError, Quarantine, Row, parse, refuse_if_none
from pipelines.sources.vector import read_features

VERSION = 1

AREA_COLUMNS = {
    "unit_id": "str",
    "name": "str",
    "parent_id": "str",
    "parent_name": "str",
    "region_id": "str",
    "region_name": "str",
    "iso3": "str",
    "valid_from": "datetime64[us]",
    "valid_to": "datetime64[us]",
}
"""Columns of a table of areas: the registry's, without what comes from polygons."""

_PCODE = re.compile(r"^adm(?:in)?([0-4])_?pcode$", re.IGNORECASE)
_NAME = re.compile(r"^adm(?:in)?([0-4])(?:_?name)?(?:_?[a-z]{2})?$", re.IGNORECASE)
_FROM = re.compile(r"^(?:date|valid_?from)$", re.IGNORECASE)
_TO = re.compile(r"^valid_?to$", re.IGNORECASE)


@dataclass(frozen=True)
class _Layout:
    """Which columns of one sheet or layer say what; lists are indexed by admin level."""

    pcodes: dict[int, str]
    names: dict[int, str]
    valid_from: str | None
    valid_to: str | None

    @property
    def level(self) -> int:
        return max(self.pcodes)


def _layout(columns: Iterable[str]) -> _Layout:
    pcodes: dict[int, str] = {}
    names: dict[int, str] = {}
    dates: dict[str, str] = {}
    for column in columns:
        if found := _PCODE.match(column):
            pcodes.setdefault(int(found[1]), column)
        elif found := _NAME.match(column):
            names.setdefault(int(found[1]), column)
        elif _FROM.match(column):
            dates.setdefault("from", column)
        elif _TO.match(column):
            dates.setdefault("to", column)
    return _Layout(pcodes, names, dates.get("from"), dates.get("to"))


def _need(file: str, layout: _Layout, columns: Iterable[str], where: str) -> None:
    shown = ", ".join(list(columns)[:40])
    if not layout.pcodes:
        raise SourceError(
            file,
            column="ADM3_PCODE",
            expected="a P-code column such as ADM3_PCODE or admin3Pcode",
            got=f"{where} with the columns {shown or 'none'}",
        )
    level = layout.level
    parent = max(level - 1, 1)
    for at in sorted({level, parent, 1, 0}):
        for kind, found in (("PCODE", layout.pcodes), ("NAME", layout.names)):
            if at not in found and not (at == 0 and kind == "NAME"):
                raise SourceError(
                    file,
                    column=f"ADM{at}_{kind}",
                    expected=f"the {kind.lower()} of level {at} beside the units of level {level}",
                    got=f"{where} with the columns {shown}",
                )


def _area(row: Row, layout: _Layout) -> dict[str, Any]:
    level, parent = layout.level, max(layout.level - 1, 1)
    code = row.text(layout.pcodes[0])
    country = iso3(code)
    if country is None:
        raise BadRowError(
            "unknown_country",
            column=layout.pcodes[0],
            expected="an ISO 3166-1 country code",
            got=code,
        )
    days = ("%Y-%m-%d", "%Y/%m/%d")
    return {
        "unit_id": row.text(layout.pcodes[level]),
        "name": row.text(layout.names[level]),
        "parent_id": row.text(layout.pcodes[parent]),
        "parent_name": row.text(layout.names[parent]),
        "region_id": row.text(layout.pcodes[1]),
        "region_name": row.text(layout.names[1]),
        "iso3": country,
        "valid_from": row.optional_day(layout.valid_from, days) if layout.valid_from else None,
        "valid_to": row.optional_day(layout.valid_to, days) if layout.valid_to else None,
    }


def read_units(file: SourceFile, quarantine: Quarantine, sheet: str | None = None) -> pd.DataFrame:
    """Read the units of a COD-AB xlsx file.

    Args:
        file: the file.
        quarantine: takes bad rows.
        sheet: the sheet; by default the one with the deepest P-codes.

    Returns:
        One row per unit, see `AREA_COLUMNS`, sorted by `unit_id`.

    Raises:
        SourceError: the file is broken, or has no such sheet, column or good row.
    """
    sheets = read_xlsx(file)
    if sheet is not None and sheet not in sheets:
        raise SourceError(
            file.label, expected=f"a sheet {sheet!r}", got=f"the sheets {', '.join(sheets)}"
        )
    chosen = sheet or max(sheets, key=lambda s: max(_layout(sheets[s].columns).pcodes, default=-1))
    table: Sheet = sheets[chosen]
    layout = _layout(table.columns)
    _need(file.label, layout, table.columns, f"sheet {chosen!r}")
    return areas(parse(table.rows, quarantine, lambda row: _area(row, layout)), quarantine)


def read_polygons(file: SourceFile, quarantine: Quarantine) -> pd.DataFrame:
    """Read COD-AB polygons.

    Returns:
        One row per unit: `AREA_COLUMNS` and `geometry_wkb`, sorted by `unit_id`.

    Raises:
        SourceError: the file is broken, or has no such column or good feature.
    """
    columns, features = read_features(file)
    layout = _layout(columns)
    _need(file.label, layout, columns, "a layer")
    shapes = {f.row.number: f.geometry for f in features}

    def one(row: Row) -> dict[str, Any]:
        return {**_area(row, layout), "geometry_wkb": outline(row, shapes[row.number])}

    return areas(parse((f.row for f in features), quarantine, one), quarantine)


def outline(row: Row, polygon: Any) -> bytes:
    """The polygon of a feature as well-known binary.

    Raises:
        BadRowError: the feature has no polygon on the earth.
    """
    if polygon is None:
        raise BadRowError(
            "no_polygon",
            column="geometry",
            expected="a polygon in longitude and latitude",
            got=f"none in feature {row.number}",
        )
    wkb: bytes = polygon.wkb
    return wkb


def areas(records: list[tuple[Row, dict[str, Any]]], quarantine: Quarantine) -> pd.DataFrame:
    """Make a table of areas; a second row with the same `unit_id` is set aside.

    Raises:
        SourceError: no row is good.
    """
    kept: dict[str, tuple[Row, dict[str, Any]]] = {}
    for row, record in records:
        first = kept.setdefault(record["unit_id"], (row, record))[0]
        if first is not row:
            bad = BadRowError(
                "duplicate",
                column="unit_id",
                expected=f"each unit_id once (first in row {first.number})",
                got=record["unit_id"],
            )
            quarantine.add(row, bad)
    refuse_if_none(len(kept), quarantine)
    types = dict(AREA_COLUMNS)
    if "geometry_wkb" in next(iter(kept.values()))[1]:
        types["geometry_wkb"] = "object"
    rows = [kept[unit_id][1] for unit_id in sorted(kept)]
    return pd.DataFrame(rows, columns=list(types)).astype(types)
