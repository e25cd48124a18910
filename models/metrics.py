"""Scores of forecasts, for one `as_of` day or many."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

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


def precision_at(y: NDArray[np.int64], p: Floats, k: int) -> float:
    """Share of positives among the `k` highest scores; ties count in proportion."""
    k = min(k, len(y))
    cut = np.sort(p)[::-1][k - 1]
    above, level = p > cut, p == cut
    hits = y[above].sum() + (k - above.sum()) * y[level].mean()
    return float(hits / k)


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
    y: NDArray[np.int64], p: Floats, base_rate: float, top: tuple[int, ...] = (50,)
) -> dict[str, float]:
    """The scores of one set of forecasts.

    Args:
        y: outcomes, 0 or 1, shape (rows,).
        p: probabilities, shape (rows,).
        base_rate: share of positives in training; the reference of the skill scores.
        top: numbers of units whose precision is wanted.

    Returns:
        `average_precision`, `auc`, `brier`, `brier_skill`, `log_loss`, `log_loss_skill`,
        `calibration_error`, `precision_at_K`, `positives`, `rows`. Ranking scores are
        missing (nan) where there is no positive or no negative.
    """
    reference = np.full(len(y), base_rate)
    both = 0 < y.sum() < len(y)
    out = {
        "average_precision": float(average_precision_score(y, p)) if both else float("nan"),
        "auc": float(roc_auc_score(y, p)) if both else float("nan"),
        "brier": brier(y, p),
        "brier_skill": skill(brier(y, p), brier(y, reference)),
        "log_loss": log_loss(y, p),
        "log_loss_skill": skill(log_loss(y, p), log_loss(y, reference)),
        "calibration_error": calibration_error(y, p),
        "positives": float(y.sum()),
        "rows": float(len(y)),
    }
    return out | {f"precision_at_{k}": precision_at(y, p, k) for k in top}
