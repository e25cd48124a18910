"""The leakage canary: change what could not be known, and nothing may move.

Three places are listened at, since a leak in one does not show in another:

- *forecasts* of an origin, when every row that became known later is changed, deleted, given
  another day, or joined by invented ones;
- the *panel* of a training day in the past, when rows known after that day are gone: a feature
  that reads a later day or forgets `known_on` shows here, though all it reads was known on the
  origin's day;
- *held-out forecasts* of the last fold, when labels that were not settled on its first day,
  its own among them, and all features of later days are changed: a fold that trains on windows
  that were not over, a calibrator fitted on the test fold, or an encoder fitted on all time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from features.days import day_number, timestamps
from features.errors import LeakError
from features.panel import build_panel
from features.tables import Tables, known
from features.vocabulary import EventType
from models.development import RECALIBRATED_EVERY_DAYS, Development
from models.examples import Examples
from models.splits import time_folds
from pipelines.backtest.rolling import develop_at, forecast_units
from pipelines.pack import Pack
from pipelines.question import Question, settle_days
from pipelines.training import Prepared, fit

DATED = ("incidents", "elections", "campaign_events", "demographics")
_PANEL_DAYS = 5
_SEED = 0

Change = Callable[[pd.DataFrame, pd.Timestamp, np.random.Generator], pd.DataFrame]


def planted(table: pd.DataFrame, as_of: pd.Timestamp, rng: np.random.Generator) -> pd.DataFrame:
    """Copies of past and later rows, known only after `as_of`."""
    if table.empty:
        return table
    extra = table.iloc[rng.choice(len(table), size=min(len(table), 500), replace=False)].copy()
    late = as_of + pd.to_timedelta(rng.integers(1, 60, len(extra)), unit="D")
    extra["known_on"] = pd.Series(late, index=extra.index).astype(table["known_on"].dtype)
    for key in ("incident_id", "election_id", "campaign_event_id"):
        if key in extra:
            extra[key] = "planted-" + extra[key]
    if "variable" in extra:
        extra["value"] = 10 * extra["value"] + 1
    return pd.concat([table, extra], ignore_index=True)


def mutated(table: pd.DataFrame, as_of: pd.Timestamp, rng: np.random.Generator) -> pd.DataFrame:
    """Later rows say something else happened, elsewhere and earlier."""
    late = (table["known_on"] > as_of).to_numpy()
    table = table.copy()
    order = rng.permutation(int(late.sum()))
    for column in ("unit_id", "polling_date", "party"):
        if column in table:
            table.loc[late, column] = table.loc[late, column].to_numpy()[order]
    if "event_date" in table:
        table.loc[late, "event_date"] -= pd.Timedelta(days=20)
    if "fatalities" in table:
        table.loc[late, "fatalities"] = 99.0
        table.loc[late, "event_type"] = str(EventType.BATTLE)
        table.loc[late, "electoral"] = True
    if "value" in table:
        table.loc[late, "value"] *= 7.0
    return table


def dropped(table: pd.DataFrame, as_of: pd.Timestamp, rng: np.random.Generator) -> pd.DataFrame:
    """Half of the later rows are gone."""
    gone = (table["known_on"] > as_of).to_numpy() & (rng.random(len(table)) < 0.5)
    return table.loc[~gone].reset_index(drop=True)


def shuffled(table: pd.DataFrame, as_of: pd.Timestamp, rng: np.random.Generator) -> pd.DataFrame:
    """Later rows change the days on which they became known among themselves."""
    late = (table["known_on"] > as_of).to_numpy()
    table = table.copy()
    days = table.loc[late, "known_on"].to_numpy()
    table.loc[late, "known_on"] = days[rng.permutation(len(days))]
    return table


CHANGES: dict[str, Change] = {
    "mutated": mutated,
    "dropped": dropped,
    "shuffled": shuffled,
    "planted": planted,
}


def changed(tables: Tables, as_of: pd.Timestamp, kinds: tuple[str, ...]) -> Tables:
    """The tables with every row that became known after `as_of` changed in these ways."""
    rng = np.random.default_rng(_SEED)
    made = {}
    for name in DATED:
        made[name] = getattr(tables, name)
        for kind in kinds:
            made[name] = CHANGES[kind](made[name], as_of, rng)
    return replace(tables, **made)


def listen(pack: Pack, tables: Tables, question: Question) -> tuple[str, ...]:
    """Listen at all three places, with every change at once.

    Returns:
        What was found to be the same, in words.

    Raises:
        LeakError: something moved.
    """
    prepared, development = develop_at(pack, tables, question)
    check_forecasts(pack, tables, question, tuple(CHANGES), (prepared, development))
    days = check_panel(prepared)
    rows = check_held_out(pack, prepared, development, question)
    return (
        f"forecasts as of {question.as_of}, with all later rows changed",
        f"features of {len(days)} training days, with all rows known after each day gone",
        f"{rows} held-out forecasts, with labels unsettled on their fold's first day and features "
        "of later days changed",
    )


def check_forecasts(
    pack: Pack,
    tables: Tables,
    question: Question,
    kinds: tuple[str, ...] = tuple(CHANGES),
    plain: tuple[Prepared, Development] | None = None,
) -> None:
    """Forecasts must not move when rows known after `as_of` are changed.

    Raises:
        LeakError: naming the first model whose forecast moved.
    """
    other = changed(tables, pd.Timestamp(question.as_of), kinds)
    said = []
    for prepared, development in (
        plain or develop_at(pack, tables, question),
        develop_at(pack, other, question),
    ):
        said.append(forecast_units(development.forecasters, prepared.now).set_index("model"))
    for model in dict.fromkeys(said[0].index):
        before, after = (table.loc[model].to_numpy().tobytes() for table in said)
        if before != after:
            raise LeakError(
                f"canary: expected the forecasts of {model} as of {question.as_of} to be the same "
                f"when rows known later are {', '.join(kinds)}, got others; find what reads them"
            )


def check_panel(prepared: Prepared) -> list[str]:
    """Features of past training days must not move when what was known later is gone.

    Returns:
        The days.

    Raises:
        LeakError: naming the features that moved.
    """
    panel, context = prepared.panel, prepared.context
    at = np.linspace(len(panel.days) // 4, len(panel.days) - 1, _PANEL_DAYS).astype(int)
    days = []
    for position in np.unique(at):
        day = timestamps(panel.days[[position]])[0]
        then = replace(
            context, tables=known(context.tables, day), days=panel.days[: position + 1], _memo={}
        )
        seen = build_panel(then, tuple(panel.names)).values[:, -1]
        moved = [
            name
            for name, now, before in zip(panel.names, panel.values[:, position], seen, strict=True)
            if now.tobytes() != before.tobytes()
        ]
        if moved:
            raise LeakError(
                f"canary: expected features of {day:%Y-%m-%d} to be what was known then, got "
                f"others: {', '.join(moved[:5])}; mend them in features/"
            )
        days.append(f"{day:%Y-%m-%d}")
    return days


def check_held_out(
    pack: Pack, prepared: Prepared, development: Development, question: Question
) -> int:
    """Held-out forecasts of the last fold must not move with what was not known on its eve.

    Returns:
        Number of forecasts compared.

    Raises:
        LeakError: naming the first model whose forecasts moved.
    """
    data, settle = prepared.data, settle_days(pack)
    blocks = prepared.elections
    days = np.unique(data.day)
    test = time_folds(
        days,
        question.horizon,
        settle,
        blocks,
        folds=pack.training.folds,
        fold_days=pack.training.refit_days,
    )[-1]
    # What is fitted on the test rows themselves shows only in the earlier ones of them.
    first = int(test.test.min())
    middle = max(int(np.median(test.test)), first + 1)
    rng = np.random.default_rng(_SEED)
    unsettled = data.day + question.horizon.last_day + settle >= first
    counts = np.where(unsettled, rng.poisson(0.5, len(data.counts)), data.counts).astype(float)
    later = (data.day >= middle) | ((data.day < first) & unsettled)
    X = data.X.copy()
    # Counts stay counts, and what is missing stays so: not every model takes anything.
    X.loc[later] = X.loc[later] * 3 + 1
    other = fit_changed(pack, prepared, replace(data, X=X, counts=counts), question)
    compared = 0
    for model, held_out in development.held_out.items():
        now, before = other.held_out[model], held_out
        rows = (before.day >= first) & (before.day < middle)
        # A later calibration may rest on labels that were unsettled on the eve: they settled since.
        early = rows & (before.day < first + RECALIBRATED_EVERY_DAYS)
        same = [
            getattr(now, name)[at].tobytes() == getattr(before, name)[at].tobytes()
            for name, at in (("margin", rows), ("probability", early), ("base_rate", rows))
        ]
        if not all(same):
            raise LeakError(
                f"canary: expected held-out forecasts of {model} to rest on what was known on "
                f"{timestamps(test.test[[0]])[0]:%Y-%m-%d}, got others when later labels and "
                "features change; mend models/splits.py or models/development.py"
            )
        compared += int(rows.sum())
    return compared


def fit_changed(pack: Pack, prepared: Prepared, data: Examples, question: Question) -> Development:
    """Fit the same models on other examples, in one thread as `develop_at` does."""
    from joblib import parallel_config
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1), parallel_config(backend="sequential"):
        return fit(pack, replace(prepared, data=data), question, lambda _: None)


def newest(origins: list[Question]) -> Question:
    """The question with the newest `as_of`: the most rows to leak, and the most folds."""
    return max(origins, key=lambda q: (day_number(q.as_of), q.election_id))
