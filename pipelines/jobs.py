"""A forecast asked for, as a durable workflow: ingest, features, train, forecast.

DBOS writes down what each finished step gave. When a worker dies, the next one goes on with the
step that was cut short; what that step had already done is found again by its digest, in the
lake, in MLflow or among the bulletins, and not done twice. What passes from step to step is
small and plain: ids of snapshots, a version of a model.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from dbos import DBOS
from dbos._error import DBOSWorkflowCancelledError
from sqlalchemy.exc import OperationalError

from features.errors import ConfigError, ContractError, VigieError
from models.registry import Version
from pipelines.forecasting import issue
from pipelines.ingest import Ingested, reopen
from pipelines.pack import Pack
from pipelines.packs import pack_of
from pipelines.promoting import Actor, Challenge, follow
from pipelines.question import Question, ask, windows
from pipelines.run import Workshop
from pipelines.settings import Settings
from pipelines.training import Prepared, model_name, prepare, settings_of, train
from store.database import connect
from store.jobs import FORECAST, PROGRESS, STEPS, Ask
from store.lake import Lake

INGEST, FEATURES, TRAIN, FORECASTING = STEPS
P = ParamSpec("P")
R = TypeVar("R")
MOST_ATTEMPTS = 10
"""Times that a job is begun again after its worker died, before it counts as failed."""

stopping = threading.Event()
"""Set when the worker is told to stop: no step begins any more."""
parked: set[str] = set()
"""Jobs that a stopping worker keeps from beginning their next step."""


@contextmanager
def begun(says: str) -> Iterator[None]:
    """Around the body of a step: not begun any more once the worker is told to stop.

    Raises:
        ConfigError: MLflow cannot be used.
    """
    if stopping.is_set():
        # Parked until the process ends: a workflow that returned would count as finished.
        parked.add(str(DBOS.workflow_id))
        threading.Event().wait()
    try:
        say(says)
        yield
    except VigieError:
        raise
    except Exception as error:
        if not type(error).__module__.startswith("mlflow"):
            raise
        raise ConfigError(
            f"MLflow: expected a usable store at {Settings().tracking_uri}, got: {error}; "
            "start it, or set VIGIE_TRACKING_URI"
        ) from error


def durable(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """The decorator of a step; a database that is away for a moment is tried again."""
    return DBOS.step(
        name=name,
        retries_allowed=True,
        max_attempts=3,
        interval_seconds=2.0,
        should_retry=lambda error: isinstance(error, OperationalError),
    )


def say(words: str) -> None:
    """Tell the planner what is being done, and stop if the job was taken back.

    Raises:
        DBOSWorkflowCancelledError: somebody cancelled the job.
    """
    job_id = str(DBOS.workflow_id)
    status = DBOS.get_workflow_status(job_id)
    if status is not None and status.status == "CANCELLED":
        raise DBOSWorkflowCancelledError(f"job {job_id} was cancelled")
    DBOS.set_event(PROGRESS, words)


def workshop(pack: Pack) -> Workshop:
    """What a step works with; its progress goes to the planner."""
    return Workshop(pack, Settings(), datetime.now(UTC), say)


def panel_file(job_id: str) -> Path:
    """Where a job keeps its panel between steps."""
    return Settings().home / "jobs" / f"{job_id}.npz"


@DBOS.workflow(name=FORECAST, max_recovery_attempts=MOST_ATTEMPTS)
def forecast(asked: dict[str, Any]) -> dict[str, Any]:
    """Answer one request, an `Ask` as plain values.

    Returns:
        `bulletin_id`, `units`, `abstained`.
    """
    try:
        snapshots = ingest_step(asked)
        as_of = features_step(asked, snapshots)
        version = train_step(asked, snapshots, as_of)
        return dict(forecast_step(asked, snapshots, as_of, version))
    finally:
        panel_file(str(DBOS.workflow_id)).unlink(missing_ok=True)


@durable(INGEST)
def ingest_step(asked: dict[str, Any]) -> dict[str, str]:
    """Read the sources into the lake; the ids of the snapshots by source."""
    with begun("reading the sources"):
        pack = pack_of(Settings().packs, asked["election_id"])
        manifests = workshop(pack).ingest().manifests
        return {name: manifest.snapshot_id for name, manifest in manifests.items()}


@durable(FEATURES)
def features_step(asked: dict[str, Any], snapshots: dict[str, str]) -> str:
    """Put the question and build the panel; the day whose knowledge is used."""
    with begun("building the panel"):
        _, question, _ = _prepared(asked, snapshots, None)
        return question.as_of.isoformat()


@durable(TRAIN)
def train_step(asked: dict[str, Any], snapshots: dict[str, str], as_of: str) -> dict[str, str]:
    """Find the champion for the question, or train one; its name and version."""
    with begun("looking for a model"):
        _, question, prepared = _prepared(asked, snapshots, as_of)
        shop = workshop(pack_of(Settings().packs, asked["election_id"]))
        version = usable_champion(shop, question) or trained(shop, prepared, question)
        return {"name": version.name, "version": version.version}


@durable(FORECASTING)
def forecast_step(
    asked: dict[str, Any], snapshots: dict[str, str], as_of: str, version: dict[str, str]
) -> dict[str, Any]:
    """Issue the bulletin; the same inputs give the same one, so that it is issued once."""
    with begun("scoring every unit"):
        ingested, question, prepared = _prepared(asked, snapshots, as_of)
        shop = workshop(pack_of(Settings().packs, asked["election_id"]))
        chosen = shop.registry.version(version["name"], version["version"])
        engine = connect(shop.settings.database)
        try:
            issued = issue(
                shop.pack, ingested, prepared, question, shop.registry, chosen, engine, shop.now
            )
        finally:
            engine.dispose()
        return {
            "bulletin_id": issued.bulletin_id,
            "units": len(issued.scores),
            "abstained": int((issued.scores["band"] == "abstained").sum()),
        }


def _prepared(
    asked: dict[str, Any], snapshots: dict[str, str], as_of: str | None
) -> tuple[Ingested, Question, Prepared]:
    """The question and its panel, from what the ingest of this job put into the lake."""
    wanted = Ask.model_validate(asked)
    settings = Settings()
    pack = pack_of(settings.packs, wanted.election_id)
    ingested = reopen(pack, Lake(settings.home / "lake"), snapshots)
    if as_of is None:
        question = put(pack, ingested, wanted)
    else:
        day = date.fromisoformat(as_of)
        question = ask(pack, ingested.tables.elections, wanted.election_id, day, wanted.target)
    file = panel_file(str(DBOS.workflow_id))
    return ingested, question, prepare(pack, ingested.tables, question, panel_file=file)


def put(pack: Pack, ingested: Ingested, wanted: Ask) -> Question:
    """Put the question of a request.

    Without a day it is asked as on the day of asking, or, once the window is over, as on the
    eve of the window: what could have been known in time.

    Raises:
        NotFoundError: the round is not in the calendar.
        ContractError: nothing can be said about that round, target or day.
    """
    elections, day = ingested.tables.elections, wanted.as_of
    if day is None:
        calendar = windows(pack, elections).set_index("election_id")
        if wanted.election_id in calendar.index:
            ends = calendar["window_end"].dt.date[wanted.election_id]
            day = wanted.asked_on if wanted.asked_on < ends else None
    try:
        return ask(pack, elections, wanted.election_id, day, wanted.target)
    except ConfigError as error:
        # What is wrong is the question: whoever asked can mend it, not who runs the service.
        raise ContractError(f"{error}; ask with another day, round or target") from error


def usable_champion(shop: Workshop, question: Question) -> Version | None:
    """The champion for a question, unless it knows too much, too little or was made otherwise."""
    champion = shop.registry.champion(model_name(shop.pack, question))
    if champion is None or champion.verdict is None:
        return None
    oldest = question.as_of - timedelta(days=shop.settings.retrain_after_days)
    fits = champion.settings == settings_of(shop.pack, question)
    return champion if fits and oldest <= champion.trained_as_of <= question.as_of else None


def trained(shop: Workshop, prepared: Prepared, question: Question) -> Version:
    """Train, and let the best model become champion by the rule of `vigie run`."""
    found = train(shop.pack, prepared, question, shop.registry, shop.progress)
    challenge = Challenge(shop.pack, prepared, question, shop.registry, found, shop.progress)
    return follow(challenge, Actor(shop.settings.user, "worker", shop.now)).version
