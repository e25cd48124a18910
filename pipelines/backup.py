"""One archive of everything that is kept, and a machine made again from it.

    manifest.json          what is in it, with the SHA-256 of each file
    database/...           copies of the SQLite databases, or a pg_dump
    lake/...  artifacts/...  photos/...

The databases are copied first, each at one moment; files are only ever added, so that whatever
a database names is in the archive. The key that hashes reporters is not: whoever has both could
find out who reported.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from sqlalchemy import create_engine, inspect, make_url

from features.errors import ConfigError, ConflictError, CorruptSnapshotError
from pipelines.settings import Settings
from store.jobs import jobs_url
from store.report_photos import FOLDER

_FORMAT = 1
_MLFLOW_PLACES = {
    "experiments": ["artifact_location"],
    "runs": ["artifact_uri"],
    "model_versions": ["source", "storage_location"],
    "logged_models": ["artifact_location"],
}
"""Columns in which MLflow 3 keeps whole addresses of artifacts."""


def backup(settings: Settings, file: Path, now: datetime) -> dict[str, Any]:
    """Write database, lake and MLflow's store into one archive, also while the service runs.

    A tracking server keeps its own store: the manifest says that it is not in the archive.

    Raises:
        ConflictError: the archive is there already.
        ConfigError: pg_dump failed or is not installed.
    """
    if file.exists():
        raise ConflictError(f"backup: expected a new file, got {file}, which is there already")
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(file.name + ".part")
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        copies = Path(folder)
        kind = _copy_databases(settings, copies)
        members: dict[str, str] = {}
        with tarfile.open(part, "w:gz", compresslevel=1) as archive:
            for name, source in _members(settings, copies):
                members[name] = _sha256(source)
                archive.add(source, name, recursive=False)
            manifest = {
                "format": _FORMAT,
                "created_at": now.isoformat(),
                "database": kind,
                "mlflow": "server, not in this archive" if _is_server(settings) else "included",
                "artifacts_uri": settings.artifacts_uri,
                "files": members,
            }
            (copies / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
            archive.add(copies / "manifest.json", "manifest.json")
    part.replace(file)
    return manifest


def _is_server(settings: Settings) -> bool:
    return not settings.tracking_uri.startswith("sqlite:")


def _copy_databases(settings: Settings, copies: Path) -> str:
    """Copy each database as it stands at one moment; what kind the operational one is."""
    folder = copies / "database"
    folder.mkdir()
    for name, original in _sqlite_files(settings).items():
        if original.exists():
            _copy_sqlite(original, folder / name)
    if _is_sqlite(settings.database):
        return "sqlite"
    _postgres(settings, "pg_dump", "--format=custom", f"--file={folder / 'database.dump'}")
    return "postgresql"


def _sqlite_files(settings: Settings) -> dict[str, Path]:
    """Name in the archive -> SQLite database."""
    found = {}
    if _is_sqlite(settings.database):
        found["vigie.db"] = _file_of(settings.database)
        found["jobs.db"] = _file_of(jobs_url(settings.database))
    if not _is_server(settings):
        found["mlflow.db"] = _file_of(settings.tracking_uri)
    return found


def _copy_sqlite(original: Path, copy: Path) -> None:
    """SQLite's online backup: one moment of a database that others write to."""
    source, target = sqlite3.connect(original), sqlite3.connect(copy)
    try:
        source.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")
    finally:
        source.close()
        target.close()


def _members(settings: Settings, copies: Path) -> Iterator[tuple[str, Path]]:
    """Name in the archive and file, the copied databases first."""
    folders = {
        "database": copies / "database",
        "lake": settings.home / "lake",
        "photos": settings.home / FOLDER,
    }
    if not _is_server(settings):
        folders["artifacts"] = settings.artifacts
    for top, folder in folders.items():
        for file in sorted(folder.rglob("*")):
            # Hidden folders of the lake are snapshots that are still being written.
            inside = file.relative_to(folder)
            if file.is_file() and not any(part.startswith(".tmp-") for part in inside.parts):
                yield f"{top}/{inside.as_posix()}", file


