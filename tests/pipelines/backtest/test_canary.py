"""The canary is silent without a leak, and sings for each known kind of leak, planted once."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from features.context import Context
from features.errors import LeakError
from features.registry import FEATURES, Feature
from models import development
from models.baselines import expit
from models.calibration import fit_calibrator
from models.development import HeldOut
from models.examples import Examples
from models.splits import Fold
from pipelines import question as questions
from pipelines.backtest.canary import (
    CHANGES,
    changed,
    check_forecasts,
    check_held_out,
    check_panel,
    listen,
)
from pipelines.backtest.origins import origins, protocol_of
from pipelines.backtest.rolling import Answer, answer, develop_at
from pipelines.ingest import Ingested
from pipelines.pack import Pack
from pipelines.question import Question
from pipelines.training import prepare


@pytest.fixture(autouse=True)
def _few_baselines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two baselines instead of all, and no table of scores: leaks are in what all share."""
    nothing = {"average_precision": 0.0, "brier": 0.0}
    monkeypatch.setattr(development, "held_out_scores", lambda _: nothing)
    few = {k: development.BASELINES[k] for k in ("base_rate", "count_365d")}
    monkeypatch.setattr(development, "BASELINES", few)


@pytest.fixture
def question(pack: Pack, ingested: Ingested) -> Question:
    (found,), _ = origins(pack, ingested.tables, "any", protocol_of("2023-05-01", "0"))
    return found.question


def plant(monkeypatch: pytest.MonkeyPatch, compute: Callable[[Context], np.ndarray]) -> None:
    """A feature with a leak, in the place of an honest one that the pack asks for."""
    honest = FEATURES["target_decay_90d"]
    leak = Feature(honest.name, honest.family, honest.unit, honest.source, honest.says, compute)
    monkeypatch.setitem(FEATURES, honest.name, leak)


def by_event(context: Context, ahead: int) -> np.ndarray:
    """Incidents of the last 84 days and `ahead` days to come, whenever they became known."""
    rows = context.targets
    out = np.zeros((len(context.days), context.n_units))
    for d, day in enumerate(context.days):
        inside = (rows.event > day - 84) & (rows.event <= day + ahead)
        np.add.at(out[d], rows.unit[inside], 1.0)
    return out


def test_silent_without_a_leak(pack: Pack, ingested: Ingested, question: Question) -> None:
    heard = listen(pack, ingested.tables, question)
    assert len(heard) == 3
    assert f"as of {question.as_of}" in heard[0]
    # Something was compared: the canary would be silent about nothing, too.
    assert int(heard[1].removeprefix("features of ").split()[0]) > 1
    assert int(heard[2].split()[0]) > 100


@pytest.mark.parametrize("kind", list(CHANGES))
def test_each_change_changes_later_rows_and_no_others(
    ingested: Ingested, question: Question, kind: str
) -> None:
    as_of = pd.Timestamp(question.as_of)
    other = changed(ingested.tables, as_of, (kind,))
    before, after = ingested.tables.incidents, other.incidents
    pd.testing.assert_frame_equal(
        before.loc[before["known_on"] <= as_of].reset_index(drop=True),
        after.loc[after["known_on"] <= as_of].reset_index(drop=True),
    )
    assert not before.equals(after)


