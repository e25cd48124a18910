"""The figures that a backtest is read for, with how far each may be off.

Each is a ratio of two sums over origins, so that blocks of time can be drawn again: a mean over
origins, or a skill, which is one minus a sum of losses over a sum of the reference's losses.
Two spreads are given: the block bootstrap's interval, for other times than these, and the least
and the most over seeds, for other draws of the same fit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.days import day_numbers
from features.kernels import Floats
from models import resampling
from models.baselines import BASELINES
from models.splits import Block
from pipelines.backtest.rolling import occurred

BINS = 10
RATIO_EACH, RATIO_MEAN = "ap_ratio_best_each", "ap_ratio_best_mean"
SOME = 3
"""With fewer positives than this, the average precision of an origin is mostly luck."""

AP_SOME, RATIO_SOME = f"average_precision_{SOME}", f"ap_ratio_of_means_{SOME}"


@dataclass(frozen=True)
class Figure:
    """One kind of headline.

    Attributes:
        name: key in tables.
        short: heading of its column.
        says: what it is, in words.
        better: 1 where more is better, -1 where less is, 0 where 1 is ideal.
    """

    name: str
    short: str
    says: str
    better: int = 1


_MEANS = (
    Figure("average_precision", "AP", "average precision, mean over origins"),
    Figure(
        AP_SOME,
        f"AP, {SOME}+ positives",
        f"average precision, mean over origins with {SOME} or more positives",
    ),
    Figure("auc", "AUC", "area under the ROC curve, mean over origins"),
    Figure("onset_auc", "onset AUC", "AUC among units without an incident in the year before"),
    Figure("onset_average_precision", "onset AP", "average precision among the same units"),
    Figure("crps", "CRPS", "ranked probability score of the number of incidents, per unit", -1),
    Figure(
        "calibration_error_each", "ECE, each", "calibration error of each origin alone, mean", -1
    ),
)
_SKILLS = (
    Figure("brier_skill", "Brier skill", "against the base rate known on the day"),
    Figure(
        "brier_skill_hindsight",
        "Brier skill, hindsight",
        "against the share of units that came out, which nobody could know",
    ),
    Figure("log_loss_skill", "log-loss skill", "against the base rate known on the day"),
    Figure("crps_skill", "CRPS skill", "against the base-rate model's expected incidents"),
)
_RATIOS = (
    Figure(
        RATIO_EACH,
        "AP ratio, best each",
        "AP over that of the baseline that came out best at each origin, mean over origins",
    ),
    Figure(
        RATIO_MEAN,
        "AP ratio, best on average",
        "AP over that of the baseline with the highest mean AP, mean over origins",
    ),
)
_RATIO_SOME = Figure(
    RATIO_SOME,
    f"AP ratio, {SOME}+ positives",
    f"mean AP over that of the best baseline, both over origins with {SOME} or more positives",
)
_POOLED = Figure(
    "calibration_error",
    "ECE",
    f"expected calibration error in {BINS} bins of equal size, all origins together",
    -1,
)
FIGURES: tuple[Figure, ...] = (*_RATIOS, _RATIO_SOME, *_MEANS, *_SKILLS, _POOLED)
_LOSSES = {
    "brier_skill": ("brier", "brier_reference"),
    "brier_skill_hindsight": ("brier", "brier_hindsight"),
    "log_loss_skill": ("log_loss", "log_loss_reference"),
    "crps_skill": ("crps", "crps_reference"),
}


def at_k_figures(top: tuple[int, ...]) -> tuple[Figure, ...]:
    """Precision and recall for each number of units that may be reached."""
    return tuple(
        f
        for k in top
        for f in (
            Figure(
                f"precision_at_{k}", f"precision at {k}", f"share of {k} units with an incident"
            ),
            Figure(f"recall_at_{k}", f"recall at {k}", f"share of incident units among {k} units"),
        )
    )


def best_on_average(scores: pd.DataFrame) -> str:
    """The baseline with the highest mean average precision, in hindsight."""
    means = scores.groupby("model")["average_precision"].mean()
    return str(means.loc[means.index.isin(list(BASELINES))].idxmax())


def with_references(scores: pd.DataFrame) -> pd.DataFrame:
    """Scores with what the ratios need: the baselines' best, and the base rate's CRPS."""
    key = ["origin", "lead_weeks", "seed"]
    baselines = scores.loc[scores["model"].isin(list(BASELINES))]
    best = baselines.groupby(key)["average_precision"].max().rename("best")
    mean = _of(scores, best_on_average(scores), "average_precision").rename("mean")
    rate = _of(scores, "base_rate", "crps").rename("crps_reference")
    joined = scores.join(best, on=key).join(mean, on=key).join(rate, on=key)
    return joined.assign(
        **{
            RATIO_EACH: joined["average_precision"] / joined["best"],
            RATIO_MEAN: joined["average_precision"] / joined["mean"],
            "calibration_error_each": joined["calibration_error"],
        }
    ).drop(columns=["best", "mean"])


def _with_some(scores: pd.DataFrame) -> pd.DataFrame:
    """Scores with the AP of origins that have some positives, and the best baseline's there."""
    scores = scores.assign(
        **{AP_SOME: scores["average_precision"].where(scores["positives"] >= SOME)}
    )
    some = scores.dropna(subset=[AP_SOME])
    if some.empty:
        return scores.assign(**{RATIO_SOME: np.nan, "best": np.nan})
    best = _of(scores, best_on_average(some), AP_SOME).rename("best")
    joined = scores.join(best, on=["origin", "lead_weeks", "seed"])
    return joined.assign(**{RATIO_SOME: joined[AP_SOME] / joined["best"]})


