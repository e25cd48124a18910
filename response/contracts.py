"""What the tables of the response side must look like; `require` refuses others."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import pandas as pd
import pandera.pandas as pa

from features.errors import ContractError
from response.vocabulary import Intake, Level, People, PlaceKind, ReportKind, Sign, Verification

MOMENT = "datetime64[us, UTC]"
"""Moments have a time zone, UTC; days (`features.contracts.DAY`) have none."""


def _one_of(enum: type[StrEnum], nullable: bool = False) -> Any:
    return pa.Column(str, pa.Check.isin([str(v) for v in enum]), nullable=nullable)


def _text(nullable: bool = False) -> Any:
    check = None if nullable else pa.Check.str_length(min_value=1)
    return pa.Column(str, check, nullable=nullable)


def _moment(nullable: bool = False) -> Any:
    return pa.Column(pd.DatetimeTZDtype("us", "UTC"), nullable=nullable)


REPORTS: Any = pa.DataFrameSchema(
    {
        "report_id": _text(),
        "version": pa.Column("int64", pa.Check.ge(1)),
        "known_at": _moment(),
        "unit_id": _text(),
        "kind": _one_of(ReportKind),
        "sign": _one_of(Sign, nullable=True),
        "severity": pa.Column("int64", pa.Check.in_range(0, 5)),
        "place_kind": _one_of(PlaceKind, nullable=True),
        "voting_center": _text(nullable=True),
        "people": _one_of(People, nullable=True),
        "seen_at": _moment(),
        "sent_at": _moment(),
        "verification": _one_of(Verification),
        "withdrawn": pa.Column(bool),
        "intake": _one_of(Intake),
        "reporter": _text(nullable=True),
    },
    unique=["report_id", "version"],
    strict=True,
    name="reports",
)
"""The history of field reports: one row per version of a report.

A version is made when a report first lands, is edited, is verified or is withdrawn; `known_at` is
the moment from which Vigie knew it, and rises with the version. `severity` is 1 (slight) to 5
(deadly), 0 where nothing was seen. `sign` is missing only where nothing was seen. `reporter` is
a keyed hash: it tells two reporters apart and nothing else.
"""

POSTS: Any = pa.DataFrameSchema(
    {
        "unit_id": _text(),
        "mediators": pa.Column("int64", pa.Check.ge(0)),
    },
    unique=["unit_id"],
    strict=True,
    name="posts",
)
"""Where mediators stand: the units and numbers of an approved deployment."""

ALERTS: Any = pa.DataFrameSchema(
    {
        "alert_id": _text(),
        "level": _one_of(Level),
        "unit_id": _text(),
        "reason": _text(),
        "drafted_at": _moment(),
        "approved_at": _moment(nullable=True),
        "sent_at": _moment(nullable=True),
        "acknowledged_at": _moment(nullable=True),
        "acted_at": _moment(nullable=True),
        "closed_at": _moment(nullable=True),
    },
    unique=["alert_id", "unit_id"],
    strict=True,
    name="alerts",
)
"""Alerts and what became of them: one row per alert and unit that it speaks of.

Level, reason and moments are those of the alert, the same in each of its rows. A moment is the
first of its kind: when one receiver acknowledged, when one said what was done. It is missing
while that has not happened.
"""

SCORE_HISTORY: Any = pa.DataFrameSchema(
    {
        "unit_id": _text(),
        "known_at": _moment(),
        "source": _text(),
        "probability": pa.Column(float, pa.Check.in_range(0, 1), nullable=True),
    },
    strict=True,
    name="score_history",
)
"""Scores of a round as they were issued: `source` is the id of a bulletin or nowcast."""

PAST_ALERTS: Any = pa.DataFrameSchema(
    {
        "alert_id": _text(),
        "rule": _text(),
        "level": _one_of(Level),
        "area_id": _text(),
        "state": _text(),
        "strength": pa.Column(float),
        "drafted_at": _moment(),
        "shown_at": _moment(nullable=True),
        "sent_at": _moment(nullable=True),
        "escalated": pa.Column(bool),
    },
    unique=["alert_id"],
    strict=True,
    name="past_alerts",
)
"""Alerts of a round before now: what cooldown, updates and escalation go by.

`shown_at` is when a coordinator was first asked to sign it, missing while the ceiling has held it
back all along; `escalated` says whether an alert of the next level was drafted from it.
"""

_SCHEMAS = (REPORTS, POSTS, ALERTS, SCORE_HISTORY, PAST_ALERTS)
CONTRACTS: dict[str, Any] = {schema.name: schema for schema in _SCHEMAS}


def empty(name: str) -> pd.DataFrame:
    """An empty table that keeps the contract `name`."""
    plain = {"string[pyarrow]": "str", "datetime64[us, UTC]": MOMENT}
    columns = CONTRACTS[name].columns.items()
    return pd.DataFrame(
        {c: pd.Series([], dtype=plain.get(str(s.dtype), str(s.dtype))) for c, s in columns}
    )


def require(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return `table` if it keeps the contract `name`.

    Raises:
        ContractError: naming the first broken rules.
    """
    try:
        CONTRACTS[name].validate(table, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases
        first = "; ".join(
            f"row {c['index']}, column {c['column']!r}: expected {c['check']}, "
            f"got {c['failure_case']!r}"
            for c in cases.head(5).to_dict("records")
        )
        raise ContractError(
            f"table {name!r} breaks its contract in {len(cases)} places: {first}; "
            "mend what made the table"
        ) from None
    return table


def current(reports: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Each report as it was known at a moment: its newest version by then, unless withdrawn.

    Args:
        reports: keeps `REPORTS`.
        as_of: a moment, with a time zone.

    Returns:
        One row per report, sorted by `report_id`.
    """
    seen = reports.loc[reports["known_at"] <= as_of].sort_values(["report_id", "version"])
    newest = seen.drop_duplicates("report_id", keep="last")
    return newest.loc[~newest["withdrawn"]].reset_index(drop=True)
