"""From examples to fitted models: validation on held-out time, calibration, final fits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from features.days import Days
from features.errors import ConfigError, TooFewPositivesError
from features.horizon import Horizon
from features.kernels import Floats
from models.bagging import Bagged
from models.baselines import BASELINES, expit
from models.calibration import Calibrator, fit_calibrator
from models.dispersion import apart, dispersion
from models.examples import Examples
from models.forecaster import Forecaster, fit_forecaster, fit_model
from models.metrics import auc, average_precision, precision_at, scores
from models.promotion import best_baseline
from models.severity import Excess
from models.splits import Block, check_folds, settled_before, time_folds
from models.zoo import Entry, entry

RECALIBRATED_EVERY_DAYS = 28
"""In a fold the calibrator is fitted anew this often, on all that was held out and had settled by
then. A bulletin gets one of its own day: judged with one of the fold's first day, a model whose
level lags would look worse than it is when shown.
"""

ONE_THREAD = 1
"""Members are fitted side by side: threads within sums of a few thousand numbers would only wait
for each other, and add up in another order where there are more of them.
"""

VALIDATION_MEMBERS = 1
"""Members per fold: one on all rows, since a jackknife of two or three would learn from far fewer.
What is shipped averages more of them, so that the candidates are judged a little too hard.
"""


@dataclass(frozen=True)
class HeldOut:
    """One model's forecasts for days it was not trained on.

    Attributes:
        margin: uncalibrated log-odds, shape (rows,).
        probability: calibrated on what had settled by the row's day, shape (rows,); missing in
            the first fold.
        y: outcomes.
        ends: incidents in the first and in the last quarter of each window, shape (rows, 2).
        day: `as_of` day number of each row.
        unit: position of each row's unit.
        base_rate: share of positives in the training rows of the row's fold.
    """

    margin: Floats
    probability: Floats
    y: NDArray[np.int64]
    ends: Floats
    day: Days
    unit: NDArray[np.int64]
    base_rate: Floats


@dataclass(frozen=True)
class Development:
    """Everything that came of training.

    Attributes:
        forecasters: fitted models by name in the zoo, baselines among them.
        held_out: their forecasts on held-out time.
        table: one row per model, ranked: scores on held-out time.
        positives: positives among the training rows whose windows do not overlap.
    """

    forecasters: dict[str, Forecaster]
    held_out: dict[str, HeldOut]
    table: pd.DataFrame
    positives: int

    @property
    def best_baseline(self) -> str:
        """The baseline that ranks best on held-out time."""
        return best_baseline(self.table)


def develop(
    data: Examples,
    candidates: tuple[str, ...],
    *,
    features: list[str],
    horizon: Horizon,
    settle_days: int,
    blocks: list[Block],
    folds: int,
    fold_days: int,
    min_positives: int,
    today: int,
    seed: int,
    progress: Callable[[str], None],
) -> Development:
    """Validate, calibrate and fit candidates and every baseline.

    Args:
        data: settled examples, known on the day of training.
        candidates: names in the zoo.
        features: columns that candidates may use.
        horizon: the window of each example.
        settle_days: longest reporting lag.
        blocks: elections to be kept whole.
        folds: stretches of time that are held out, one after the other.
        fold_days: length of each: what forecasts it was fitted before its first day.
        min_positives: fewer positives than this whose windows do not overlap, and no model is
            fitted.
        today: number of the day of training.
        seed: seed of everything random.
        progress: told what is being fitted.

    Raises:
        TooFewPositivesError: the target is too rare to be learned.
        ConfigError: the training period is too short for one fold.
        LeakError: the folds do not keep time or elections apart.
    """
    positives = data.positives(horizon.length_days)
    if positives < min_positives:
        raise TooFewPositivesError(
            f"expected at least {min_positives} positives in training with windows apart, "
            f"got {positives} in {len(data.y)} rows; choose a wider target or start the training "
            "period earlier"
        )
    pairs = _pairs(data, horizon, settle_days, blocks, folds, fold_days)
    held_out, forecasters = {}, {}
    in_folds: list[dict[str, Bagged]] = [{} for _ in pairs]
    on_all: dict[str, Bagged] = {}
    with threadpool_limits(ONE_THREAD):
        excess = Excess().fit(data.X, data.counts)
        for name in dict.fromkeys([*candidates, *BASELINES]):
            progress(f"validating {name}")
            held_out[name] = _hold_out(name, pairs, features, horizon, settle_days, seed, in_folds)
            progress(f"fitting {name}")
            calibrator = _calibrator(name, held_out[name], today)
            spread = _dispersion(held_out[name], calibrator, horizon)
            forecasters[name] = fit_forecaster(
                name, data, calibrator, spread, features, seed, excess, on_all
            )
        return Development(forecasters, held_out, _table(held_out), positives)


def _pairs(
    data: Examples,
    horizon: Horizon,
    settle_days: int,
    blocks: list[Block],
    folds: int,
    fold_days: int,
) -> list[tuple[Examples, Examples]]:
    """Training and test rows of each fold, checked; those with nothing to train on are out."""
    days = np.unique(data.day)
    splits = time_folds(days, horizon, settle_days, blocks, folds=folds, fold_days=fold_days)
    if not splits:
        raise ConfigError(
            "training: expected at least one held-out fold with days to train on before it, "
            "got none; start the training period earlier"
        )
    check_folds(splits, horizon, settle_days, blocks)
    pairs = [(data.on(fold.train), data.on(fold.test)) for fold in splits]
    pairs = [(train, test) for train, test in pairs if 0 < train.y.sum() < len(train.y)]
    if not pairs:
        raise TooFewPositivesError(
            "expected a held-out fold with positives to train on before it, got none; "
            "choose a wider target or start the training period earlier"
        )
    return pairs


def _hold_out(
    name: str | Entry,
    pairs: list[tuple[Examples, Examples]],
    features: list[str],
    horizon: Horizon,
    settle_days: int,
    seed: int,
    in_folds: list[dict[str, Bagged]],
) -> HeldOut:
    """Forecasts of each pair's test rows; `in_folds` has what was fitted there before."""
    parts: list[HeldOut] = []
    for (train, test), fitted in zip(pairs, in_folds, strict=True):
        model = fit_model(name, train, features, seed, VALIDATION_MEMBERS, fitted)
        margin = model.decision_function(test.X)
        rate = np.full(len(margin), float(train.y.mean()))
        unknown = np.full(len(margin), np.nan)
        part = HeldOut(margin, unknown, test.y, test.ends, test.day, test.unit, rate)
        if parts:
            seen = _join([*parts, part])
            part = replace(part, probability=_calibrated(name, part, seen, horizon, settle_days))
        parts.append(part)
    return _join(parts)