def _of(scores: pd.DataFrame, model: str, column: str) -> pd.Series:
    rows = scores.loc[scores["model"] == model]
    return rows.set_index(["origin", "lead_weeks", "seed"])[column]


def blocks_of(windows: pd.DataFrame, elections: list[Block]) -> pd.Series:
    """Block of each origin: `models.resampling.time_blocks` of their windows, by name."""
    each = windows.drop_duplicates("origin")
    numbers = resampling.time_blocks(
        day_numbers(each["window_start"]), day_numbers(each["window_end"]), elections
    )
    return pd.Series(numbers, index=each["origin"].to_numpy())


def headlines(
    scores: pd.DataFrame, forecasts: pd.DataFrame, blocks: pd.Series, top: tuple[int, ...]
) -> pd.DataFrame:
    """Every figure of every model, for origins of one lead.

    Args:
        scores: one row per origin, seed and model.
        forecasts: one row per origin, seed, model and unit.
        blocks: block of each origin, by its name.
        top: numbers of units that may be reached.

    Returns:
        One row per model and figure: `model`, `figure`, `value` (mean over seeds), `low`, `high`
        (of `models.resampling.LEVEL`), `seed_low`, `seed_high`, `origins` (that have the figure).
    """
    scores = _with_some(with_references(scores))
    names = pd.Index(scores["origin"].unique())
    weights = resampling.draws(blocks.loc[names].to_numpy(), seed=0)
    rows = []
    for model, said in scores.groupby("model", sort=False):
        seeds = [part.set_index("origin").reindex(names) for _, part in said.groupby("seed")]
        drawn: dict[str, list[Floats]] = {
            f.name: [_drawn(f.name, part, weights) for part in seeds]
            for f in (*_RATIOS, _RATIO_SOME, *_MEANS, *_SKILLS, *at_k_figures(top))
        }
        ours = forecasts.loc[forecasts["model"] == model]
        drawn[_POOLED.name] = [
            _calibration_error(part, names, weights) for _, part in ours.groupby("seed")
        ]
        for figure, values in drawn.items():
            shown = figure if figure in said else "brier"
            known = int(said.groupby("origin")[shown].count().gt(0).sum())
            rows.append({"model": model, "figure": figure, **_spread(values), "origins": known})
    return pd.DataFrame(rows)


def _drawn(figure: str, part: pd.DataFrame, weights: Floats) -> Floats:
    """One figure of one model and seed in each draw; the sample's own comes first."""

    def column(name: str) -> Floats:
        return part[name].to_numpy(dtype=float)

    if figure in _LOSSES:
        loss, reference = _LOSSES[figure]
        return 1.0 - resampling.ratio_of_sums(column(loss), column(reference), weights)
    if figure == RATIO_SOME:
        # Of means, not of each origin: where a baseline finds nothing, a ratio has no bounds.
        return resampling.ratio_of_sums(column(AP_SOME), column("best"), weights)
    return resampling.ratio_of_sums(column(figure), np.ones(len(part)), weights)


def _calibration_error(part: pd.DataFrame, names: pd.Index, weights: Floats) -> Floats:
    """Pooled calibration error in each draw; the bins are those of the sample."""
    n, p, y = bin_sums(part, names)
    gap = np.abs(weights @ p - weights @ y).sum(axis=1)
    error: Floats = gap / (weights @ n).sum(axis=1)
    return error


def bin_sums(
    part: pd.DataFrame, names: pd.Index, bins: int = BINS
) -> tuple[Floats, Floats, Floats]:
    """Rows, sum of forecasts and number of positives per origin and bin of equal size.

    Returns:
        Three arrays of shape (origins, bins).
    """
    p = part["probability"].to_numpy()
    place = np.empty(len(p), dtype=np.int64)
    for number, rows in enumerate(np.array_split(np.argsort(p, kind="stable"), bins)):
        place[rows] = number
    cell = names.get_indexer(pd.Index(part["origin"])) * bins + place
    y = occurred(part).astype(float)
    size = len(names) * bins

    def total(values: Floats | None) -> Floats:
        return np.bincount(cell, values, minlength=size).reshape(len(names), bins).astype(float)

    return total(None), total(p), total(y)


def _spread(values: list[Floats]) -> dict[str, float]:
    every = np.stack(values)
    mean = every.mean(axis=0)
    low, high = resampling.interval(mean[1:])
    return {
        "value": float(mean[0]),
        "low": low,
        "high": high,
        "seed_low": float(every[:, 0].min()),
        "seed_high": float(every[:, 0].max()),
    }


def reliability(
    forecasts: pd.DataFrame, blocks: pd.Series, model: str, bins: int = BINS
) -> pd.DataFrame:
    """Forecast against frequency of one model, all origins and seeds together.

    Returns:
        One row per bin: `bin`, `rows`, `forecast`, `observed`, and `low`, `high` of the block
        bootstrap around `observed`.
    """
    part = forecasts.loc[forecasts["model"] == model]
    names = pd.Index(part["origin"].unique())
    weights = resampling.draws(blocks.loc[names].to_numpy(), seed=0)
    n, p, y = bin_sums(part, names, bins)
    with np.errstate(invalid="ignore", divide="ignore"):
        drawn = (weights @ y) / (weights @ n)
    rows = []
    for number in range(bins):
        low, high = resampling.interval(drawn[1:, number])
        total = n[:, number].sum()
        if total:
            rows.append(
                {
                    "bin": number,
                    "rows": int(total),
                    "forecast": p[:, number].sum() / total,
                    "observed": y[:, number].sum() / total,
                    "low": low,
                    "high": high,
                }
            )
    return pd.DataFrame(rows)
