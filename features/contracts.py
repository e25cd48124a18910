"""What each table must look like, and what breaks it.

A contract is a pandera schema. `violations` reports the rows that break it, one line per
broken rule, so that a connector can set them aside; `require` refuses a table with any.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import pandera.pandas as pa

from features.errors import ContractError
from features.vocabulary import (
    CampaignKind,
    ElectionType,
    EventType,
    KnownOnRule,
    PlacedBy,
    WatchKind,
)

DAY = "datetime64[us]"
"""Days are midnight timestamps without a time zone."""

_EARLIEST = pd.Timestamp("1900-01-01")
_LATEST = pd.Timestamp("2100-01-01")


def _day(nullable: bool = False) -> Any:
    return pa.Column(DAY, pa.Check.in_range(_EARLIEST, _LATEST), nullable=nullable)


def _one_of(enum: Any) -> Any:
    return pa.Column(str, pa.Check.isin([str(v) for v in enum]))


def _text(nullable: bool = False, unique: bool = False) -> Any:
    check = None if nullable else pa.Check.str_length(min_value=1)
    return pa.Column(str, check, nullable=nullable, unique=unique)


def _number(low: float | None = None, high: float | None = None, nullable: bool = False) -> Any:
    checks = []
    if low is not None:
        checks.append(pa.Check.ge(low))
    if high is not None:
        checks.append(pa.Check.le(high))
    return pa.Column(float, checks, nullable=nullable)


UNITS: Any = pa.DataFrameSchema(
    {
        "unit_id": _text(unique=True),
        "name": _text(),
        "parent_id": _text(),
        "parent_name": _text(),
        "region_id": _text(),
        "region_name": _text(),
        "iso3": pa.Column(str, pa.Check.str_matches(r"^[A-Z]{3}$")),
        "lon": _number(-180, 180),
        "lat": _number(-90, 90),
        "area_km2": _number(0, nullable=True),
        "valid_from": _day(nullable=True),
        "valid_to": _day(nullable=True),
    },
    strict=True,
    name="units",
)
"""The registry: one row per unit, with its parent area and region."""

POLYGONS: Any = pa.DataFrameSchema(
    {"unit_id": _text(unique=True), "geometry_wkb": pa.Column(object)},
    strict=True,
    name="polygons",
)
"""Unit outlines in longitude and latitude (WGS 84), as well-known binary."""

INCIDENTS: Any = pa.DataFrameSchema(
    {
        "incident_id": _text(unique=True),
        "event_date": _day(),
        "known_on": _day(),
        "known_on_rule": _one_of(KnownOnRule),
        "unit_id": _text(),
        "placed_by": _one_of(PlacedBy),
        "geo_precision": pa.Column("int64", pa.Check.in_range(1, 7)),
        "event_type": _one_of(EventType),
        "sub_event_type": _text(nullable=True),
        "electoral": pa.Column(bool),
        "fatalities": _number(0),
        "actor1": _text(nullable=True),
        "actor2": _text(nullable=True),
        "lon": _number(-180, 180, nullable=True),
        "lat": _number(-90, 90, nullable=True),
    },
    strict=True,
    name="incidents",
)
"""One row per incident. `geo_precision` is the publisher's own scale, 1 the most exact."""

ELECTIONS: Any = pa.DataFrameSchema(
    {
        "election_id": _text(unique=True),
        "iso3": pa.Column(str, pa.Check.str_matches(r"^[A-Z]{3}$")),
        "election_type": _one_of(ElectionType),
        "round": pa.Column("int64", pa.Check.ge(1)),
        "polling_date": _day(),
        "campaign_start": _day(nullable=True),
        "campaign_end": _day(nullable=True),
        "known_on": _day(),
        "note": _text(nullable=True),
    },
    strict=True,
    name="elections",
)
"""One row per round."""

CAMPAIGN_EVENTS: Any = pa.DataFrameSchema(
    {
        "campaign_event_id": _text(unique=True),
        "unit_id": _text(),
        "kind": _one_of(CampaignKind),
        "party": _text(),
        "event_date": _day(),
        "known_on": _day(),
    },
    strict=True,
    name="campaign_events",
)
"""One row per rally, caravan march or meeting, planned or held."""

WATCH_PLACES: Any = pa.DataFrameSchema(
    {
        "place_id": _text(unique=True),
        "unit_id": _text(),
        "kind": _one_of(WatchKind),
        "name": _text(),
        "known_on": _day(),
    },
    strict=True,
    name="watch_places",
)
"""One row per voting center or other lasting place to watch."""

DEMOGRAPHICS: Any = pa.DataFrameSchema(
    {
        "area_id": _text(),
        "variable": _text(),
        "value": _number(),
        "known_on": _day(),
    },
    strict=True,
    unique=["area_id", "variable", "known_on"],
    name="demographics",
)
"""One value per area (unit, parent area or region) and variable; several vintages allowed."""

CONTRACTS: dict[str, Any] = {
    schema.name: schema
    for schema in (
        UNITS,
        POLYGONS,
        INCIDENTS,
        ELECTIONS,
        CAMPAIGN_EVENTS,
        WATCH_PLACES,
        DEMOGRAPHICS,
    )
}


def empty(name: str) -> pd.DataFrame:
    """An empty table that keeps the contract `name`."""
    schema = CONTRACTS[name]
    # pandera reports other widths of the same kinds than our tables have.
    plain = {"string[pyarrow]": "str", "datetime64[ns]": DAY}
    dtypes = {column: str(spec.dtype) for column, spec in schema.columns.items()}
    return pd.DataFrame({c: pd.Series([], dtype=plain.get(d, d)) for c, d in dtypes.items()})


def violations(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Rows of `table` that break the contract `name`.

    Returns:
        One row per broken rule: `index` (of `table`; missing when the whole table is at
        fault), `column`, `rule`, `got`. Empty when the contract is kept.
    """
    try:
        CONTRACTS[name].validate(table, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases
        return pd.DataFrame(
            {
                "index": cases["index"],
                "column": cases["column"].astype(str),
                "rule": cases["check"].astype(str),
                "got": cases["failure_case"].astype(str),
            }
        )
    return pd.DataFrame({"index": [], "column": [], "rule": [], "got": []})


def require(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return `table` if it keeps the contract `name`.

    Raises:
        ContractError: naming the first broken rules.
    """
    broken = violations(table, name)
    if not broken.empty:
        first = "; ".join(
            f"row {r.index}, column {r.column!r}: expected {r.rule}, got {r.got!r}"
            for r in broken.head(5).itertuples(index=False)
        )
        raise ContractError(
            f"table {name!r} breaks its contract in {len(broken)} places: {first}; "
            "mend the connector or the rows it lets through"
        )
    return table
