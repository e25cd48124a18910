"""Polygons of any publisher, with a column map from the country pack."""

from __future__ import annotations

from typing import Any

import pandas as pd

from features.errors import ConfigError
from pipelines.sources.cod_ab import areas, outline
from pipelines.sources.countries import iso3
from pipelines.sources.files import SourceFile, need_columns
from pipelines.sources.kinds import Polygons
from pipelines.sources.rows import BadRowError, Quarantine, Row, parse
from pipelines.sources.vector import read_features

VERSION = 1


def read(
    file: SourceFile, options: Polygons, country: str | None, quarantine: Quarantine
) -> tuple[pd.DataFrame, int]:
    """Read units with their polygons.

    A parent area without a name column is named by the feature of the file that has its id,
    else by the id.

    Args:
        file: the file.
        options: the column map and the filter.
        country: alpha-3 code where the file has no country column; None for several countries.
        quarantine: takes bad features.

    Returns:
        The areas (as `cod_ab.read_polygons`) and the number of features that the filter
        leaves out.

    Raises:
        SourceError: the file is broken, or has no such column or good feature.
        ConfigError: nothing says which of several countries a feature lies in.
    """
    if country is None and "iso3" not in options.columns:
        raise ConfigError(
            f"{file.label}: expected the key 'iso3' in 'columns', since the pack is of several "
            "countries, got none; name the file's column with the country's code"
        )
    columns, features = read_features(file, options.layer)
    need_columns(file.label, columns, [*options.columns.values(), *options.keep])
    ours = options.columns
    names = {f.row.optional(ours["unit_id"]): f.row.optional(ours["name"]) for f in features}
    kept = [
        f
        for f in features
        if all(f.row.cells[column] == str(value) for column, value in options.keep.items())
    ]
    shapes = {f.row.number: f.geometry for f in kept}

    def one(row: Row) -> dict[str, Any]:
        record: dict[str, Any] = {
            key: row.text(ours[key]) for key in ("unit_id", "name", "parent_id", "region_id")
        }
        for level in ("parent", "region"):
            said = row.optional(ours[f"{level}_name"]) if f"{level}_name" in ours else None
            record[f"{level}_name"] = (
                said or names.get(record[f"{level}_id"]) or record[f"{level}_id"]
            )
        record["iso3"] = country if "iso3" not in ours else _country(row, ours["iso3"])
        record["geometry_wkb"] = outline(row, shapes[row.number])
        return record

    table = areas(parse((f.row for f in kept), quarantine, one), quarantine)
    return table, len(features) - len(kept)


def _country(row: Row, column: str) -> str:
    code = row.text(column)
    found = iso3(code)
    if found is None:
        raise BadRowError(
            "unknown_country", column=column, expected="an ISO 3166-1 country code", got=code
        )
    return found
