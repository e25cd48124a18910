"""Digests of plain values: the same values give the same text on every machine."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from typing import Any

SIGNIFICANT_DIGITS = 10


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