def _calibrated(
    name: str | Entry, part: HeldOut, seen: HeldOut, horizon: Horizon, settle_days: int
) -> Floats:
    """Probabilities of a fold, each calibrated on what had settled shortly before."""
    days, seen_days = np.unique(part.day), np.unique(seen.day)
    probability = np.full(len(part.day), np.nan)
    for start in range(int(days[0]), int(days[-1]) + 1, RECALIBRATED_EVERY_DAYS):
        known = settled_before(seen_days, horizon, settle_days, start)
        rows = (part.day >= start) & (part.day < start + RECALIBRATED_EVERY_DAYS)
        calibrator = _calibrator(name, _on(seen, known), start)
        probability[rows] = expit(calibrator(part.margin[rows]))
    return probability


def _join(parts: list[HeldOut]) -> HeldOut:
    columns = {f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(HeldOut)}
    return HeldOut(**columns)


def _on(held_out: HeldOut, days: Days) -> HeldOut:
    """The rows of these days: a calibrator may use only windows known when it is applied."""
    return _take(held_out, np.isin(held_out.day, days))


def _take(held_out: HeldOut, keep: NDArray[np.bool_]) -> HeldOut:
    return HeldOut(**{f.name: getattr(held_out, f.name)[keep] for f in fields(HeldOut)})


