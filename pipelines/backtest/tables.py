"""From every answer to the tables of the report."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.kernels import Floats
from models.baselines import BASELINES
from models.forecaster import INTERVAL_LEVEL
from models.intervals import group_coverage
from models.metrics import auc, average_precision, brier, calibration_error, hits_by_rank, skill
from models.splits import Block
from pipelines.backtest.headlines import best_on_average, blocks_of, headlines, reliability
from pipelines.backtest.rolling import SHIPPED, Rolled, occurred


@dataclass(frozen=True)
class Tables:
    """What a backtest found. Tables are of the shortest lead unless they have a lead.

    Attributes:
        shown: models in pictures and long tables: what was shipped, each candidate, the best
            baseline on average.
        best_baseline: the baseline with the highest mean AP at the shortest lead.
        headlines: figures per model (see `headlines`).
        by_lead: the same with `lead_weeks`, over the windows that every lead has.
        by_kind: the same with `kind`: rounds only, regular windows only.
        by_region: scores per shown model and region.
        reliability: forecast against frequency per shown model.
        coverage: intervals of what was shipped against shares of groups.
        curves: precision, recall and share visited per shown model, for k = 0 to units.
        law: per origin, AP of what was shipped against the best baseline.
        blocks: block of each origin.
    """

    shown: tuple[str, ...]
    best_baseline: str
    headlines: pd.DataFrame
    by_lead: pd.DataFrame
    by_kind: pd.DataFrame
    by_region: pd.DataFrame
    reliability: pd.DataFrame
    coverage: pd.DataFrame
    curves: pd.DataFrame
    law: pd.DataFrame
    blocks: pd.Series


def tabulate(
    rolled: Rolled, units: pd.DataFrame, elections: list[Block], top: tuple[int, ...]
) -> Tables:
    """Every table of a backtest.

    Args:
        rolled: the answers.
        units: the registry, whose order is that of the forecasts' `unit`.
        elections: days of each election; windows of one are drawn together.
        top: numbers of units that may be reached.
    """
    blocks = blocks_of(rolled.origins, elections)
    near = rolled.scores["lead_weeks"].min()
    scores = rolled.scores.loc[rolled.scores["lead_weeks"] == near]
    said = rolled.forecasts.loc[rolled.forecasts["lead_weeks"] == near]
    best = best_on_average(scores)
    candidates = [m for m in scores["model"].unique() if m not in (*BASELINES, SHIPPED)]
    shown = (SHIPPED, *candidates, best)
    return Tables(
        shown=shown,
        best_baseline=best,
        headlines=headlines(scores, said, blocks, top),
        by_lead=_by_lead(rolled, blocks, top),
        by_kind=_split(scores, said, blocks, top, "kind"),
        by_region=pd.concat([_by_region(said, units, m) for m in shown], ignore_index=True),
        reliability=pd.concat(
            [reliability(said, blocks, m).assign(model=m) for m in shown], ignore_index=True
        ),
        coverage=coverage(said.loc[said["model"] == SHIPPED]),
        curves=pd.concat([curve(said, m) for m in shown], ignore_index=True),
        law=law(scores),
        blocks=blocks,
    )


def _split(
    scores: pd.DataFrame,
    said: pd.DataFrame,
    blocks: pd.Series,
    top: tuple[int, ...],
    column: str,
) -> pd.DataFrame:
    parts = []
    for value in scores[column].unique():
        ours, theirs = scores.loc[scores[column] == value], said.loc[said[column] == value]
        parts.append(headlines(ours, theirs, blocks, top).assign(**{column: value}))
    return pd.concat(parts, ignore_index=True)


def _by_lead(rolled: Rolled, blocks: pd.Series, top: tuple[int, ...]) -> pd.DataFrame:
    """Headlines per lead over the windows that were answered at every lead."""
    leads = rolled.origins["lead_weeks"].nunique()
    answered = rolled.origins.groupby("origin")["lead_weeks"].nunique()
    whole = set(answered.index[answered == leads])
    if not whole:
        return pd.DataFrame()
    scores = rolled.scores.loc[rolled.scores["origin"].isin(whole)]
    said = rolled.forecasts.loc[rolled.forecasts["origin"].isin(whole)]
    return _split(scores, said, blocks, top, "lead_weeks")


def _by_region(said: pd.DataFrame, units: pd.DataFrame, model: str) -> pd.DataFrame:
    """Scores of one model within each region, all origins and seeds together."""
    ours = said.loc[said["model"] == model]
    region = units["region_name"].to_numpy()[ours["unit"].to_numpy()]
    rows = []
    for name, part in ours.groupby(region):
        y = occurred(part)
        p, rate = part["probability"].to_numpy(), part["base_rate"].to_numpy()
        both = 0 < y.sum() < len(y)
        rows.append(
            {
                "model": model,
                "region": name,
                "rows": len(y),
                "positives": int(y.sum()),
                "observed": float(y.mean()),
                "forecast": float(p.mean()),
                "average_precision": average_precision(y, p) if both else np.nan,
                "auc": auc(y, p) if both else np.nan,
                "brier_skill": skill(brier(y, p), brier(y, rate)),
                "calibration_error": calibration_error(y, p),
            }
        )
    return pd.DataFrame(rows)


def coverage(said: pd.DataFrame) -> pd.DataFrame:
    """Intervals of one model against shares of groups (`models.intervals`), by group.

    Returns:
        One row per tenth of the units by forecast: means over origins and seeds of `forecast`,
        `lower`, `upper`, `observed`; shares of origins that `held` and `held_as_points`.
    """
    parts = [
        group_coverage(
            occurred(part),
            part["probability"].to_numpy(),
            part["lower"].to_numpy(),
            part["upper"].to_numpy(),
            INTERVAL_LEVEL,
        )
        for _, part in said.groupby(["origin", "seed"])
    ]
    table = pd.concat(parts).astype({"held": float, "held_as_points": float})
    return table.groupby("group").mean().reset_index()


def curve(said: pd.DataFrame, model: str) -> pd.DataFrame:
    """Precision and recall when the k highest scores are visited, mean over origins.

    Origins without a positive have no recall and are left out. A country with fewer than k units
    is visited whole, and stays so.
    """
    ours = said.loc[said["model"] == model]
    visited, precision, recall = [], [], []
    for _, part in ours.groupby(["origin", "seed"]):
        y = occurred(part)
        if y.any():
            k = np.arange(1, len(y) + 1)
            hits = hits_by_rank(y, part["probability"].to_numpy())[1:]
            visited.append(k / len(y))
            precision.append(hits / k)
            recall.append(hits / y.sum())
    if not recall:
        return pd.DataFrame()
    most = max(len(r) for r in recall)

    def mean(rows: list[Floats]) -> Floats:
        whole = [np.pad(r, (0, most - len(r)), mode="edge") for r in rows]
        found: Floats = np.mean(whole, axis=0)
        return found

    return pd.DataFrame(
        {
            "model": model,
            "k": np.arange(1, most + 1),
            "visited": mean(visited),
            "precision": mean(precision),
            "recall": mean(recall),
        }
    )


def law(scores: pd.DataFrame) -> pd.DataFrame:
    """What was shipped against the best baseline at each origin, mean over seeds.

    Returns:
        One row per origin: `shipped`, `best_baseline` (AP of the baseline that came out best),
        `ratio`, `positives`.
    """
    mean = scores.pivot_table(
        values="average_precision", index="origin", columns="model", aggfunc="mean", dropna=False
    )
    about = scores.drop_duplicates("origin").set_index("origin")
    best = mean[[b for b in BASELINES if b in mean]].max(axis=1)
    table = pd.DataFrame(
        {
            "kind": about["kind"],
            "as_of": about["as_of"],
            "positives": about["positives"],
            "shipped": mean[SHIPPED],
            "best_baseline": best,
            "ratio": mean[SHIPPED] / best,
        }
    )
    return table.sort_values("as_of").reset_index(names="origin")
