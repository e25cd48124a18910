"""Panel to model: validate, calibrate, fit, log to MLflow, and decide what planners see."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.context import Context
from features.days import day_number
from features.errors import ConfigError, NotFoundError
from features.labels import end_counts, settled, window_counts
from features.panel import Panel, build_panel, unknown_names
from features.tables import Tables
from models.baselines import BASELINE_COLUMNS, BASELINES
from models.development import Development, develop
from models.examples import Examples, examples
from models.plots import precision_recall_plot, reliability_plot
from models.promotion import Verdict, judge
from models.registry import ModelRegistry, Record, Version
from models.splits import Block, election_blocks
from models.zoo import entry, own_columns
from pipelines.digests import code_digest, settings_digest, tables_digest
from pipelines.pack import Pack
from pipelines.panels import kept
from pipelines.question import Question, context_as_of, learned_from, settle_days

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Prepared:
    """What a model is trained on and asked about.

    Attributes:
        panel: features of all units on all days of the grid.
        data: the settled examples.
        now: features on `as_of` of the units that are asked about.
        data_digest: of all that was known.
        context: the grid, and the tables as they were known.
        voting: which units are asked about, shape (units,).
    """

    panel: Panel
    data: Examples
    now: pd.DataFrame
    data_digest: str
    context: Context
    voting: NDArray[np.bool_]

    @property
    def elections(self) -> list[Block]:
        """Days of the elections known on `as_of`, each to be kept whole."""
        return election_blocks(self.context.tables.elections, self.context.windows)


@dataclass(frozen=True)
class Trained:
    """What one training left in the registry.

    Attributes:
        versions: registered version of each model, by kind.
        promoted: the kind that planners see.
        best_baseline: the best baseline's kind.
        refused: why the candidates were refused; empty when one was promoted.
        table: scores on held-out time, one row per model.
    """

    versions: dict[str, Version]
    promoted: str
    best_baseline: str
    refused: tuple[str, ...]
    table: pd.DataFrame


def prepare(
    pack: Pack,
    tables: Tables,
    question: Question,
    also: tuple[str, ...] = (),
    panel_file: Path | None = None,
) -> Prepared:
    """Build the panel and the labels from what was known on `as_of`.

    Args:
        pack: the country pack.
        tables: all that is known of the country.
        question: what is asked.
        also: features that are wanted besides the pack's.
        panel_file: keeps the panel between the steps of a job: read where it is there and was
            made of just these inputs, else written.
    """
    context = context_as_of(pack, tables, question)
    wanted = pack.training.features
    needed = (*BASELINE_COLUMNS, *own_columns(pack.training.candidates), *also)
    names = tuple(dict.fromkeys([*wanted, *needed])) if wanted else ()
    panel = build_panel(context, names) if panel_file is None else kept(panel_file, context, names)
    as_of = day_number(question.as_of)
    usable = settled(panel.days, question.horizon, settle_days(pack), as_of)
    voting = question.voting(context.units)
    return Prepared(
        panel=panel,
        data=examples(
            panel,
            window_counts(context, as_of, settle_days(pack)),
            end_counts(context, as_of, settle_days(pack)),
            usable,
            learned_from(pack, context, question),
        ),
        now=panel.rows(panel.days == as_of).loc[voting].reset_index(drop=True),
        data_digest=tables_digest(context.tables),
        context=context,
        voting=voting,
    )


def widened(
    pack: Pack, question: Question, prepared: Prepared, columns: tuple[str, ...]
) -> Prepared:
    """The same with these features too: those of a champion that was trained on others.

    Raises:
        ConfigError: a feature is not in the registry any more.
    """
    missing = tuple(c for c in columns if c not in prepared.panel.names)
    if not missing:
        return prepared
    gone = unknown_names(missing)
    if gone or not pack.training.features:
        raise ConfigError(
            f"model: expected features of the registry, got {', '.join(gone or missing)}, "
            "which it does not have any more; train and promote a new model"
        )
    return prepare(pack, prepared.context.tables, question, columns)


def fit(pack: Pack, prepared: Prepared, question: Question, progress: Progress) -> Development:
    """Validate, calibrate and fit the pack's candidates and every baseline."""
    return develop(
        prepared.data,
        pack.training.candidates,
        features=list(pack.training.features or prepared.panel.names),
        horizon=question.horizon,
        settle_days=settle_days(pack),
        blocks=prepared.elections,
        folds=pack.training.folds,
        fold_days=pack.training.refit_days,
        min_positives=pack.training.min_positives,
        today=day_number(question.as_of),
        seed=pack.training.seed,
        progress=progress,
    )


def model_name(pack: Pack, question: Question) -> str:
    """Registered name: one model per country, target and horizon; made-up ones say so."""
    horizon = question.horizon
    return (
        f"{experiment_name(pack)}-{question.target.name}"
        f"-lead{horizon.lead_days}-days{horizon.length_days}"
    )


def experiment_name(pack: Pack) -> str:
    """MLflow experiment of a country, apart for synthetic ones."""
    return f"vigie-synthetic-{pack.name}" if pack.synthetic else f"vigie-{pack.name}"


