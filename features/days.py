"""Days as whole numbers (days since 1970-01-01), which numpy searches and subtracts fast."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Days = NDArray[np.int64]


def day_numbers(values: Any) -> Days:
    """Day numbers of a column, index or list of days. Missing days become the largest int64."""
    stamps = np.asarray(pd.to_datetime(values), dtype="datetime64[D]")
    numbers = stamps.astype(np.int64)
    return np.where(np.isnat(stamps), np.iinfo(np.int64).max, numbers)


def day_number(value: Any) -> int:
    """Day number of one day."""
    return int(np.datetime64(pd.Timestamp(value), "D").astype(np.int64))


def timestamps(days: Days) -> pd.DatetimeIndex:
    """The days as midnight timestamps."""
    return pd.DatetimeIndex(days.astype("datetime64[D]").astype("datetime64[us]"))
