"""Which model planners see. Nothing is promoted that does not beat every baseline."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from models.baselines import BASELINES


@dataclass(frozen=True)
class Verdict:
    """A decision about a challenger.

    Attributes:
        promoted: name of the model to be shown: the challenger, or the best baseline.
        refused: why the challenger was refused; empty when it was not.
        table: the scores it rests on.
    """

    promoted: str
    refused: tuple[str, ...]
    table: pd.DataFrame


def judge(table: pd.DataFrame) -> Verdict:
    """Hold the best candidate against every baseline on the same held-out days.

    A challenger must rank better (mean average precision) and be nearer the truth (Brier
    score) than each baseline. If it is not, the best baseline is what planners see.

    Args:
        table: scores per model, as `Development.table`.
    """
    is_baseline = table.index.isin(list(BASELINES))
    candidates, baselines = table.loc[~is_baseline], table.loc[is_baseline]
    if table["average_precision"].isna().all():
        nothing = "no held-out day has both units with and without an incident"
        return Verdict(str(baselines["brier"].idxmin()), (nothing,), table)
    best = str(baselines["average_precision"].idxmax())
    if candidates.empty:
        return Verdict(best, ("there is no candidate",), table)
    challenger = str(candidates["average_precision"].idxmax())
    row = table.loc[challenger]
    refused = [
        f"{challenger} has average precision {row['average_precision']:.3f}, "
        f"{name} {other['average_precision']:.3f}"
        for name, other in baselines.iterrows()
        if not row["average_precision"] > other["average_precision"]
    ] + [
        f"{challenger} has Brier score {row['brier']:.4f}, {name} {other['brier']:.4f}"
        for name, other in baselines.iterrows()
        if not row["brier"] < other["brier"]
    ]
    return Verdict(best if refused else challenger, tuple(refused), table)