@pytest.mark.parametrize("kind", list(CHANGES))
def test_forecasts_that_read_later_rows_are_caught(
    pack: Pack,
    ingested: Ingested,
    question: Question,
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The filter by `known_on` is gone, and a feature trusts it."""
    monkeypatch.setattr(questions, "known", lambda tables, _: tables)

    def compute(context: Context) -> np.ndarray:
        rows = context.targets
        late = rows.known > context.days[-1]
        weight = np.where(late, (rows.known - context.days[-1]) % 31, 0.0)
        return np.tile(np.bincount(rows.unit, weight, context.n_units), (len(context.days), 1))

    plant(monkeypatch, compute)
    with pytest.raises(LeakError, match=kind):
        check_forecasts(pack, ingested.tables, question, (kind,))


@pytest.mark.parametrize("ahead", [0, 42])
def test_a_feature_that_reads_what_was_not_known_is_caught(
    pack: Pack,
    ingested: Ingested,
    question: Question,
    ahead: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """0: it forgets `known_on`. 42: it reads the very window that it forecasts."""
    assert check_panel(prepare(pack, ingested.tables, question))
    plant(monkeypatch, lambda context: by_event(context, ahead))
    with pytest.raises(LeakError, match="target_decay_90d"):
        check_panel(prepare(pack, ingested.tables, question))


def test_a_feature_scaled_over_all_time_is_caught(
    pack: Pack, ingested: Ingested, question: Question, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compute(context: Context) -> np.ndarray:
        counts = context.target_decayed(90)
        return counts / (1 + counts.mean())

    plant(monkeypatch, compute)
    with pytest.raises(LeakError, match="target_decay_90d"):
        check_panel(prepare(pack, ingested.tables, question))


def sings(pack: Pack, ingested: Ingested, question: Question) -> None:
    prepared, found = develop_at(pack, ingested.tables, question)
    with pytest.raises(LeakError, match="held-out forecasts"):
        check_held_out(pack, prepared, found, question)


def test_an_encoder_fitted_on_all_time_is_caught(
    pack: Pack, ingested: Ingested, question: Question, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = development._pairs

    def encoded(data: Examples, *rest: object) -> list[tuple[Examples, Examples]]:
        X = (data.X - data.X.mean()) / (data.X.std() + 1)
        return pairs(replace(data, X=X.abs()), *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(development, "_pairs", encoded)
    sings(pack, ingested, question)


def test_a_calibrator_fitted_on_the_test_fold_is_caught(
    pack: Pack, ingested: Ingested, question: Question, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold_out = development._hold_out

    def fitted(*args: object) -> HeldOut:
        made = hold_out(*args)  # type: ignore[arg-type]
        calibrate = fit_calibrator(made.margin, made.y, np.zeros(len(made.y)))
        return replace(made, probability=expit(calibrate(made.margin)))

    monkeypatch.setattr(development, "_hold_out", fitted)
    sings(pack, ingested, question)


def unsettled_folds(
    days: np.ndarray, horizon: object, settle: int, blocks: object, *, folds: int, fold_days: int
) -> list[Fold]:
    """Folds whose training windows reach into the test days."""
    ends = [days[-1] + 1 - fold_days * i for i in range(folds, -1, -1)]
    return [
        Fold(days[days < start], days[(days >= start) & (days < end)])
        for start, end in itertools.pairwise(ends)
        if start > days[0]
    ]


def test_a_fold_that_trains_on_unsettled_windows_is_caught_twice(
    pack: Pack, ingested: Ingested, question: Question, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(development, "time_folds", unsettled_folds)
    with pytest.raises(LeakError, match="known by the first test day"):
        develop_at(pack, ingested.tables, question)
    monkeypatch.setattr(development, "check_folds", lambda *_: None)
    sings(pack, ingested, question)


def test_mutated_outcomes_move_the_scores_and_no_forecast(
    pack: Pack, ingested: Ingested, question: Question
) -> None:
    """Through the whole of an origin: what is held against the forecasts is not in them."""
    (origin,), _ = origins(pack, ingested.tables, "any", protocol_of("2023-05-01", "0"))
    other = changed(ingested.tables, pd.Timestamp(question.as_of), ("mutated",))
    plain, mutated = (answer(pack, t, origin, 7, (5,)) for t in (ingested.tables, other))
    assert isinstance(plain, Answer)
    assert isinstance(mutated, Answer)
    said = ["probability", "lower", "upper", "expected_incidents"]
    pd.testing.assert_frame_equal(plain.forecasts[said], mutated.forecasts[said])
    assert plain.scores["brier"].tolist() != mutated.scores["brier"].tolist()
    assert plain.origin["data_digest"] == mutated.origin["data_digest"]


def test_known_on_is_read_at_all(pack: Pack, ingested: Ingested, question: Question) -> None:
    """Shuffled over everyone, past rows too, it must move forecasts: the canary is not deaf."""
    incidents = ingested.tables.incidents
    rng = np.random.default_rng(0)
    lag = (incidents["known_on"] - incidents["event_date"]).to_numpy()
    shuffled = incidents.assign(known_on=incidents["event_date"] + 12 * rng.permutation(lag))
    other = replace(ingested.tables, incidents=shuffled)
    now = [prepare(pack, t, question).now.to_numpy() for t in (ingested.tables, other)]
    assert not np.array_equal(*now)
