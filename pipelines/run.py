"""The whole job: sources to snapshots to panel to model to bulletin, and how good it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from models.forecaster import Forecaster
from models.registry import ModelRegistry, Version
from pipelines.evaluation import judge_forecasts, outcomes
from pipelines.forecasting import Issued, issue, vintage
from pipelines.ingest import Ingested, ingest
from pipelines.pack import Pack
from pipelines.question import Question, ask, settle_days
from pipelines.settings import Settings
from pipelines.training import Prepared, Trained, prepare, train
from store.database import connect
from store.lake import Lake

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Workshop:
    """What every command needs: pack, settings, clock and a place to report progress."""

    pack: Pack
    settings: Settings
    now: datetime
    progress: Progress

    @property
    def registry(self) -> ModelRegistry:
        """The model registry."""
        return ModelRegistry(self.settings.tracking_uri, self.settings.artifacts_uri)

    def ingest(self) -> Ingested:
        """Ingest the pack's sources; unchanged files cost a hash."""
        lake = Lake(self.settings.home / "lake")
        return ingest(self.pack, lake, now=self.now, progress=self.progress)

    def prepare(
        self, election_id: str, as_of: date | None, target: str
    ) -> tuple[Ingested, Question, Prepared]:
        """Ingest, put the question, and build the panel and labels for it."""
        ingested = self.ingest()
        question = ask(self.pack, ingested.tables.elections, election_id, as_of, target)
        self.progress("building the panel")
        return ingested, question, prepare(self.pack, ingested.tables, question)


@dataclass(frozen=True)
class Job:
    """Everything that one run made."""

    question: Question
    ingested: Ingested
    prepared: Prepared
    trained: Trained
    issued: Issued
    vintage: str
    judged: pd.DataFrame | None


def set_champion(registry: ModelRegistry, trained: Trained) -> tuple[Version, bool]:
    """Point the champion alias at what a training promoted.

    A training on an earlier day's knowledge than the champion's leaves the alias where it
    is: running a past round again must not take planners back in time.

    Returns:
        The promoted version, and whether it is now the champion.
    """
    promoted = trained.versions[trained.promoted]
    champion = registry.champion(promoted.name)
    if champion is not None and champion.trained_as_of > promoted.trained_as_of:
        return promoted, False
    if champion is None or champion.version != promoted.version:
        registry.promote(promoted)
    return promoted, True


def run(workshop: Workshop, election_id: str, as_of: date | None, target: str) -> Job:
    """Do the whole job; what has not changed since the last run is not done again.

    Args:
        workshop: pack, settings, clock, progress.
        election_id: the round.
        as_of: the day whose knowledge may be used; the eve of the window when None.
        target: name of a target of the pack.
    """
    pack, settings, registry = workshop.pack, workshop.settings, workshop.registry
    ingested, question, prepared = workshop.prepare(election_id, as_of, target)
    trained = train(pack, prepared, question, registry, workshop.progress)
    version, _ = set_champion(registry, trained)
    workshop.progress("scoring every unit")
    issued = issue(
        pack,
        ingested,
        prepared,
        question,
        registry,
        version,
        connect(settings.database),
        workshop.now,
    )
    judged = None
    counts = outcomes(ingested.tables, question, settle_days(pack))
    if counts is not None:
        workshop.progress("holding the forecasts against what happened")
        judged = judge_forecasts(load_all(registry, trained), prepared.now, counts)
    return Job(question, ingested, prepared, trained, issued, vintage(pack, ingested), judged)


def load_all(registry: ModelRegistry, trained: Trained) -> dict[str, Forecaster]:
    """Every fitted model of a training, by kind."""
    return {kind: registry.load(version) for kind, version in trained.versions.items()}


def as_json(job: Job) -> dict[str, Any]:
    """What a run found, as plain values."""
    question = job.question
    return {
        "bulletin_id": job.issued.bulletin_id,
        "election_id": question.election_id,
        "target": question.target.name,
        "as_of": question.as_of.isoformat(),
        "window": [question.window_start.isoformat(), question.window_end.isoformat()],
        "synthetic": job.ingested.synthetic,
        "vintage": job.vintage,
        "data_digest": job.prepared.data_digest,
        "promoted": job.trained.promoted,
        "best_baseline": job.trained.best_baseline,
        "refused": list(job.trained.refused),
        "held_out": job.trained.table.to_dict(orient="index"),
        "outcome": None if job.judged is None else job.judged.to_dict(orient="index"),
    }


def write_json(file: Path, content: dict[str, Any]) -> None:
    """Write plain values as JSON; missing numbers become null."""

    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: clean(v) for k, v in value.items()}
        if isinstance(value, list):
            return [clean(v) for v in value]
        return None if isinstance(value, float) and value != value else value

    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(clean(content), indent=1, allow_nan=False) + "\n", encoding="utf-8")
