"""The whole job: sources to snapshots to panel to model to bulletin, and how good it was."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from features.errors import TooFewPositivesError
from features.vocabulary import Language
from models.forecaster import Forecaster
from models.registry import ModelRegistry
from pipelines.evaluation import judge_forecasts, outcomes
from pipelines.forecasting import Issued, abstain, issue, vintage
from pipelines.ingest import Ingested, ingest
from pipelines.pack import Pack
from pipelines.promoting import Actor, Challenge, Outcome, follow
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
    """Everything that one run made.

    Attributes:
        trained: None where the target is too rare to be learned.
        outcome: what became of the training; None without one.
        judged: scores on the window; None while it is not over in the data, or without models.
        abstains: why no unit has a score; None where units have.
    """

    question: Question
    ingested: Ingested
    prepared: Prepared
    trained: Trained | None
    outcome: Outcome | None
    issued: Issued
    vintage: str
    judged: pd.DataFrame | None
    abstains: str | None = None


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
    try:
        trained = train(pack, prepared, question, registry, workshop.progress)
    except TooFewPositivesError as error:
        return _abstained(workshop, ingested, question, prepared, error)
    challenge = Challenge(pack, prepared, question, registry, trained, workshop.progress)
    outcome = follow(challenge, Actor(workshop.settings.user, "run", workshop.now))
    workshop.progress("scoring every unit")
    issued = issue(
        pack,
        ingested,
        prepared,
        question,
        registry,
        outcome.version,
        connect(settings.database),
        workshop.now,
    )
    judged = None
    counts = outcomes(ingested.tables, question, settle_days(pack))
    if counts is not None:
        workshop.progress("holding the forecasts against what happened")
        judged = judge_forecasts(load_all(registry, trained), prepared.now, counts)
    said = vintage(pack, ingested)
    return Job(question, ingested, prepared, trained, outcome, issued, said, judged)


def _abstained(
    workshop: Workshop,
    ingested: Ingested,
    question: Question,
    prepared: Prepared,
    error: TooFewPositivesError,
) -> Job:
    """The bulletin of a target that is too rare to be learned: it abstains and says so."""
    positives = prepared.data.positives(question.horizon.length_days)
    needed = workshop.pack.training.min_positives
    reasons = {
        Language.EN: f"Too few past cases to learn from: {error}.",
        Language.FR: "Trop peu de cas passés pour apprendre.",
    }
    if positives < needed:
        reasons = {
            Language.EN: f"Too few past cases to learn from: {positives} past windows of a "
            f"commune, none of them overlapping, saw one; {needed} are needed.",
            Language.FR: f"Trop peu de cas passés pour apprendre : {positives} périodes passées "
            f"d'une commune, sans chevauchement, en ont connu un ; il en faut {needed}.",
        }
    database = connect(workshop.settings.database)
    issued = abstain(workshop.pack, ingested, prepared, question, reasons, database, workshop.now)
    said = vintage(workshop.pack, ingested)
    return Job(question, ingested, prepared, None, None, issued, said, None, reasons[Language.EN])


def load_all(registry: ModelRegistry, trained: Trained) -> dict[str, Forecaster]:
    """Every fitted model of a training, by kind."""
    return {kind: registry.load(version) for kind, version in trained.versions.items()}


def as_json(job: Job) -> dict[str, Any]:
    """What a run found, as plain values."""
    question, trained = job.question, job.trained
    return {
        "bulletin_id": job.issued.bulletin_id,
        "election_id": question.election_id,
        "target": question.target.name,
        "as_of": question.as_of.isoformat(),
        "window": [question.window_start.isoformat(), question.window_end.isoformat()],
        "synthetic": job.ingested.synthetic,
        "vintage": job.vintage,
        "data_digest": job.prepared.data_digest,
        "abstains": job.abstains,
        "promoted": trained and trained.promoted,
        "best_baseline": trained and trained.best_baseline,
        "refused": list(trained.refused) if trained else [],
        "decision": job.outcome and job.outcome.decided.action,
        "shown": job.outcome and job.outcome.version.kind,
        "reasons": job.outcome.decided.reason.splitlines() if job.outcome else [],
        "held_out": trained and trained.table.to_dict(orient="index"),
        "outcome": None if job.judged is None else job.judged.to_dict(orient="index"),
    }


def write_json(file: Path, content: dict[str, Any]) -> None:
    """Write plain values as JSON; missing and endless numbers become null."""

    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: clean(v) for k, v in value.items()}
        if isinstance(value, list):
            return [clean(v) for v in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(clean(content), indent=1, allow_nan=False) + "\n", encoding="utf-8")