def settings_of(pack: Pack, question: Question) -> str:
    """SHA-256 of what a model is for: country, target and horizon.

    How it was trained is not part of it, nor the windows in which earlier elections were counted: a
    champion stays of use while others are tried.
    """
    return settings_digest(pack, {"name", "iso3", "countries"}, **_asked(question))


def _asked(question: Question) -> dict[str, object]:
    return {"target": question.target, "horizon": question.horizon}


def training_digest(pack: Pack, prepared: Prepared, question: Question) -> str:
    """SHA-256 of everything that decides what the fitted models are, and which is shown."""
    settings = settings_digest(
        pack,
        {"name", "iso3", "countries", "training", "windows"},
        brier_tolerance=pack.promotion.brier_tolerance,
        **_asked(question),
    )
    text = f"{prepared.data_digest}:{settings}:{question.as_of}:{code_digest()}"
    return hashlib.sha256(text.encode()).hexdigest()


def train(
    pack: Pack,
    prepared: Prepared,
    question: Question,
    registry: ModelRegistry,
    progress: Progress,
) -> Trained:
    """Train on what was known on `as_of`, unless the registry already has just that.

    Every candidate and baseline is logged as a run of its own and registered; a training is
    complete once each version carries the verdict, so that one cut short is done again.
    """
    name = model_name(pack, question)
    digest = training_digest(pack, prepared, question)
    kinds = _kinds(pack)
    found = _complete(pack, registry.find(name, digest))
    if found:
        progress("training: unchanged")
        return _trained(found)
    development = fit(pack, prepared, question, progress)
    verdict = judge(development.table, pack.promotion.brier_tolerance)
    versions = {}
    for kind in kinds:
        progress(f"logging {kind} to MLflow")
        record = _record(pack, prepared, question, development, kind, digest)
        versions[kind] = registry.log(name, experiment_name(pack), record)
    said = _verdict(verdict, development)
    return _trained({kind: registry.decide(v, said) for kind, v in versions.items()})


def find_training(
    pack: Pack, prepared: Prepared, question: Question, registry: ModelRegistry
) -> Trained:
    """The training that the registry has for just these inputs.

    Raises:
        NotFoundError: there is none.
    """
    name, digest = model_name(pack, question), training_digest(pack, prepared, question)
    found = _complete(pack, registry.find(name, digest))
    if not found:
        raise NotFoundError(
            f"training: expected one of {name} as of {question.as_of} on the present data, "
            "got none; run 'vigie train' with the same options"
        )
    return _trained(found)


def _kinds(pack: Pack) -> list[str]:
    return list(dict.fromkeys([*pack.training.candidates, *BASELINES]))


def _complete(pack: Pack, versions: list[Version]) -> dict[str, Version]:
    """The versions by kind if every model has one with a verdict, else none."""
    found = {v.kind: v for v in versions if v.verdict is not None}
    return found if set(found) == set(_kinds(pack)) else {}


def _verdict(verdict: Verdict, development: Development) -> dict[str, object]:
    return {
        "promoted": verdict.promoted,
        "refused": list(verdict.refused),
        "best_baseline": development.best_baseline,
        "table": development.table.round(6).to_dict(orient="index"),
    }


def _trained(versions: dict[str, Version]) -> Trained:
    said = next(iter(versions.values())).verdict or {}
    table = pd.DataFrame.from_dict(said["table"], orient="index")
    return Trained(
        versions=versions,
        promoted=said["promoted"],
        best_baseline=said["best_baseline"],
        refused=tuple(said["refused"]),
        table=table.sort_values("average_precision", ascending=False, kind="stable"),
    )


def _record(
    pack: Pack,
    prepared: Prepared,
    question: Question,
    development: Development,
    kind: str,
    digest: str,
) -> Record:
    forecaster, horizon = development.forecasters[kind], question.horizon
    scores = development.table
    params = {
        f"estimator_{k}": v for k, v in entry(kind).estimator.get_params().items() if v is not None
    }
    shown = [kind, development.best_baseline]
    return Record(
        forecaster=forecaster,
        trained_as_of=question.as_of,
        training_digest=digest,
        settings=settings_of(pack, question),
        params={
            "kind": kind,
            "target": question.target.name,
            "as_of": question.as_of.isoformat(),
            "lead_days": horizon.lead_days,
            "window_days": horizon.length_days,
            "training_start": pack.training.start.isoformat(),
            "step_days": pack.training.step_days,
            "refit_days": pack.training.refit_days,
            "validation_years": pack.training.validation_years,
            "min_positives": pack.training.min_positives,
            "members": entry(kind).members,
            "seed": pack.training.seed,
            "rows": len(prepared.data.counts),
            "positives": development.positives,
            "features": len(prepared.panel.names),
            "data_digest": prepared.data_digest,
            "code_digest": code_digest(),
            **params,
        },
        metrics=dict(zip(scores.columns, map(float, scores.loc[kind].to_numpy()), strict=True)),
        tags={"country": ",".join(pack.country_names), "synthetic": str(pack.synthetic).lower()},
        figures={
            "reliability.png": reliability_plot(development.held_out[kind], kind),
            "precision_recall.png": precision_recall_plot(
                development.held_out, list(dict.fromkeys(shown)), "held-out years"
            ),
        },
        tables={"held_out_scores.csv": development.table},
        example=prepared.now,
    )
