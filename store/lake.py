"""The snapshot lake: immutable, content-addressed parquet with its provenance.

One folder a snapshot, named by its id:

    <root>/mark                         "real" or "synthetic"
    <root>/snapshots/<id>/manifest.json
    <root>/snapshots/<id>/<table>.parquet
    <root>/snapshots/<id>/quarantine.parquet

A snapshot is written to a temporary folder beside its place and renamed into it, so that a
crash half-way leaves no half snapshot; the next write sweeps what a dead process left.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError

from features.errors import ConflictError, CorruptSnapshotError, NotFoundError

_TEMPORARY = ".tmp-"
_QUARANTINE = "quarantine"


class TableInfo(BaseModel):
    """One table of a snapshot: its number of rows and the SHA-256 of its parquet file."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    rows: int
    sha256: str


class Manifest(BaseModel):
    """Where a snapshot comes from and what is in it.

    Attributes:
        snapshot_id: SHA-256 over the raw files, the connector, its options and the upstream.
        source: the source's name in the country pack.
        kind: the connector.
        connector_version: changes when the same file would give another table.
        files: file name -> SHA-256 of its bytes.
        options: the options of the country pack that shape the tables.
        upstream: ids of the snapshots that this one was computed with.
        tables: table name -> rows and digest; `quarantine` is among them.
        quarantined: rule -> rows set aside by it.
        outside: rows of other countries in a world-wide file; neither bad nor ours.
        known_on_rule: how `known_on` was found, in words.
        vintage: "retrospective vintage" where it was not in the file.
        placed: way of placing -> rows; empty for sources that are not placed.
        unplaced: "region / parent / name" that found no unit -> rows.
        electoral: "by source" and "by rule" -> incidents linked to an election.
        created_at: the caller's clock when it was written.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    snapshot_id: str
    source: str
    kind: str
    connector_version: int
    publisher: str
    licence: str
    retrieved: date | None
    synthetic: bool
    files: dict[str, str]
    options: dict[str, Any]
    upstream: tuple[str, ...]
    tables: dict[str, TableInfo]
    quarantined: dict[str, int]
    outside: int
    known_on_rule: str
    vintage: str
    placed: dict[str, int]
    unplaced: dict[str, int]
    electoral: dict[str, int] = {}
    created_at: datetime

    @property
    def rows(self) -> int:
        """Rows of all tables but the quarantine."""
        return sum(t.rows for name, t in self.tables.items() if name != _QUARANTINE)


@dataclass(frozen=True)
class Draft:
    """A snapshot not yet written: what the manifest says but digests and time, and the tables."""

    snapshot_id: str
    tables: Mapping[str, pd.DataFrame]
    quarantine: pd.DataFrame
    says: Mapping[str, Any]


def snapshot_id(
    kind: str,
    connector_version: int,
    files: Mapping[str, str],
    options: Mapping[str, Any],
    upstream: Sequence[str],
    synthetic: bool,
) -> str:
    """The id of a snapshot: SHA-256 (hex) of all that shapes its tables.

    File names and provenance (publisher, licence, day of retrieval) are left out: the same
    bytes read in the same way are the same snapshot.
    """
    said = {
        "kind": kind,
        "connector_version": connector_version,
        "files": sorted(files.values()),
        "options": options,
        "upstream": sorted(upstream),
        "synthetic": synthetic,
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


class Lake:
    """The snapshots under one folder.

    Args:
        root: the folder; it is made on the first write.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._snapshots = root / "snapshots"

    def mark(self) -> Literal["real", "synthetic"] | None:
        """What the lake holds; None before the first write.

        Raises:
            CorruptSnapshotError: the mark says neither.
        """
        try:
            said = (self.root / "mark").read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None
        if said == "real":
            return "real"
        if said == "synthetic":
            return "synthetic"
        raise CorruptSnapshotError(
            f"{self.root / 'mark'}: expected 'real' or 'synthetic', got {said!r}; "
            "restore the file, or start a new lake"
        )

    def refuse_mixing(self, synthetic: bool) -> None:
        """Refuse data of the other kind.

        Raises:
            ConflictError: the lake holds real data and `synthetic` is true, or the reverse.
        """
        mark, kind = self.mark(), "synthetic" if synthetic else "real"
        if mark is not None and mark != kind:
            raise ConflictError(
                f"{self.root}: expected {mark} data, as this lake holds, got {kind} data; "
                "the two never mix: use another lake"
            )

    def has(self, snapshot_id: str) -> bool:
        """Whether the snapshot is there."""
        return (self._snapshots / snapshot_id / "manifest.json").is_file()

    def ids(self) -> list[str]:
        """Ids of all snapshots, sorted."""
        if not self._snapshots.is_dir():
            return []
        folders = (p.name for p in self._snapshots.iterdir() if not p.name.startswith(_TEMPORARY))
        return sorted(name for name in folders if self.has(name))

    def manifest(self, snapshot_id: str) -> Manifest:
        """The manifest of a snapshot.

        Raises:
            NotFoundError: no such snapshot.
            CorruptSnapshotError: the manifest cannot be read.
        """
        file = self._snapshots / snapshot_id / "manifest.json"
        try:
            return Manifest.model_validate_json(file.read_bytes())
        except FileNotFoundError:
            raise NotFoundError(
                f"{self.root}: expected a snapshot {snapshot_id}, got none; ingest its source"
            ) from None
        except ValidationError as error:
            raise CorruptSnapshotError(f"{file}: expected a manifest, got: {error}") from None

    def read(self, snapshot_id: str, table: str) -> pd.DataFrame:
        """A table of a snapshot, after checking its bytes against the manifest.

        Raises:
            NotFoundError: no such snapshot or table.
            CorruptSnapshotError: the bytes are not those that were written.
        """
        tables = self.manifest(snapshot_id).tables
        if table not in tables:
            raise NotFoundError(
                f"snapshot {snapshot_id}: expected a table among {', '.join(sorted(tables))}, "
                f"got {table!r}"
            )
        file = self._snapshots / snapshot_id / f"{table}.parquet"
        content = file.read_bytes() if file.is_file() else b""
        digest = hashlib.sha256(content).hexdigest()
        if digest != tables[table].sha256:
            raise CorruptSnapshotError(
                f"{file}: expected SHA-256 {tables[table].sha256}, got {digest}; "
                f"the file was changed after it was written: delete the folder "
                f"{file.parent} and ingest again"
            )
        return pd.read_parquet(io.BytesIO(content))

    def quarantine(self, snapshot_id: str) -> pd.DataFrame:
        """The rows set aside: `row`, `rule`, `column`, `expected`, `got`, `raw` (JSON)."""
        return self.read(snapshot_id, _QUARANTINE)

    def write(self, draft: Draft, *, now: datetime) -> Manifest:
        """Write a snapshot, or find it already there.

        Raises:
            ConflictError: the lake holds data of the other kind.
        """
        if self.has(draft.snapshot_id):
            return self.manifest(draft.snapshot_id)
        synthetic = bool(draft.says["synthetic"])
        self.refuse_mixing(synthetic)
        self._snapshots.mkdir(parents=True, exist_ok=True)
        self._set_mark("synthetic" if synthetic else "real")
        self._sweep()
        temporary = self._snapshots / f"{_TEMPORARY}{os.getpid()}-{draft.snapshot_id}"
        temporary.mkdir()
        try:
            manifest = _fill(temporary, draft, now)
            temporary.rename(self._snapshots / draft.snapshot_id)
        except BaseException as error:
            shutil.rmtree(temporary)
            if isinstance(error, OSError) and error.errno == errno.ENOTEMPTY:
                # Another process wrote the same snapshot meanwhile.
                return self.manifest(draft.snapshot_id)
            raise
        _sync_folder(self._snapshots)
        return manifest

    def _set_mark(self, kind: str) -> None:
        if self.mark() is not None:
            return
        temporary = self.root / f"{_TEMPORARY}mark-{os.getpid()}"
        _write_synced(temporary, kind.encode())
        try:
            # A link fails where the mark exists; a rename would overwrite another process's.
            os.link(temporary, self.root / "mark")
        except FileExistsError:
            self.refuse_mixing(kind == "synthetic")
        finally:
            temporary.unlink()

    def _sweep(self) -> None:
        for folder in self._snapshots.glob(f"{_TEMPORARY}*"):
            owner = int(folder.name.removeprefix(_TEMPORARY).split("-")[0])
            if owner != os.getpid() and not _alive(owner):
                shutil.rmtree(folder)


def _fill(folder: Path, draft: Draft, now: datetime) -> Manifest:
    """Write tables and manifest into `folder`, each forced to disk."""
    infos = {}
    for name, table in {**draft.tables, _QUARANTINE: draft.quarantine}.items():
        buffer = io.BytesIO()
        table.to_parquet(buffer, index=False)
        content = buffer.getvalue()
        _write_synced(folder / f"{name}.parquet", content)
        infos[name] = TableInfo(rows=len(table), sha256=hashlib.sha256(content).hexdigest())
    by_rule = draft.quarantine["rule"].value_counts()
    manifest = Manifest(
        **draft.says,
        snapshot_id=draft.snapshot_id,
        tables=infos,
        quarantined={str(rule): int(by_rule[rule]) for rule in sorted(by_rule.index)},
        created_at=now,
    )
    _write_synced(folder / "manifest.json", manifest.model_dump_json(indent=2).encode())
    _sync_folder(folder)
    return manifest


def _write_synced(file: Path, content: bytes) -> None:
    with file.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
