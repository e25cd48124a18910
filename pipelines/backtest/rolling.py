"""Answer every question as on its day, and hold the answers against what happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from joblib import Parallel, delayed, parallel_config
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from features.context import Context
from features.days import day_number
from features.errors import ConfigError, TooFewPositivesError
from features.horizon import Horizon
from features.kernels import Floats
from features.labels import window_counts
from features.tables import Tables
from models.development import Development
from models.forecaster import Forecaster
from models.metrics import brier, crps, log_loss, recall_at, scores
from models.promotion import Limits, decide
from pipelines.backtest.origins import LeftOut, Origin
from pipelines.evaluation import outcomes
from pipelines.pack import Pack
from pipelines.question import Question, settle_days
from pipelines.training import Prepared, fit, prepare

Progress = Callable[[str], None]
SHIPPED = "shipped"
"""Not a model: whatever the rule of promotion would have shown planners on that day."""

QUIET_DAYS = 365
"""An onset is an incident where none of the target class was for so long before `as_of`."""

_MORE_COUNTS = 40
"""Counts beyond the largest seen, up to which predictive distributions are summed."""


@dataclass(frozen=True)
class Happened:
    """What happened in a window, by all that is known today.

    Attributes:
        counts: incidents of the target class per unit asked about.
        quiet: whether such a unit had none in `QUIET_DAYS` before `as_of`.
    """

    counts: Floats
    quiet: NDArray[np.bool_]


@dataclass(frozen=True)
class Answer:
    """What one origin gave.

    Attributes:
        origin: one row about the origin: what was shown, why not others, how many positives.
        scores: one row per model, `shipped` among them.
        forecasts: one row per model and unit.
    """

    origin: dict[str, object]
    scores: pd.DataFrame
    forecasts: pd.DataFrame


@dataclass(frozen=True)
class Rolled:
    """All answers of a backtest.

    Attributes:
        origins: one row per origin, lead and seed.
        scores: one row per origin, lead, seed and model.
        forecasts: one row per origin, lead, seed, model and unit; `unit` is the unit's position
            in the registry.
        left_out: questions without an answer, and why.
    """

    origins: pd.DataFrame
    scores: pd.DataFrame
    forecasts: pd.DataFrame
    left_out: tuple[LeftOut, ...]


def with_seed(pack: Pack, seed: int) -> Pack:
    """The pack with another seed of everything random."""
    return pack.model_copy(update={"training": pack.training.model_copy(update={"seed": seed})})


def happened(tables: Tables, question: Question, settle: int) -> Happened | None:
    """What happened in a question's window; None while it is not over in the data."""
    counts = outcomes(tables, question, settle)
    if counts is None:
        return None
    before = Context(
        tables,
        np.array([day_number(question.as_of) - QUIET_DAYS]),
        question.target,
        Horizon(0, QUIET_DAYS),
    )
    quiet = window_counts(before, np.iinfo(np.int64).max)[0] == 0
    return Happened(counts, quiet[question.voting(tables.units)])


def develop_at(pack: Pack, tables: Tables, question: Question) -> tuple[Prepared, Development]:
    """Everything that is fitted for a question, on what was known on its day.

    One thread: origins run side by side, and sums in another order would be other numbers.
    """
    with threadpool_limits(1), parallel_config(backend="sequential"):
        prepared = prepare(pack, tables, question)
        return prepared, fit(pack, prepared, question, lambda _: None)


def forecast_units(forecasters: dict[str, Forecaster], X: pd.DataFrame) -> pd.DataFrame:
    """Every model's scores of every unit, models outermost; `unit` is the row's position in `X`."""
    parts = []
    with threadpool_limits(1):
        for name, forecaster in forecasters.items():
            said = forecaster.forecast(X[list(forecaster.columns)]).astype(float)
            parts.append(said.reset_index(drop=True).assign(model=name).rename_axis("unit"))
    return pd.concat(parts).reset_index()


def answer(
    pack: Pack, tables: Tables, origin: Origin, seed: int, top: tuple[int, ...]
) -> Answer | LeftOut:
    """Fit and score one origin.

    Args:
        pack: the country pack.
        tables: everything in the data; what may be seen of it is chosen here.
        origin: the question.
        seed: seed of everything random.
        top: numbers of communes that may be reached.
    """
    question = origin.question
    try:
        prepared, development = develop_at(with_seed(pack, seed), tables, question)
    except (TooFewPositivesError, ConfigError) as error:
        return LeftOut(origin.name, origin.lead_weeks, str(error))
    found = happened(tables, question, settle_days(pack))
    if found is None:
        return LeftOut(origin.name, origin.lead_weeks, "its window is not over in the data")
    forecasters = dict(development.forecasters)
    decision = decide(
        development.table,
        None,
        lambda name: forecasters[name].probability(prepared.now[list(forecasters[name].columns)]),
        Limits(brier_tolerance=pack.promotion.brier_tolerance),
    )
    shown = str(decision.chosen)
    forecasters[SHIPPED] = forecasters[shown]
    said = forecast_units(forecasters, prepared.now)
    said["crps"] = _crps(forecasters, prepared.now, found.counts)
    key = {
        "origin": origin.name,
        "kind": origin.kind,
        "lead_weeks": origin.lead_weeks,
        "seed": seed,
        "as_of": question.as_of.isoformat(),
        "window_start": question.window_start.isoformat(),
        "window_end": question.window_end.isoformat(),
    }
    rows_of = said["unit"].to_numpy()
    said = said.assign(
        unit=np.flatnonzero(prepared.voting)[rows_of],
        incidents=found.counts[rows_of],
        quiet=found.quiet[rows_of],
        base_rate=forecasters["base_rate"].base_rate,
        origin=origin.name,
        kind=origin.kind,
        lead_weeks=origin.lead_weeks,
        seed=seed,
    )
    rows = [
        {**key, "model": name, **unit_scores(part, top)}
        for name, part in said.groupby("model", sort=False)
    ]
    about = {
        **key,
        "shipped": shown,
        "reasons": "; ".join(decision.reasons),
        "training_positives": development.positives,
        "units_with_incident": int((found.counts > 0).sum()),
        "data_digest": prepared.data_digest,
    }
    return Answer(about, pd.DataFrame(rows), said)


