"""Staging: the snapshots of one ingest, found in the lake or drafted, and written at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd

from features.errors import ConfigError
from pipelines.pack import Pack
from pipelines.places import MatchReport
from pipelines.sources.files import SourceFile
from pipelines.sources.kinds import Source
from pipelines.sources.rows import Quarantine
from store.lake import Draft, Lake, Manifest, snapshot_id

Progress = Callable[[str], None]

_PROVENANCE = {"path", "licence", "retrieved", "publisher"}


@dataclass
class Read:
    """What a connector made of a file, before it is a snapshot."""

    tables: Mapping[str, pd.DataFrame]
    quarantine: Quarantine
    outside: int = 0
    known_on_rule: str = ""
    vintage: str = ""
    report: MatchReport | None = None
    electoral: Mapping[str, int] = field(default_factory=dict)
    notes: pd.Series[str] = field(default_factory=lambda: pd.Series(dtype=str))


@dataclass
class Stage:
    """Snapshots of one ingest: found in the lake, or drafted and written at the end."""

    pack: Pack
    lake: Lake
    progress: Progress
    ids: dict[str, str] = field(default_factory=dict)
    drafts: dict[str, Draft] = field(default_factory=dict)

    def take(
        self,
        name: str,
        source: Source,
        version: int,
        read: Callable[[SourceFile, Quarantine], Read],
        upstream: tuple[str, ...] = (),
        context: Mapping[str, Any] | None = None,
    ) -> Mapping[str, pd.DataFrame]:
        """The tables of a source, from the lake where its snapshot is there.

        Args:
            name: the source's name in the country pack.
            source: its options.
            version: of its connector.
            read: the connector.
            upstream: ids of the snapshots with which it is read.
            context: what else of the country pack shapes its tables.

        Raises:
            SourceError: the file is refused whole.
            ConfigError: another source is the same file, read in the same way.
        """
        file = SourceFile(self.pack.resolve(source), source.path.as_posix())
        options = {**source.model_dump(mode="json", exclude=_PROVENANCE), **(context or {})}
        says = {
            "source": name,
            "kind": source.kind,
            "connector_version": version,
            "publisher": source.publisher,
            "licence": source.licence,
            "retrieved": source.retrieved,
            "files": file.digests(),
            "options": options,
            "upstream": upstream,
        }
        return self.put(name, says, lambda: read(file, Quarantine(file.label)))

    def put(
        self, name: str, says: Mapping[str, Any], read: Callable[[], Read]
    ) -> Mapping[str, pd.DataFrame]:
        """The tables of a snapshot: read from the lake, else made by `read` and drafted."""
        synthetic = self.pack.synthetic
        new_id = snapshot_id(
            says["kind"],
            says["connector_version"],
            says["files"],
            says["options"],
            says["upstream"],
            synthetic,
        )
        for other, id_ in self.ids.items():
            if id_ == new_id:
                raise ConfigError(
                    f"{self.pack.file}, key 'sources.{name}': expected another file or other "
                    f"options than 'sources.{other}', got the same; its rows would count twice"
                )
        self.ids[name] = new_id
        if self.lake.has(new_id):
            self.progress(f"{name}: unchanged, snapshot {new_id[:12]}")
            tables = self.lake.manifest(new_id).tables
            return {t: self.lake.read(new_id, t) for t in tables if t != "quarantine"}
        made = read()
        placed = made.report.placed if made.report else {}
        unplaced = made.report.unplaced if made.report else {}
        self.drafts[new_id] = Draft(
            new_id,
            made.tables,
            made.quarantine.frame(),
            {
                **says,
                "synthetic": synthetic,
                "outside": made.outside,
                "known_on_rule": made.known_on_rule,
                "vintage": made.vintage,
                "placed": {str(k): placed[k] for k in sorted(placed)},
                "unplaced": {k: unplaced[k] for k in sorted(unplaced)},
                "electoral": dict(made.electoral),
            },
        )
        rows = sum(len(t) for t in made.tables.values())
        self.progress(
            f"{name}: {rows} rows, {len(made.quarantine.entries)} set aside, "
            f"{made.outside} outside, snapshot {new_id[:12]}"
        )
        return made.tables

    def write(self, now: datetime) -> dict[str, Manifest]:
        """Write the drafts; nothing is written before every source was read."""
        manifests = {}
        for name, new_id in self.ids.items():
            draft = self.drafts.get(new_id)
            written = self.lake.write(draft, now=now) if draft else self.lake.manifest(new_id)
            manifests[name] = written
        return manifests
