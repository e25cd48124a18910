"""Plain values and digests: the same table gives the same text on every machine."""

from __future__ import annotations

import hashlib
import json
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd

SIGNIFICANT_DIGITS = 10


def plain(value: Any) -> Any:
    """`value` as a type that SQL and JSON know: missing values become None, days dates."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(item) for item in value]
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and np.isnan(value):
        return None
    return value


def records(table: pd.DataFrame, columns: list[str]) -> list[dict[str, Any]]:
    """The rows of `table` as dicts of plain values, in the order of the table."""
    values = [[plain(value) for value in table[column].tolist()] for column in columns]
    return [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON of plain values.

    Floats count to ten significant digits: the last bits differ between processors.

    Raises:
        ValueError: a number is infinite.
    """
    text = json.dumps(
        _rounded(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.{SIGNIFICANT_DIGITS}g}") + 0.0  # + 0.0 makes -0.0 into 0.0
    if isinstance(value, date):
        return value.isoformat()
    return value
