"""The model registry: the only module that talks to MLflow.

MLflow takes seconds to import, so it is imported where it is needed.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from features.errors import NotFoundError
from models.bagging import Bagged
from models.calibration import Calibrator
from models.forecaster import Forecaster
from models.recipes import recipe_digest
from models.severity import Excess
from models.zoo import ZOO

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mlflow.tracking import MlflowClient

CHAMPION = "champion"
DECISIONS = "vigie-decisions"
"""The MLflow experiment whose runs are the decisions about champions."""

REQUIREMENTS = ["vigie", "scikit-learn", "xgboost-cpu", "pandas", "skops"]
TRUSTED_TYPES = sorted(
    {
        f"{t.__module__}.{t.__qualname__}"
        for t in (
            Forecaster,
            Bagged,
            Calibrator,
            Excess,
            *(type(e.estimator) for e in ZOO.values()),
        )
    }
    | {"xgboost.core.Booster"}
)
"""What a stored model may be made of; skops refuses to load anything else."""


@dataclass(frozen=True)
class Version:
    """One registered model version.

    Attributes:
        name: registered model name.
        version: number, as text.
        kind: name in the zoo.
        trained_as_of: the day whose knowledge it was trained on.
        digest: what `model_digest` gave when it was logged.
        training_digest: digest of everything that went into the training.
        settings: digest of what it is for: country, target, horizon.
        recipe: digest of how it was made (`models.recipes`).
        verdict: which model of the training planners see, and the table that it rests on;
            None until the training is complete.
    """

    name: str
    version: str
    kind: str
    trained_as_of: date
    digest: str
    training_digest: str
    settings: str
    recipe: str
    verdict: dict[str, Any] | None


@dataclass(frozen=True)
class Decided:
    """One decision about a champion, as it is logged.

    Attributes:
        at: when it was taken.
        by: who took it.
        command: `run`, `promote` or `rollback`.
        action: `promoted`, `refused`, `kept` (the champion knows more) or `rolled back`.
        model: registered model name.
        training_digest: the training that it is about.
        recipe: of the model that was promoted, refused or rolled back.
        shown: version that planners see after it, for that training's day.
        before: version that was champion before; empty where there was none.
        after: version that is champion after it.
        reason: why, one reason per line.
        run_id: MLflow's run, which holds the table; empty before it is logged.
    """

    at: datetime
    by: str
    command: str
    action: str
    model: str
    training_digest: str
    recipe: str
    shown: str
    before: str
    after: str
    reason: str
    run_id: str = ""


@dataclass(frozen=True)
class Record:
    """What one run leaves in MLflow.

    Attributes:
        forecaster: the fitted model.
        trained_as_of: the day whose knowledge it was trained on.
        training_digest: digest of everything that went into the training.
        settings: digest of what the model is for.
        params: settings of the training.
        metrics: scores on held-out time; missing ones are left out.
        tags: what else describes the run.
        figures: pictures by file name.
        tables: tables by file name, written as csv.
        example: rows of features that show what the model takes.
    """

    forecaster: Forecaster
    trained_as_of: date
    training_digest: str
    settings: str
    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    figures: Mapping[str, Figure]
    tables: Mapping[str, pd.DataFrame]
    example: pd.DataFrame


class ModelRegistry:
    """Runs and model versions in one MLflow tracking store.

    Args:
        tracking_uri: database or server, for example `sqlite:///mlruns/mlflow.db`.
        artifacts_uri: folder for the artifacts of a new experiment; a server has its own.
    """

    def __init__(self, tracking_uri: str, artifacts_uri: str | None = None) -> None:
        self.tracking_uri = tracking_uri
        self.artifacts_uri = artifacts_uri

    @property
    def _client(self) -> MlflowClient:
        from mlflow.tracking import MlflowClient

        return MlflowClient(self.tracking_uri, self.tracking_uri)

    def log(self, name: str, experiment: str, record: Record) -> Version:
        """Log one run with its model and register the model as a new version of `name`."""
        import mlflow
        import mlflow.sklearn
        from mlflow.models import infer_signature

        logging.getLogger("mlflow").setLevel(logging.ERROR)
        mlflow.set_tracking_uri(self.tracking_uri)
        mlflow.set_registry_uri(self.tracking_uri)
        kind = record.forecaster.kind
        with mlflow.start_run(experiment_id=self._experiment(experiment), run_name=kind):
            mlflow.log_params(dict(record.params))
            mlflow.log_metrics({k: v for k, v in record.metrics.items() if v == v})
            mlflow.set_tags(dict(record.tags))
            mlflow.log_dict({"features": list(record.forecaster.columns)}, "features.json")
            for file, figure in record.figures.items():
                mlflow.log_figure(figure, file)
            for file, table in record.tables.items():
                mlflow.log_text(table.to_csv(), file)
            logged = mlflow.sklearn.log_model(
                record.forecaster,
                name="model",
                signature=infer_signature(
                    record.example, record.forecaster.probability(record.example)
                ),
                pip_requirements=REQUIREMENTS,
                serialization_format="skops",
                skops_trusted_types=TRUSTED_TYPES,
            )
        return self._register(
            name,
            logged,
            {
                "kind": kind,
                "trained_as_of": record.trained_as_of.isoformat(),
                "training_digest": record.training_digest,
                "settings": record.settings,
                "recipe": recipe_digest(record.forecaster),
                "digest": model_digest(record.forecaster, record.example),
            },
        )

    def log_backtest(
        self,
        experiment: str,
        name: str,
        params: Mapping[str, Any],
        metrics: Mapping[str, float],
        files: Iterable[Path],
    ) -> str:
        """Log one backtest: a run of its own, without a model.

        Args:
            experiment: the experiment's name; made if it is new.
            name: name of the run.
            params: what the backtest rests on: settings, digests, seeds.
            metrics: its figures; missing ones are left out.
            files: the report and its tables, kept as artifacts.

        Returns:
            The run's id.
        """
        import mlflow

        logging.getLogger("mlflow").setLevel(logging.ERROR)
        mlflow.set_tracking_uri(self.tracking_uri)
        with mlflow.start_run(experiment_id=self._experiment(experiment), run_name=name) as run:
            mlflow.log_params(dict(params))
            mlflow.log_metrics({k: float(v) for k, v in metrics.items() if v == v})
            for file in files:
                mlflow.log_artifact(str(file))
            return str(run.info.run_id)

    def _register(self, name: str, logged: Any, tags: dict[str, str]) -> Version:
        """A new version of `name`, made if it is new.

        The client is used because `mlflow.register_model` prints to the terminal.
        """
        if not self._client.search_registered_models(f"name = '{name}'"):
            self._client.create_registered_model(name)
        made = self._client.create_model_version(
            name, logged.model_uri, logged.run_id, tags=tags, model_id=logged.model_id
        )
        return self.version(name, str(made.version))

    def _experiment(self, name: str) -> str:
        found = self._client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        return str(self._client.create_experiment(name, self.artifacts_uri))

    def version(self, name: str, version: str) -> Version:
        """One version by its number.

        Raises:
            NotFoundError: there is none.
        """
        from mlflow.exceptions import MlflowException

        try:
            return _version(self._client.get_model_version(name, version))
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            raise NotFoundError(
                f"model: expected {name} version {version} in {self.tracking_uri}, got none; "
                "point VIGIE_TRACKING_URI at the store that it was registered in, or train again"
            ) from error

    def find(self, name: str, training_digest: str) -> list[Version]:
        """The versions that one training left, the oldest first."""
        found = self._client.search_model_versions(
            f"name = '{name}' and tag.training_digest = '{training_digest}'"
        )
        ours = [_version(v) for v in found]
        return sorted(ours, key=lambda v: int(v.version))

    def champion(self, name: str) -> Version | None:
        """The version that planners see, or None where none was promoted yet."""
        from mlflow.exceptions import MlflowException

        try:
            return _version(self._client.get_model_version_by_alias(name, CHAMPION))
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise

    def decide(self, version: Version, verdict: Mapping[str, Any]) -> Version:
        """Write the verdict of a training on one of its versions."""
        self._client.set_model_version_tag(
            version.name, version.version, "verdict", json.dumps(verdict)
        )
        return self.version(version.name, version.version)

    def promote(self, version: Version) -> None:
        """Make a version the champion."""
        self._client.set_registered_model_alias(version.name, CHAMPION, version.version)

    def log_decision(self, decided: Decided, table: pd.DataFrame) -> None:
        """Keep a decision, and the scores that it rests on as `table.csv`."""
        says = {k: str(v) for k, v in asdict(decided).items() if k not in ("at", "run_id")}
        run = self._client.create_run(
            self._experiment(DECISIONS),
            start_time=_milliseconds(decided.at),
            tags={**says, "number": str(len(self.decisions(decided.model)) + 1)},
            run_name=f"{decided.action} {decided.shown}",
        )
        self._client.log_text(run.info.run_id, table.to_csv(), "table.csv")
        self._client.set_terminated(run.info.run_id, end_time=_milliseconds(decided.at))

    def decisions(self, model: str | None = None) -> list[Decided]:
        """The decisions about one model, or about all, the oldest first."""
        experiment = self._client.get_experiment_by_name(DECISIONS)
        if experiment is None:
            return []
        wanted = f"tags.model = '{model}'" if model else ""
        found, token = [], None
        while token != "":
            page = self._client.search_runs(
                [experiment.experiment_id], wanted, max_results=1000, page_token=token
            )
            found += list(page)
            token = page.token or ""
        found.sort(key=lambda run: (run.info.start_time, int(run.data.tags["number"])))
        return [_decided(run) for run in found]

    def load(self, version: Version) -> Forecaster:
        """The fitted model of a version.

        Raises:
            NotFoundError: its artifacts are gone.
        """
        import mlflow
        import mlflow.sklearn
        from mlflow.exceptions import MlflowException

        mlflow.set_tracking_uri(self.tracking_uri)
        mlflow.set_registry_uri(self.tracking_uri)
        try:
            loaded: Forecaster = mlflow.sklearn.load_model(
                f"models:/{version.name}/{version.version}"
            )
        except (MlflowException, OSError) as error:
            raise NotFoundError(
                f"model {version.name} version {version.version}: expected its artifacts in "
                f"{self.tracking_uri}, got: {error}; train it again"
            ) from error
        return loaded


def model_digest(forecaster: Forecaster, example: pd.DataFrame) -> str:
    """SHA-256 of what a model says about `example`, member by member.

    Files of one model differ in their time stamps; what it says does not.
    """
    said = {
        "kind": forecaster.kind,
        "columns": forecaster.columns,
        "calibrator": [forecaster.calibrator.offset, forecaster.calibrator.slope],
        "dispersion": round(forecaster.dispersion, 9),
    }
    digest = hashlib.sha256(json.dumps(said).encode())
    digest.update(forecaster.model.member_margins(example).round(9).tobytes())
    digest.update(forecaster.excess.predict(example).round(9).tobytes())
    return digest.hexdigest()


def _version(found: Any) -> Version:
    tags = found.tags
    return Version(
        name=found.name,
        version=str(found.version),
        kind=tags["kind"],
        trained_as_of=date.fromisoformat(tags["trained_as_of"]),
        digest=tags["digest"],
        training_digest=tags["training_digest"],
        settings=tags["settings"],
        recipe=tags.get("recipe", ""),
        verdict=json.loads(tags["verdict"]) if "verdict" in tags else None,
    )


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _decided(run: Any) -> Decided:
    tags = run.data.tags
    names = [f.name for f in fields(Decided) if f.name not in ("at", "run_id")]
    at = datetime.fromtimestamp(run.info.start_time / 1000, UTC)
    return Decided(at=at, run_id=run.info.run_id, **{name: tags[name] for name in names})