def _numbers(held_out: HeldOut) -> HeldOut:
    """The rows whose forecast is a number; where one is not, the model loses its scores."""
    return _take(held_out, np.isfinite(held_out.margin))


def _calibrator(name: str | Entry, held_out: HeldOut, for_day: int) -> Calibrator:
    if not entry(name).calibrated:
        return Calibrator()
    held_out = _numbers(held_out)
    return fit_calibrator(held_out.margin, held_out.y, (for_day - held_out.day).astype(float))


def _dispersion(held_out: HeldOut, calibrator: Calibrator, horizon: Horizon) -> float:
    held_out = _numbers(held_out)
    share = apart(held_out.day, horizon.length_days)
    return dispersion(calibrator(held_out.margin), (held_out.ends > 0).astype(np.int64), share)


def revalidate(
    recipe: Entry,
    data: Examples,
    *,
    horizon: Horizon,
    settle_days: int,
    blocks: list[Block],
    folds: int,
    fold_days: int,
    seed: int,
) -> dict[str, float]:
    """Scores of a recipe in the folds that `develop` makes of the same examples.

    Args:
        recipe: an estimator that knows its features.
        data: settled examples, known on the day of training.
        horizon: the window of each example.
        settle_days: longest reporting lag.
        blocks: elections to be kept whole.
        folds: stretches of time that are held out, one after the other.
        fold_days: length of each.
        seed: seed of everything random.
    """
    pairs = _pairs(data, horizon, settle_days, blocks, folds, fold_days)
    with threadpool_limits(ONE_THREAD):
        alone: list[dict[str, Bagged]] = [{} for _ in pairs]
        held_out = _hold_out(recipe, pairs, [], horizon, settle_days, seed, alone)
        return held_out_scores(judged(held_out))


def judged(held_out: HeldOut) -> HeldOut:
    """The rows on which models are compared: those calibrated on earlier time.

    Forecasts that are no numbers are among them, so that they are seen. With a single fold
    nothing earlier was held out, and the plain margins are judged.
    """
    keep = ~np.isnan(held_out.probability) | ~np.isfinite(held_out.margin)
    if not keep.any():
        keep = np.ones(len(held_out.y), dtype=bool)
        held_out = replace(held_out, probability=expit(held_out.margin))
    return _take(held_out, keep)


def _table(held_out: dict[str, HeldOut]) -> pd.DataFrame:
    """Scores per model: mean over days of the ranking scores, pooled ones for the rest."""
    rows = {name: held_out_scores(judged(h)) for name, h in held_out.items()}
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table.sort_values("average_precision", ascending=False, kind="stable")


def held_out_scores(rows: HeldOut) -> dict[str, float]:
    """Scores over several `as_of` days.

    Average precision and AUC are means over the days that have a positive, since units are
    ranked within a day; the other scores are pooled. All are missing where a forecast is no
    number, so that no such model can be promoted.
    """
    if not np.isfinite(rows.margin).all():
        none = np.zeros_like(rows.margin)
        scored = held_out_scores(replace(rows, margin=none, probability=none))
        return dict.fromkeys(scored, float("nan"))
    pooled = scores(rows.y, rows.probability, rows.base_rate)
    days = [rows.day == d for d in np.unique(rows.day)]
    days = [d for d in days if 0 < rows.y[d].sum() < d.sum()]
    daily = [
        {
            "average_precision": average_precision(rows.y[d], rows.margin[d]),
            "auc": auc(rows.y[d], rows.margin[d]),
            "precision_at_50": precision_at(rows.y[d], rows.margin[d], 50),
        }
        for d in days
    ]
    for name in ("average_precision", "auc", "precision_at_50"):
        pooled[name] = float(np.mean([d[name] for d in daily])) if daily else float("nan")
    return pooled
