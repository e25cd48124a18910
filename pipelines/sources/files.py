"""Readers shared by the connectors: bytes, csv, xlsx. What cannot be read whole is refused."""

from __future__ import annotations

import csv
import difflib
import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from features.errors import SourceError
from pipelines.sources.rows import BadRowError, Quarantine, Row, cell_text

csv.field_size_limit(16 * 1024 * 1024)

_SHAPEFILE_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")


@dataclass(frozen=True)
class SourceFile:
    """A file of a country pack.

    Attributes:
        path: where it is.
        label: its path as the country pack gave it; what errors name.
    """

    path: Path
    label: str

    def parts(self) -> list[Path]:
        """The files that make it up: several for a shapefile, else one."""
        if self.path.suffix.lower() != ".shp":
            return [self.path]
        beside = [self.path.with_suffix(end) for end in _SHAPEFILE_PARTS]
        return [p for p in beside if p.is_file() or p == self.path]

    def digests(self) -> dict[str, str]:
        """File name -> SHA-256 (hex) of its bytes.

        Raises:
            SourceError: the file is not there or cannot be read.
        """
        return {p.name: hashlib.sha256(self._bytes(p)).hexdigest() for p in self.parts()}

    def content(self) -> bytes:
        """All bytes of the file.

        Raises:
            SourceError: the file is not there or cannot be read.
        """
        return self._bytes(self.path)

    def _bytes(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except OSError as error:
            raise SourceError(
                self.label,
                expected="a file that can be read",
                got=str(error.strerror),
                todo="check the path in the country pack (relative to its TOML file)",
            ) from None


@dataclass(frozen=True)
class Sheet:
    """The rows of one table in a file, in the file's order."""

    columns: tuple[str, ...]
    rows: list[Row]


def need_columns(file: str, have: Iterable[str], needed: Iterable[str], row: int = 1) -> None:
    """Refuse a file that lacks a column.

    Raises:
        SourceError: naming the first column missing and the nearest that is there.
    """
    present = list(have)
    for column in needed:
        if column not in present:
            near = difflib.get_close_matches(column, present, n=1)
            hint = f" (nearest: {near[0]!r})" if near else ""
            shown = ", ".join(present[:40])
            raise SourceError(
                file, row=row, column=column, expected="this column", got=f"{shown}{hint}"
            )


def read_csv(
    file: SourceFile,
    needed: Sequence[str],
    quarantine: Quarantine,
    encoding: str = "utf-8",
) -> Sheet:
    """Read a csv file. A row's number is the line of the file on which it begins.

    Args:
        file: the file.
        needed: columns without which it is refused.
        quarantine: takes rows with too few or too many cells.
        encoding: a byte order mark is dropped from UTF-8.

    Raises:
        SourceError: wrong encoding, no header, a column missing, or the file is cut: it ends
            inside a quoted cell or its last record is short.
    """
    text = _decode(file, encoding)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    records = _records(file, reader)
    if not records:
        raise SourceError(file.label, row=1, expected="a header", got="an empty file")
    header_line, header = records[0]
    columns = tuple(name.strip() for name in header)
    need_columns(file.label, columns, needed, header_line)
    repeated = sorted({c for c in columns if c and columns.count(c) > 1})
    if repeated:
        raise SourceError(
            file.label,
            row=header_line,
            column=repeated[0],
            expected="each column once",
            got=f"{columns.count(repeated[0])} columns of this name",
        )
    rows = []
    for line, cells in records[1:]:
        more = cells[len(columns) :]
        surplus = {"(more)": ",".join(more)} if more else {}
        row = Row(line, dict(zip(columns, cells, strict=False)) | surplus)
        if len(cells) == len(columns):
            rows.append(row)
            continue
        wrong = "short_row" if len(cells) < len(columns) else "long_row"
        expected, got = f"{len(columns)} cells, as in the header", f"{len(cells)}"
        if wrong == "short_row" and line == records[-1][0]:
            raise SourceError(
                file.label,
                row=line,
                column=columns[len(cells)],
                expected=expected,
                got=f"{got} in the last record: the file is cut",
                todo="fetch the file again",
            )
        column = columns[min(len(cells), len(columns) - 1)]
        quarantine.add(row, BadRowError(wrong, column=column, expected=expected, got=got))
    return Sheet(columns, rows)


def _records(file: SourceFile, reader: Any) -> list[tuple[int, list[str]]]:
    """All records with the line on which each begins; blank lines are passed over."""
    records: list[tuple[int, list[str]]] = []
    begins = 1
    try:
        for cells in reader:
            if cells:
                records.append((begins, cells))
            begins = reader.line_num + 1
    except csv.Error as error:
        cut = "unexpected end of data" in str(error)
        raise SourceError(
            file.label,
            row=begins,
            expected="a csv record",
            got="the end of the file inside a quoted cell: the file is cut" if cut else str(error),
            todo="fetch the file again",
        ) from None
    return records


def _decode(file: SourceFile, encoding: str) -> str:
    content = file.content()
    try:
        text = content.decode("utf-8-sig" if encoding.lower() in {"utf-8", "utf8"} else encoding)
    except UnicodeDecodeError as error:
        bad = content[error.start : error.start + 1].hex()
        raise SourceError(
            file.label,
            row=content.count(b"\n", 0, error.start) + 1,
            expected=f"text in {encoding}",
            got=f"the byte 0x{bad} at offset {error.start}",
            todo="save the file as UTF-8, or name its encoding in the country pack if it can",
        ) from None
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        raise SourceError(
            file.label, row=line, expected=f"text in {encoding}", got="a zero byte: not a csv file"
        )
    return text


_BROKEN_XLSX = (
    zipfile.BadZipFile,
    zlib.error,
    ElementTree.ParseError,
    InvalidFileException,
    EOFError,
    KeyError,
    ValueError,
)


def read_xlsx(file: SourceFile) -> dict[str, Sheet]:
    """Read every sheet of an xlsx file. A row's number is its row in the sheet.

    The first row with any cell is the header; rows without any cell are passed over, as are
    columns without a name.

    Raises:
        SourceError: the file is not a whole xlsx file.
    """
    content = file.content()
    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        return {sheet.title: _sheet(sheet) for sheet in book.worksheets}
    except _BROKEN_XLSX as error:
        raise SourceError(
            file.label,
            expected="a whole xlsx file (a zip of XML)",
            got=f"{len(content)} bytes that do not open: {error}",
            todo="fetch the file again",
        ) from None


def _sheet(sheet: Any) -> Sheet:
    columns: tuple[str, ...] = ()
    rows = []
    for number, values in enumerate(sheet.iter_rows(values_only=True), start=1):
        if all(v is None for v in values):
            continue
        cells = [cell_text(v) for v in values]
        if not columns:
            columns = tuple(c.strip() for c in cells)
            continue
        named = {c: v for c, v in zip(columns, cells, strict=False) if c}
        rows.append(Row(number, named))
    return Sheet(tuple(c for c in columns if c), rows)


def read_table(file: SourceFile, needed: Sequence[str], quarantine: Quarantine) -> Sheet:
    """Read a csv file, or the first sheet of an xlsx file that has the columns needed.

    Raises:
        SourceError: as `read_csv` and `read_xlsx`.
    """
    if file.path.suffix.lower() != ".xlsx":
        return read_csv(file, needed, quarantine)
    sheets = list(read_xlsx(file).values())
    for sheet in sheets:
        if set(needed) <= set(sheet.columns):
            return sheet
    need_columns(file.label, sheets[0].columns if sheets else (), needed)
    raise SourceError(file.label, expected="a sheet", got="none")
