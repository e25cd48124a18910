"""Scores of forecasts, for one `as_of` day or many."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.kernels import Floats
from models.baselines import CLIP


def brier(y: NDArray[np.int64], p: Floats) -> float:
    """Mean squared error of probabilities (Brier 1950)."""
    return float(np.mean((p - y) ** 2))


def log_loss(y: NDArray[np.int64], p: Floats) -> float:
    """Mean negative log-likelihood, in nats; probabilities are clipped."""
    clipped = np.clip(p, CLIP, 1 - CLIP)
    return float(-np.mean(y * np.log(clipped) + (1 - y) * np.log(1 - clipped)))


def skill(loss: float, reference: float) -> float:
    """1 - loss / reference: 1 is perfect, 0 no better than the reference."""
    return 1.0 - loss / reference if reference > 0 else float("nan")


def average_precision(y: NDArray[np.int64], margin: Floats) -> float:
    """Mean over positives of the precision among all that score as high or higher.

    It is what scikit-learn's `average_precision_score` gives, which takes milliseconds to check its
    input: held-out time is scored day by day, thousands of times per training.

    Args:
        y: 0 or 1, shape (rows,), with at least one 1.
        margin: scores, shape (rows,).

    Raises:
        ValueError: a score is no number.
    """
    _require_numbers(margin)
    every, hits = np.sort(margin), np.sort(margin[y == 1])
    as_high = len(every) - np.searchsorted(every, hits)
    hits_as_high = len(hits) - np.searchsorted(hits, hits)
    return float(np.mean(hits_as_high / as_high))


def auc(y: NDArray[np.int64], margin: Floats) -> float:
    """Share of pairs of a positive and a negative that are ranked rightly, ties counting half.

    Args:
        y: 0 or 1, shape (rows,), with both.
        margin: scores, shape (rows,).

    Raises:
        ValueError: a score is no number.
    """
    _require_numbers(margin)
    hits, others = margin[y == 1], np.sort(margin[y == 0])
    below, not_above = np.searchsorted(others, hits), np.searchsorted(others, hits, "right")
    return float(np.mean(below + not_above) / 2 / len(others))


def _require_numbers(margin: Floats) -> None:
    """What is no number would be sorted above all others, and rank best."""
    missing = int(np.isnan(margin).sum())
    if missing:
        raise ValueError(
            f"ranking: expected a number for each of {len(margin)} rows, got none for {missing}; "
            "leave out rows that have no score"
        )


def precision_at(y: NDArray[np.int64], p: Floats, k: int) -> float:
    """Share of positives among the `k` highest scores; ties count in proportion."""
    k = min(k, len(y))
    cut = np.sort(p)[::-1][k - 1]
    above, level = p > cut, p == cut
    hits = y[above].sum() + (k - above.sum()) * y[level].mean()
    return float(hits / k)


def recall_at(y: NDArray[np.int64], p: Floats, k: int) -> float:
    """Share of all positives that are among the `k` highest scores; missing without any."""
    positives = float(y.sum())
    hits = precision_at(y, p, k) * min(k, len(y))
    return hits / positives if positives else float("nan")


def hits_by_rank(y: NDArray[np.int64], p: Floats) -> Floats:
    """Positives expected among the k highest scores, for k = 0 to rows.

    Equal scores have no order: within them, hits rise in a straight line.

    Returns:
        Shape (rows + 1,).
    """
    order = np.argsort(-p, kind="stable")
    last = np.append(np.flatnonzero(np.diff(p[order])), len(p) - 1)
    hits: Floats = np.interp(
        np.arange(len(p) + 1), np.append(0, last + 1), np.append(0, np.cumsum(y[order])[last])
    )
    return hits


def crps(cumulative: Floats, counts: Floats) -> Floats:
    """Continuous ranked probability score of count forecasts (Gneiting and Raftery 2007).

    For counts it is the sum over k of (P(at most k) - 1[observed <= k])^2, in incidents: the
    absolute error of a forecast without spread. 0 is perfect.

    Args:
        cumulative: P(at most k incidents) for k = 0 to `most`, shape (rows, most + 1). What
            lies above `most` is taken to be certain.
        counts: observed incidents, shape (rows,).

    Returns:
        Shape (rows,).

    Raises:
        ValueError: a count lies above `most`, where the sum would stop short of it.
    """
    most = cumulative.shape[1] - 1
    if counts.max(initial=0) > most:
        raise ValueError(
            f"crps: expected cumulative probabilities up to {counts.max():.0f} incidents, "
            f"got them up to {most}; ask the forecaster for more"
        )
    happened = counts[:, None] <= np.arange(most + 1)
    score: Floats = ((cumulative - happened) ** 2).sum(axis=1)
    return score


def reliability(y: NDArray[np.int64], p: Floats, bins: int = 10) -> pd.DataFrame:
    """Forecast against frequency, in bins of equal numbers of rows.

    Returns:
        One row per bin: `rows`, `forecast` (mean probability), `observed` (share of positives).
    """
    order = np.argsort(p, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return pd.DataFrame(
        {
            "rows": [len(part) for part in parts],
            "forecast": [float(p[part].mean()) for part in parts],
            "observed": [float(y[part].mean()) for part in parts],
        }
    )


def calibration_error(y: NDArray[np.int64], p: Floats, bins: int = 10) -> float:
    """Expected calibration error: mean |forecast - observed| over bins, weighted by rows."""
    table = reliability(y, p, bins)
    gap = (table["forecast"] - table["observed"]).abs()
    return float(np.average(gap, weights=table["rows"]))


def scores(
    y: NDArray[np.int64], p: Floats, base_rate: float | Floats, top: tuple[int, ...] = (50,)
) -> dict[str, float]:
    """The scores of one set of forecasts.

    Args:
        y: outcomes, 0 or 1, shape (rows,).
        p: probabilities, shape (rows,).
        base_rate: share of positives in training, one or shape (rows,); the reference of the
            skill scores.
        top: numbers of units whose precision is wanted.

    Returns:
        `average_precision`, `auc`, `brier`, `brier_skill`, `log_loss`, `log_loss_skill`,
        `calibration_error`, `precision_at_K`, `positives`, `rows`. Ranking scores are
        missing (nan) where there is no positive or no negative.
    """
    reference = np.broadcast_to(base_rate, y.shape)
    both = 0 < y.sum() < len(y)
    out = {
        "average_precision": average_precision(y, p) if both else float("nan"),
        "auc": auc(y, p) if both else float("nan"),
        "brier": brier(y, p),
        "brier_skill": skill(brier(y, p), brier(y, reference)),
        "log_loss": log_loss(y, p),
        "log_loss_skill": skill(log_loss(y, p), log_loss(y, reference)),
        "calibration_error": calibration_error(y, p),
        "positives": float(y.sum()),
        "rows": float(len(y)),
    }
    return out | {f"precision_at_{k}": precision_at(y, p, k) for k in top}
