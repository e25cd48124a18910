"""Rolling origins: refit at each on what was known then, and score what followed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pandas as pd

from features.days import day_numbers
from features.errors import ConfigError, TooFewPositivesError
from features.tables import Tables
from pipelines.evaluation import judge_forecasts, outcomes
from pipelines.pack import Pack
from pipelines.question import Question, ask, settle_days, target_class, windows
from pipelines.training import fit, prepare

Progress = Callable[[str], None]


def round_origins(pack: Pack, tables: Tables, target: str) -> list[Question]:
    """The eve of each round's window, for rounds whose windows the data cover.

    Rounds without a full held-out year behind them are left out, and rounds that were not
    known on the eve of their own window are asked about on the day that they became known.
    """
    newest = pd.Timestamp(day_numbers(tables.incidents["event_date"]).max(), unit="D")
    earliest = pd.Timestamp(pack.training.start) + pd.Timedelta(days=2 * 365)
    calendar = windows(pack, tables.elections)
    covered = calendar.loc[
        (calendar["window_start"] > earliest) & (calendar["window_end"] <= newest)
    ].sort_values("polling_date")
    questions = []
    eves = covered["window_start"] - pd.Timedelta(days=1)
    askable = eves.where(eves >= covered["known_on"], covered["known_on"])
    for election_id, day in zip(covered["election_id"], askable, strict=True):
        questions.append(ask(pack, tables.elections, election_id, day.date(), target))
    return questions


def regular_origins(
    pack: Pack, target: str, first: date, last: date, every_weeks: int, length_days: int
) -> list[Question]:
    """Windows of one length that start the day after each of a row of regular days."""
    questions, day = [], first
    while day <= last:
        questions.append(
            Question(
                election_id=f"regular {day.isoformat()}",
                target=target_class(pack.target(target)),
                as_of=day,
                window_start=day + timedelta(days=1),
                window_end=day + timedelta(days=length_days),
            )
        )
        day += timedelta(weeks=every_weeks)
    return questions


def backtest(
    pack: Pack, tables: Tables, questions: list[Question], progress: Progress
) -> pd.DataFrame:
    """Answer each question as on its day, and hold the answers against what happened.

    Returns:
        One row per origin and model: `origin`, `as_of`, `model` and the scores of
        `models.metrics.scores`.

    Raises:
        ConfigError: no question can be answered with the data.
    """
    tables_by_origin = []
    for number, question in enumerate(questions, start=1):
        counts = outcomes(tables, question, settle_days(pack))
        if counts is None:
            progress(f"{question.election_id}: its window is not over in the data, left out")
            continue
        progress(f"origin {number} of {len(questions)}: {question.election_id}")
        prepared = prepare(pack, tables, question)
        try:
            fitted = fit(pack, prepared, question, lambda _: None)
        except (TooFewPositivesError, ConfigError) as error:
            progress(f"{question.election_id}: left out, {error}")
            continue
        judged = judge_forecasts(fitted.forecasters, prepared.now, counts)
        tables_by_origin.append(
            judged.rename_axis("model")
            .reset_index()
            .assign(origin=question.election_id, as_of=question.as_of.isoformat())
        )
    if not tables_by_origin:
        raise ConfigError(
            "backtest: expected at least one origin with a window that is over in the data, "
            "got none; name earlier origins"
        )
    return pd.concat(tables_by_origin, ignore_index=True)


def summary(results: pd.DataFrame) -> pd.DataFrame:
    """Mean scores per model over the origins that have a positive, best first."""
    usable = results.loc[results["positives"] > 0]
    means = usable.drop(columns=["origin", "as_of"]).groupby("model").mean()
    return means.sort_values("average_precision", ascending=False, kind="stable")
