"""Rows of a source file: cells parsed with their place in the file, and bad rows set aside."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd

from features.contracts import CONTRACTS, DAY, require, violations
from features.errors import SourceError

QUARANTINE_COLUMNS = {
    "row": "int64",
    "rule": "str",
    "column": "str",
    "expected": "str",
    "got": "str",
    "raw": "str",
}
"""Columns of a quarantine table: `row` is counted as in the file, the header being row 1."""

_BLANK = frozenset({"", "<null>", "null", "nan", "none"})
_EARLIEST, _LATEST = datetime(1900, 1, 1), datetime(2100, 1, 1)  # noqa: DTZ001


class BadRowError(Exception):
    """A row that cannot be used; its connector sets it aside and goes on."""

    def __init__(self, rule: str, *, column: str, expected: str, got: str) -> None:
        super().__init__(f"column {column!r}: expected {expected}, got {got!r} ({rule})")
        self.rule, self.column, self.expected, self.got = rule, column, expected, got


@dataclass(frozen=True)
class Row:
    """One record of a file, with the line (csv), sheet row (xlsx) or feature it stands in."""

    number: int
    cells: Mapping[str, str]

    def optional(self, column: str) -> str | None:
        """The cell's text; None where the column is absent or the cell blank."""
        text = self.cells.get(column, "").strip()
        return None if text.lower() in _BLANK else text

    def text(self, column: str) -> str:
        """The cell's text.

        Raises:
            BadRowError: the cell is blank.
        """
        text = self.optional(column)
        if text is None:
            raise BadRowError("blank_cell", column=column, expected="a value", got="nothing")
        return text

    def number_in(self, column: str, low: float, high: float) -> float:
        """The cell as a number between `low` and `high`, both included.

        Raises:
            BadRowError: blank, not a number, or out of range.
        """
        text = self.text(column)
        expected = f"a number from {low:g} to {high:g}"
        try:
            value = float(text)
        except ValueError:
            raise BadRowError("not_a_number", column=column, expected=expected, got=text) from None
        if not low <= value <= high:
            raise BadRowError("out_of_range", column=column, expected=expected, got=text)
        return value

    def whole_in(self, column: str, low: int, high: int) -> int:
        """The cell as a whole number between `low` and `high`, both included.

        Raises:
            BadRowError: blank, not a whole number, or out of range.
        """
        value = self.number_in(column, low, high)
        if value != int(value):
            raise BadRowError(
                "not_a_number",
                column=column,
                expected=f"a whole number from {low} to {high}",
                got=self.text(column),
            )
        return int(value)

    def day(self, column: str, formats: tuple[str, ...] = ("%Y-%m-%d",)) -> datetime:
        """The cell as a day (midnight, no time zone), in the first of `formats` that fits.

        Raises:
            BadRowError: blank, in no such format, no such day, or not in 1900-2099.
        """
        text = self.text(column)
        for layout in formats:
            try:
                day = datetime.strptime(text, layout)  # noqa: DTZ007 - days have no zone
            except ValueError:
                continue
            if _EARLIEST <= day < _LATEST:
                return day
        raise BadRowError(
            "impossible_date",
            column=column,
            expected=f"a day from 1900 to 2099 as {' or '.join(formats)}",
            got=text,
        )

    def optional_day(
        self, column: str, formats: tuple[str, ...] = ("%Y-%m-%d",)
    ) -> datetime | None:
        """As `day`, but None where the cell is blank or the column absent."""
        return None if self.optional(column) is None else self.day(column, formats)