def _crps(forecasters: dict[str, Forecaster], X: pd.DataFrame, counts: Floats) -> Floats:
    """Score of each model's predictive distribution, models outermost."""
    most = int(max(counts.max(), *(f.excess.ceiling_ for f in forecasters.values())))
    with threadpool_limits(1):
        return np.concatenate(
            [
                crps(f.cumulative(X[list(f.columns)], most + _MORE_COUNTS), counts)
                for f in forecasters.values()
            ]
        )


def occurred(said: pd.DataFrame) -> NDArray[np.int64]:
    """1 where at least one incident happened, shape (rows,)."""
    counts = np.asarray(said["incidents"], dtype=float)
    return (counts > 0).astype(np.int64)


def unit_scores(said: pd.DataFrame, top: tuple[int, ...]) -> dict[str, float]:
    """Scores of one model at one origin.

    Args:
        said: one row per unit: `probability`, `incidents`, `quiet`, `crps`, `base_rate`.
        top: numbers of units that may be reached.

    Returns:
        The scores of `models.metrics.scores` with precision and recall at each of `top`; the
        losses of the references (`_reference`: the base rate known on the day; `_hindsight`: the
        share that came out, which nobody could know); the same of onsets (`onset_`).
    """
    y = occurred(said)
    p = said["probability"].to_numpy()
    rate = float(said["base_rate"].iloc[0])
    known, after = np.full(len(y), rate), np.full(len(y), y.mean())
    quiet = said["quiet"].to_numpy()
    onset = scores(y[quiet], p[quiet], rate, ()) if quiet.any() else {}
    return (
        scores(y, p, rate, top)
        | {f"recall_at_{k}": recall_at(y, p, k) for k in top}
        | {
            "crps": float(said["crps"].mean()),
            "brier_reference": brier(y, known),
            "brier_hindsight": brier(y, after),
            "log_loss_reference": log_loss(y, known),
            "expected_incidents": float(said["expected_incidents"].sum()),
            "incidents": float(said["incidents"].sum()),
        }
        | {f"onset_{name}": value for name, value in onset.items()}
    )


def roll(
    pack: Pack,
    tables: Tables,
    origins: list[Origin],
    *,
    seeds: tuple[int, ...],
    top: tuple[int, ...],
    workers: int,
    progress: Progress,
) -> Rolled:
    """Answer every origin with every seed, `workers` at a time, each in a process of its own.

    The answers do not depend on the number of workers.

    Raises:
        ConfigError: no question could be answered.
    """
    tasks = [(origin, seed) for origin in origins for seed in seeds]
    answers: list[Answer] = []
    left: list[LeftOut] = []
    for number, found in enumerate(_side_by_side(pack, tables, tasks, top, workers), start=1):
        origin, seed = tasks[number - 1]
        said = f"origin {number} of {len(tasks)}: {origin.name}, lead {origin.lead_weeks} weeks"
        said += f", seed {seed}" if len(seeds) > 1 else ""
        if isinstance(found, Answer):
            answers.append(found)
            progress(f"{said}: shown {found.origin['shipped']}")
        else:
            left.append(found)
            progress(f"{said}: left out, {found.why}")
    if not answers:
        raise ConfigError(
            "backtest: expected at least one origin that can be answered, got none: "
            + "; ".join(f"{x.origin}: {x.why}" for x in left[:3])
        )
    return Rolled(
        pd.DataFrame([a.origin for a in answers]),
        pd.concat([a.scores for a in answers], ignore_index=True),
        pd.concat([a.forecasts for a in answers], ignore_index=True),
        tuple(dict.fromkeys(left)),
    )


def _side_by_side(
    pack: Pack,
    tables: Tables,
    tasks: list[tuple[Origin, int]],
    top: tuple[int, ...],
    workers: int,
) -> Iterator[Answer | LeftOut]:
    """The answers in the order of the tasks, as they come."""
    if workers == 1:
        yield from (answer(pack, tables, origin, seed, top) for origin, seed in tasks)
        return
    run = Parallel(n_jobs=workers, backend="loky", return_as="generator", batch_size=1)
    yield from run(delayed(answer)(pack, tables, origin, seed, top) for origin, seed in tasks)
