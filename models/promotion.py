"""Which model planners see. Nothing is promoted that does not beat every baseline."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from models.baselines import BASELINES


@dataclass(frozen=True)
class Verdict:
    """A decision about the candidates of a training.

    Attributes:
        promoted: name of the model to be shown: a candidate, or the best baseline.
        refused: why better-ranking candidates were refused; empty when none was.
        table: the scores it rests on.
    """

    promoted: str
    refused: tuple[str, ...]
    table: pd.DataFrame


def judge(table: pd.DataFrame) -> Verdict:
    """Hold the candidates against every baseline on the same held-out days.

    A candidate must rank better (mean average precision) and be nearer the truth (Brier
    score) than each baseline. The best-ranking one that does is promoted; if none does, the
    best baseline is what planners see.

    Args:
        table: scores per model, as `Development.table`.
    """
    is_baseline = table.index.isin(list(BASELINES))
    candidates, baselines = table.loc[~is_baseline], table.loc[is_baseline]
    if table["average_precision"].isna().all():
        nothing = "no held-out day has both units with and without an incident"
        return Verdict(str(baselines["brier"].idxmin()), (nothing,), table)
    refused: list[str] = []
    for name in candidates.sort_values("average_precision", ascending=False).index:
        reasons = _reasons(str(name), table, baselines)
        if not reasons:
            return Verdict(str(name), tuple(refused), table)
        refused += reasons
    best = str(baselines["average_precision"].idxmax())
    return Verdict(best, tuple(refused) or ("there is no candidate",), table)


def _reasons(challenger: str, table: pd.DataFrame, baselines: pd.DataFrame) -> list[str]:
    """Why a challenger may not be promoted; empty when it beats every baseline."""
    row = table.loc[challenger]
    return [
        f"{challenger} has average precision {row['average_precision']:.3f}, "
        f"{name} {other['average_precision']:.3f}"
        for name, other in baselines.iterrows()
        if not row["average_precision"] > other["average_precision"]
    ] + [
        f"{challenger} has Brier score {row['brier']:.4f}, {name} {other['brier']:.4f}"
        for name, other in baselines.iterrows()
        if not row["brier"] < other["brier"]
    ]
