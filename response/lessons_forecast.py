"""The bulletin held against what happened: scores, reliability, and units by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import betaincinv

from features.vocabulary import Band
from models import metrics
from response.bands import THRESHOLDS
from response.lessons_evidence import Evidence, Limits

FORECAST = "bulletin"
FIGURES = (
    *("average_precision", "auc", "brier", "brier_skill", "log_loss_skill"),
    *("calibration_error", "precision_at_20", "precision_at_50"),
)
LEVEL = 0.9
"""Probability that the intervals of shares are meant to hold."""
_BINS = 10


def share_interval(hits: int, rows: int, level: float = LEVEL) -> tuple[float, float]:
    """Jeffreys interval of a share, that reaches 0 or 1 where all rows agree.

    Brown, Cai and DasGupta 2001, Interval Estimation for a Binomial Proportion.
    """
    tail = (1 - level) / 2
    low = 0.0 if hits == 0 else float(betaincinv(hits + 0.5, rows - hits + 0.5, tail))
    high = 1.0 if hits == rows else float(betaincinv(hits + 0.5, rows - hits + 0.5, 1 - tail))
    return low, high


def scored(evidence: Evidence, happened: pd.DataFrame) -> pd.DataFrame:
    """The units with a score, with what happened in each."""
    rows = evidence.scores.join(happened, on="unit_id")
    return rows.loc[rows["probability"].notna()].reset_index(drop=True)


def _happened(rows: pd.DataFrame) -> NDArray[np.int64]:
    return np.asarray(rows["incidents"] > 0, dtype=np.int64)


def score_table(evidence: Evidence, rows: pd.DataFrame) -> pd.DataFrame:
    """Scores of the bulletin, of the baseline in it, and of every other baseline at hand.

    Args:
        evidence: what is known.
        rows: as of `scored`.

    Returns:
        One row per model, the bulletin first, the others by average precision: `model`, `of`
        (`bulletin`, `its_baseline` or `baseline`) and `FIGURES`.
    """
    y = _happened(rows)
    about = evidence.about
    said = {
        (FORECAST, "bulletin"): rows["probability"],
        (about.baseline_name, "its_baseline"): rows["baseline_probability"],
    }
    for name, values in evidence.baselines.items():
        if name != about.baseline_name:
            said[name, "baseline"] = rows["unit_id"].map(values)
    table = []
    for (name, of), probability in said.items():
        p = probability.to_numpy(dtype=float)
        if not np.isnan(p).any():
            found = metrics.scores(y, p, about.base_rate, (20, 50))
            table.append({"model": name, "of": of, **{f: found[f] for f in FIGURES}})
    out = pd.DataFrame(table, columns=["model", "of", *FIGURES])
    rest = out.iloc[1:].sort_values("average_precision", ascending=False, kind="stable")
    return pd.concat([out.iloc[:1], rest], ignore_index=True)


def reliability_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Forecast against frequency in bins of equal size, with the interval of each share.

    Returns:
        `rows`, `forecast`, `observed`, `low`, `high` per bin.
    """
    y = _happened(rows)
    table = metrics.reliability(y, rows["probability"].to_numpy(dtype=float), _BINS)
    return _with_interval(table)


def band_table(rows: pd.DataFrame) -> pd.DataFrame:
    """The same per band, the highest first: `band`, `least`, and as `reliability_table`."""
    out = []
    for least, band in THRESHOLDS:
        part = rows.loc[rows["band"] == str(band)]
        out.append(
            {
                "band": str(band),
                "least": least,
                "rows": len(part),
                "forecast": float(part["probability"].mean()) if len(part) else float("nan"),
                "observed": float((part["incidents"] > 0).mean()) if len(part) else float("nan"),
            }
        )
    return _with_interval(pd.DataFrame(out))


def _with_interval(table: pd.DataFrame) -> pd.DataFrame:
    ends = [
        share_interval(round(o * n), n) if n else (float("nan"), float("nan"))
        for o, n in zip(table["observed"], table["rows"], strict=True)
    ]
    return table.assign(low=[e[0] for e in ends], high=[e[1] for e in ends])


def warns(bands: pd.Series[str], limits: Limits) -> pd.Series[bool]:
    """Which bands are as high as a warning."""
    order = [str(b) for _, b in THRESHOLDS]
    out: pd.Series[bool] = bands.isin(order[: order.index(str(limits.warned_from)) + 1])
    return out


def named(evidence: Evidence, happened: pd.DataFrame, limits: Limits) -> pd.DataFrame:
    """Every unit with what was said of it and what came.

    Returns:
        One row per unit, the registry's columns and `probability`, `band`, `rank`, `incidents`,
        `electoral`, `deaths`, `outcome`: `hit`, `miss`, `false_alarm`, `quiet`, or
        `unscored_incident` and `unscored_quiet` where the bulletin abstained. The most incidents
        first, then the highest probability.
    """
    rows = evidence.units.merge(
        evidence.scores[["unit_id", "probability", "band"]], on="unit_id", how="left"
    ).join(happened[["incidents", "electoral", "deaths"]], on="unit_id")
    rows["band"] = rows["band"].fillna(str(Band.ABSTAINED))
    rows["rank"] = rows["probability"].rank(ascending=False, method="first")
    warned, came = warns(rows["band"], limits), rows["incidents"] > 0
    silent = rows["probability"].isna()
    rows["outcome"] = np.select(
        [silent & came, silent, warned & came, came, warned],
        ["unscored_incident", "unscored_quiet", "hit", "miss", "false_alarm"],
        "quiet",
    )
    return rows.sort_values(
        ["incidents", "probability", "unit_id"], ascending=[False, False, True], ignore_index=True
    )


def forecast_section(
    evidence: Evidence, happened: pd.DataFrame, units: pd.DataFrame, limits: Limits
) -> dict[str, Any]:
    """All of it.

    Returns:
        `status` (`some`, or `none` where every unit abstained), `warned_from`, `counts` of
        outcomes, `expected_units` and `observed_units` among the scored, `false_expected` (how
        many false alarms the probabilities themselves announced), `scores`, `reliability`,
        `bands`.
    """
    counts = {str(k): int(v) for k, v in units["outcome"].value_counts().sort_index().items()}
    rows = scored(evidence, happened)
    if rows.empty:
        return {"status": "none", "warned_from": str(limits.warned_from), "counts": counts}
    warned = rows.loc[warns(rows["band"], limits)]
    return {
        "status": "some",
        "warned_from": str(limits.warned_from),
        "counts": counts,
        "expected_units": float(rows["probability"].sum()),
        "observed_units": int((rows["incidents"] > 0).sum()),
        "false_expected": float((1 - warned["probability"]).sum()),
        "scores": score_table(evidence, rows),
        "reliability": reliability_table(rows),
        "bands": band_table(rows),
    }