def restore(settings: Settings, file: Path) -> dict[str, Any]:
    """Make a lost machine again from an archive; nothing is written before all of it is sound.

    Raises:
        ConflictError: something is already where it would go.
        CorruptSnapshotError: the archive is not what its manifest says.
        ConfigError: there is no such archive, it is of another kind of database, or pg_restore
            failed.
    """
    _refuse_what_is_there(settings)
    settings.home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.home) as folder:
        unpacked = Path(folder)
        manifest = _unpack(file, unpacked)
        kind = "sqlite" if _is_sqlite(settings.database) else "postgresql"
        if manifest["database"] != kind:
            raise ConfigError(
                f"{file}: expected an archive of a {kind} database, got one of "
                f"{manifest['database']}; set VIGIE_DATABASE_URL to the same kind"
            )
        if (unpacked / "database" / "mlflow.db").exists():
            _move_artifacts(unpacked / "database" / "mlflow.db", manifest, settings)
        if kind == "postgresql":
            dump = unpacked / "database" / "database.dump"
            _postgres(settings, "pg_restore", "--no-owner", "--exit-on-error", str(dump))
        for name, place in _sqlite_files(settings).items():
            _move(unpacked / "database" / name, place)
        _move(unpacked / "lake", settings.home / "lake")
        _move(unpacked / "photos", settings.home / FOLDER)
        _move(unpacked / "artifacts", settings.artifacts)
    return manifest


def _refuse_what_is_there(settings: Settings) -> None:
    places = [settings.home, *_sqlite_files(settings).values()]
    if not _is_server(settings):
        places.append(settings.artifacts)
    there = [p for p in places if (any(p.iterdir()) if p.is_dir() else p.exists())]
    if there:
        raise ConflictError(
            f"restore: expected an empty place, got {there[0]}, which holds something; "
            "restore to another VIGIE_HOME, or move it away"
        )
    if not _is_sqlite(settings.database):
        engine = create_engine(settings.database)
        there_now = inspect(engine)
        schemas = [s for s in there_now.get_schema_names() if s != "information_schema"]
        tables = [t for schema in schemas for t in there_now.get_table_names(schema)]
        engine.dispose()
        if tables:
            raise ConflictError(
                f"restore: expected an empty database, got one with {len(tables)} tables; "
                "make a new one with createdb"
            )


def _unpack(file: Path, folder: Path) -> dict[str, Any]:
    """Unpack and check every file against the manifest."""
    if not file.is_file():
        raise ConfigError(f"restore: expected an archive made by 'vigie backup', got no {file}")
    try:
        with tarfile.open(file, "r:gz") as archive:
            archive.extractall(folder, filter="data")
        manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_bytes())
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise CorruptSnapshotError(
            f"{file}: expected a whole archive, got: {error}; take another copy"
        ) from error
    found = {f.relative_to(folder).as_posix(): _sha256(f) for f in folder.rglob("*") if f.is_file()}
    found.pop("manifest.json")
    wrong = sorted(
        n for n in found.keys() | manifest["files"] if found.get(n) != manifest["files"].get(n)
    )
    if wrong:
        raise CorruptSnapshotError(
            f"{file}: expected the files of its manifest, got {len(wrong)} others, first "
            f"{wrong[0]}; take another copy"
        )
    return manifest


def _move_artifacts(database: Path, manifest: dict[str, Any], settings: Settings) -> None:
    """Let MLflow find its artifacts where they are now."""
    before, after = manifest["artifacts_uri"], settings.artifacts_uri
    if before == after:
        return
    connection = sqlite3.connect(database)
    with connection:
        for table, columns in _MLFLOW_PLACES.items():
            for column in columns:
                connection.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) "  # noqa: S608
                    f"WHERE substr({column}, 1, ?) = ?",
                    (after, len(before) + 1, len(before), before),
                )
    connection.close()


def _move(source: Path, place: Path) -> None:
    if source.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.is_dir():
            place.rmdir()
        shutil.move(source, place)


def _is_sqlite(url: str) -> bool:
    return make_url(url).get_backend_name() == "sqlite"


def _file_of(url: str) -> Path:
    return Path(unquote(str(make_url(url).database)))


def _postgres(settings: Settings, program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's own programs; the password goes where `ps` does not show it."""
    url = make_url(settings.database)
    address = url.set(drivername="postgresql", password=None).render_as_string(False)
    password = {"PGPASSWORD": str(url.password)} if url.password else {}
    try:
        done = subprocess.run(  # noqa: S603
            [program, *arguments, f"--dbname={address}"],
            env=os.environ | password,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise ConfigError(
            f"{program}: expected PostgreSQL's client programs, got none; install them "
            "(Debian: postgresql-client)"
        ) from None
    if done.returncode != 0:
        raise ConfigError(f"{program}: expected it to succeed, got: {done.stderr.strip()[-500:]}")


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
