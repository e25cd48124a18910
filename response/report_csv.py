"""Reports collected on paper, as a csv with French or English headings."""

from __future__ import annotations

import csv
import io
from typing import Any, NamedTuple

from features.errors import ContractError
from response.reports import FIELDS, Fault, Reason
from response.typed import fold

MOST_ROWS = 5_000
_ALSO = {
    "unit": "COMMUNE UNITE CODE UNIT_ID",
    "kind": "TYPE",
    "sign": "SIGNE",
    "severity": "GRAVITE",
    "place_kind": "LIEU PLACE",
    "voting_center": "CENTRE CENTRE_DE_VOTE",
    "people": "PERSONNES QUI",
    "seen_at": "VU_LE DATE MOMENT",
    "sent_at": "ENVOYE_LE",
    "client_id": "ID NUMERO FICHE",
    "reporter": "MEDIATEUR MEDIATRICE MEDIATOR",
    "edited_at": "MODIFIE_LE",
    "time": "HEURE",
}
_NAMES = {
    fold(heading.replace("_", " ")): name
    for name, more in _ALSO.items()
    for heading in (name, *more.split())
}
_NEEDED = ("unit", "kind", "seen_at")


class NoRowsError(ContractError):
    """A file that no rows can be read from; `reason` says why in either language."""

    def __init__(self, says: str, reason: Reason) -> None:
        super().__init__(f"csv{says}")
        self.reason = reason


class Row(NamedTuple):
    """A row of the file: its line, its fields, and all that it holds."""

    line: int
    fields: dict[str, Any]
    raw: dict[str, Any]


def read_rows(content: bytes) -> list[Row]:
    """The rows of a csv, commas, semicolons or tabs between its cells.

    Raises:
        NoRowsError: no text, no headings that are known, or too many rows: refused whole.
    """
    text = _decoded(content)
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise NoRowsError(
            f": expected rows of cells, got {error}; mend the file",
            Reason("file", Fault.NOT_READABLE, "csv"),
        ) from error
    headings = [_NAMES.get(fold(cell.replace("_", " ")), "") for cell in (lines or [[]])[0]]
    missing = [name for name in _NEEDED if name not in headings]
    if missing:
        raise NoRowsError(
            f", row 1: expected headings for {', '.join(_NEEDED)}, got none for "
            f"{', '.join(missing)}; docs/how-to/collect-field-reports.md has an example",
            Reason("headings", Fault.MISSING, ", ".join(missing)),
        )
    rows = [(at, cells) for at, cells in enumerate(lines[1:], 2) if any(c.strip() for c in cells)]
    if len(rows) > MOST_ROWS:
        raise NoRowsError(
            f": expected at most {MOST_ROWS} rows, got {len(rows)}; divide it",
            Reason("rows", Fault.TOO_LONG, f"{len(rows)} > {MOST_ROWS}"),
        )
    return [_row(at, cells, headings, lines[0]) for at, cells in rows]


def _decoded(content: bytes) -> str:
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise NoRowsError(
        ": expected text in UTF-8 or Windows-1252, got neither; save it anew",
        Reason("file", Fault.NOT_READABLE),
    )


def _row(line: int, cells: list[str], headings: list[str], titles: list[str]) -> Row:
    named = dict(zip(headings, cells, strict=False))
    fields: dict[str, Any] = {name: named.get(name) for name in (*FIELDS, "client_id", "reporter")}
    fields["edited_at"] = named.get("edited_at")
    if (time := (named.get("time") or "").strip()) and fields["seen_at"]:
        fields["seen_at"] = f"{fields['seen_at'].strip()} {time}"
    raw: dict[str, Any] = {**dict(zip(titles, cells, strict=False)), "line": line}
    if len(cells) > len(titles):
        raw["more"] = cells[len(titles) :]
    return Row(line, fields, raw)
