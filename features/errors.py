"""Every exception of Vigie, in one place.

Each says what was expected, what came, where, and what to do next. `serve/errors.py` gives
each its HTTP status; the command line prints the message and exits with 2.
"""

from __future__ import annotations


class VigieError(Exception):
    """Base of all errors that a user can act on."""


class ConfigError(VigieError):
    """A country pack or a setting that cannot be used."""


class SourceError(VigieError):
    """A source file that is refused whole.

    Args:
        file: the file's path as the country pack gave it.
        expected: what the connector needs there.
        got: what it found.
        row: line or record number in the file, counted from 1 with the header as row 1.
        column: the column's name in the file.
        todo: what to do next.
    """

    def __init__(
        self,
        file: str,
        *,
        expected: str,
        got: str,
        row: int | None = None,
        column: str | None = None,
        todo: str = "mend the file or the country pack, then ingest again",
    ) -> None:
        where = file
        if row is not None:
            where += f", row {row}"
        if column is not None:
            where += f", column {column!r}"
        super().__init__(f"{where}: expected {expected}, got {got}; {todo}")
        self.file, self.row, self.column = file, row, column
        self.expected, self.got, self.todo = expected, got, todo


class ContractError(VigieError):
    """A table that breaks its contract."""


class LeakError(VigieError):
    """A computation that would see what was not yet known."""


class TooFewPositivesError(VigieError):
    """A target too rare in the training period to be modelled."""


class NotFoundError(VigieError):
    """Something asked for by id that is not there."""


class ConflictError(VigieError):
    """A write that would change something frozen, or mix synthetic with real data."""


class CorruptSnapshotError(VigieError):
    """A snapshot that is not what its manifest says."""


class NotAuthorisedError(VigieError):
    """A request without a valid token."""


class ForbiddenError(VigieError):
    """A request whose token counts, but not for this."""