@dataclass
class Quarantine:
    """Rows set aside while one file is read.

    Attributes:
        file: the file's path as the country pack gave it.
        entries: one per row set aside, keyed by `QUARANTINE_COLUMNS`.
    """

    file: str
    entries: list[dict[str, Any]] = field(default_factory=list)

    def add(self, row: Row, bad: BadRowError) -> None:
        """Set `row` aside."""
        self.entries.append(
            {
                "row": row.number,
                "rule": bad.rule,
                "column": bad.column,
                "expected": bad.expected,
                "got": bad.got,
                "raw": json.dumps(dict(row.cells), ensure_ascii=False),
            }
        )

    def frame(self) -> pd.DataFrame:
        """The quarantine table, sorted by row; see `QUARANTINE_COLUMNS`."""
        frame = pd.DataFrame(self.entries, columns=list(QUARANTINE_COLUMNS))
        frame = frame.astype(QUARANTINE_COLUMNS)
        return frame.sort_values(["row", "rule"], kind="stable").reset_index(drop=True)


def parse(
    rows: Iterable[Row], quarantine: Quarantine, one: Callable[[Row], dict[str, Any]]
) -> list[tuple[Row, dict[str, Any]]]:
    """Turn each row into a record with `one`; rows for which it fails are set aside."""
    good = []
    for row in rows:
        try:
            good.append((row, one(row)))
        except BadRowError as bad:
            quarantine.add(row, bad)
    return good


def settle(
    records: list[tuple[Row, dict[str, Any]]],
    contract: str,
    keys: list[str],
    quarantine: Quarantine,
) -> pd.DataFrame:
    """Make the table of a contract from parsed records.

    Args:
        records: rows of the file with what they say under the contract's column names.
        contract: name in `features.contracts.CONTRACTS`.
        keys: columns that identify a row; a second row with the same keys is set aside.
        quarantine: takes the rows that are set aside.

    Returns:
        The table, sorted by `keys`.

    Raises:
        SourceError: no row of the file is good.
    """
    seen: dict[tuple[Any, ...], int] = {}
    kept: list[tuple[Row, dict[str, Any]]] = []
    for row, record in records:
        key = tuple(record[k] for k in keys)
        if key in seen:
            bad = BadRowError(
                "duplicate",
                column=", ".join(keys),
                expected=f"each {' and '.join(keys)} once (first in row {seen[key]})",
                got=", ".join(str(k) for k in key),
            )
            quarantine.add(row, bad)
        else:
            seen[key] = row.number
            kept.append((row, record))
    table = typed([record for _, record in kept], contract)
    broken = violations(table, contract).drop_duplicates("index")
    for at, column, rule, got in broken.itertuples(index=False):
        row = kept[int(at)][0]
        quarantine.add(row, BadRowError("contract", column=column, expected=rule, got=got))
    table = table.drop(index=[int(at) for at in broken["index"]])
    return require(table.sort_values(keys, kind="stable").reset_index(drop=True), contract)


def typed(records: list[dict[str, Any]], contract: str) -> pd.DataFrame:
    """A frame with the columns and types of a contract; keys that a record lacks are blank."""
    columns = {name: _plain(str(spec.dtype)) for name, spec in CONTRACTS[contract].columns.items()}
    frame = pd.DataFrame(records, columns=list(columns))
    return frame.astype(columns)


def _plain(dtype: str) -> str:
    """The type as parquet gives it back, so that a table is the same before and after."""
    if dtype.startswith("string"):
        return "str"
    return DAY if dtype.startswith("datetime64") else dtype


def refuse_if_none(good: int, quarantine: Quarantine) -> None:
    """Refuse a file without a single good row.

    Raises:
        SourceError: `good` is 0; names the first row set aside.
    """
    if good:
        return
    if not quarantine.entries:
        raise SourceError(quarantine.file, expected="at least one row", got="none")
    first = min(quarantine.entries, key=lambda e: int(e["row"]))
    raise SourceError(
        quarantine.file,
        expected=f"at least one good row; first of all, {first['expected']}",
        got=f"{len(quarantine.entries)} bad rows out of {len(quarantine.entries)}; "
        f"here {first['got']!r} ({first['rule']})",
        row=int(first["row"]),
        column=str(first["column"]),
    )


def cell_text(value: object) -> str:
    """A cell of a spreadsheet or a vector file as text: days in ISO, whole floats without .0."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, float):
        if math.isnan(value):
            return ""
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value)
