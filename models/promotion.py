"""Which model planners see. Nothing is promoted that does not beat every baseline.

A challenger is a model of a new training; the champion is what planners see now. Both are
compared in the challenger's folds: the same held-out days, and for each day the same
knowledge. The champion as it was fitted is not compared: it has seen most of those days.
What is compared is its recipe (estimator, settings, features, seed), fitted again in each fold.

The same recipe on newer data scores just the same as the champion's recipe there. It is a
refresh, and need not beat itself: it replaces the champion if the recipe still beats every
baseline and its output passes the guards. Otherwise models would age.

A champion whose recipe no longer beats every baseline in the new folds has fallen. It
protects nobody from a challenger, and where no challenger beats the baselines either, the best
baseline takes its place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.stats import wasserstein_distance

from features.kernels import Floats
from models.averaging import AVERAGE, PARTS
from models.baselines import BASELINES, Constant

CHAMPION = "champion"
"""Name of the champion's recipe in a table, where no model of the training has that recipe."""


@dataclass(frozen=True)
class Verdict:
    """A decision about the candidates of a training, by the baselines alone.

    Attributes:
        promoted: name of the model to be shown: a candidate, or the best baseline.
        refused: why better-ranking candidates were refused; empty when none was.
        table: the scores it rests on.
    """

    promoted: str
    refused: tuple[str, ...]
    table: pd.DataFrame


@dataclass(frozen=True)
class Limits:
    """What a challenger may not exceed.

    Attributes:
        calibration_tolerance: its calibration error may be this much above the champion's.
        output_distance: how far its probabilities for the units of today may lie from the
            champion's, as a share of the champion's mean (see `distance`).
        brier_tolerance: its Brier score may be this share above a baseline's, if it ranks better.
    """

    calibration_tolerance: float = 0.005
    output_distance: float = 0.75
    brier_tolerance: float = 0.0


@dataclass(frozen=True)
class Rival:
    """The champion, as a challenger meets it.

    Attributes:
        row: its recipe's name in the table: a model of the training, or `CHAMPION`.
        output: its probabilities for the units of today, shape (units,).
    """

    row: str
    output: Floats


@dataclass(frozen=True)
class Decision:
    """What comes of a training.

    Attributes:
        chosen: the model of the training that becomes champion; None keeps the champion.
        reasons: why models were refused, and on what grounds the chosen one is.
        table: the scores it rests on.
    """

    chosen: str | None
    reasons: tuple[str, ...]
    table: pd.DataFrame = field(repr=False)


def judge(table: pd.DataFrame, brier_tolerance: float = 0.0) -> Verdict:
    """Hold the candidates against every baseline on the same held-out days.

    A candidate must rank better (mean average precision) and be nearer the truth (Brier
    score) than each baseline, or as near as `brier_tolerance` allows. The best-ranking one that
    does is promoted, an average before its parts; if none does, planners see the best baseline.

    Args:
        table: scores per model, as `Development.table`.
        brier_tolerance: see `Limits`.
    """
    if table["average_precision"].isna().all():
        nothing = "no held-out day has both units with and without an incident"
        return Verdict(best_baseline(table), (nothing,), table)
    refused: list[str] = []
    for name in _candidates(table):
        reasons = against_baselines(table, name, brier_tolerance)
        if not reasons:
            return Verdict(name, tuple(refused), table)
        refused += reasons
    return Verdict(best_baseline(table), tuple(refused) or ("there is no candidate",), table)


def decide(
    table: pd.DataFrame,
    rival: Rival | None,
    output_of: Callable[[str], Floats],
    limits: Limits,
    barred: dict[str, str] | None = None,
    alone: str = "there is no champion",
) -> Decision:
    """Choose the champion of a training's models.

    Args:
        table: scores per model on the same held-out days, the champion's recipe among them.
        rival: the champion; None where there is none.
        output_of: probabilities of a model of the training for the units of today.
        limits: what a challenger may not exceed.
        barred: models that may not be chosen, with the reason.
        alone: why there is no rival, for the log.
    """
    stands = rival is not None and _stands(table, rival.row, limits.brier_tolerance)
    reasons: list[str] = []
    if rival is not None and rival.row not in BASELINES and not stands:
        reasons.append(f"the champion, {rival.row}, no longer beats every baseline")
    for name in _candidates(table):
        faults = against_baselines(table, name, limits.brier_tolerance)
        faults += [f"{name}: {barred[name]}"] if barred and name in barred else []
        if not faults:
            faults = output_faults(name, output_of(name))
        if not faults and stands and rival is not None:
            faults = _against_champion(table, name, rival, output_of(name), limits)
        if not faults:
            return Decision(name, (*reasons, _grounds(name, rival, stands, alone)), table)
        reasons += faults
    if stands:
        return Decision(None, (*reasons, "the champion stays"), table)
    best = best_baseline(table)
    return Decision(best, (*reasons, f"the best baseline is shown: {best}"), table)


def against_baselines(
    table: pd.DataFrame, challenger: str, brier_tolerance: float = 0.0
) -> list[str]:
    """Why a model may not be promoted; empty when it beats every baseline."""
    baselines = table.loc[table.index.isin(list(BASELINES))]
    return [
        fault
        for name in baselines.index
        if name != challenger
        for fault in _not_better(table, challenger, str(name), brier_tolerance)
    ]


def output_faults(name: str, output: Floats) -> list[str]:
    """What is wrong with a model's probabilities by themselves, shape (units,)."""
    if not np.isfinite(output).all() or (output < 0).any() or (output > 1).any():
        return [f"{name} gives {_odd(output)} of {len(output)} units no probability from 0 to 1"]
    if len(output) > 1 and np.ptp(output) < 1e-9:
        return [f"{name} gives every unit the same probability, {output[0]:.3g}"]
    return []


def distance(output: Floats, reference: Floats) -> float:
    """How far one set of probabilities lies from another.

    The Wasserstein distance of the two distributions, as a share of the reference's mean: 1
    where every probability doubled. Unlike the population stability index, it does not care
    how the many tiny probabilities are shared out.

    Args:
        output: probabilities, shape (rows,).
        reference: probabilities, shape (other rows,).
    """
    mean = float(np.mean(reference))
    moved = float(wasserstein_distance(output, reference))
    return moved / mean if mean > 0 else (0.0 if moved == 0 else float("inf"))


def _against_champion(
    table: pd.DataFrame, name: str, rival: Rival, output: Floats, limits: Limits
) -> list[str]:
    faults = []
    if name != rival.row:
        faults += _not_better(table, name, rival.row)
        errors = table["calibration_error"].astype(float)
        error, other = errors[name], errors[rival.row]
        if not error <= other + limits.calibration_tolerance:
            faults.append(
                f"{name} has calibration error {error:.4f}, {rival.row} {other:.4f}: worse by "
                f"more than {limits.calibration_tolerance:g}"
            )
    far = distance(output, rival.output)
    if not far <= limits.output_distance:
        faults.append(
            f"{name} lies {far:.2f} from the champion's present output (mean probability "
            f"{output.mean():.3f} against {rival.output.mean():.3f}), more than "
            f"{limits.output_distance:g}"
        )
    return faults


def _not_better(
    table: pd.DataFrame, name: str, other: str, brier_tolerance: float = 0.0
) -> list[str]:
    ours, theirs = table.loc[name], table.loc[other]
    faults = []
    if not ours["average_precision"] > theirs["average_precision"]:
        faults.append(
            f"{name} has average precision {ours['average_precision']:.3f}, "
            f"{other} {theirs['average_precision']:.3f}"
        )
    within = theirs["brier"] * (1 + brier_tolerance)
    if not (ours["brier"] < theirs["brier"] or (brier_tolerance and ours["brier"] <= within)):
        faults.append(f"{name} has Brier score {ours['brier']:.4f}, {other} {theirs['brier']:.4f}")
    return faults


def _grounds(name: str, rival: Rival | None, stands: bool, alone: str) -> str:
    if rival is None:
        return f"{name} beats every baseline; {alone}"
    if not stands:
        return f"{name} beats every baseline"
    if name == rival.row:
        return f"{name} is the champion's recipe on newer data, and still beats every baseline"
    return f"{name} beats every baseline and the champion, {rival.row}"


def _stands(table: pd.DataFrame, row: str, brier_tolerance: float) -> bool:
    return row not in BASELINES and not against_baselines(table, row, brier_tolerance)


def _candidates(table: pd.DataFrame) -> list[str]:
    """The models of the training that are no baselines, best-ranking first.

    But an average goes before its parts: by how little they differ from it on held-out time is
    mostly luck, and whoever takes the luckiest ships the worse model.
    """
    ours = table.loc[~table.index.isin([*BASELINES, CHAMPION])]
    ranked = [str(n) for n in ours.sort_values("average_precision", ascending=False).index]
    return sorted(ranked, key=PARTS.__contains__) if AVERAGE in ranked else ranked


def best_baseline(table: pd.DataFrame) -> str:
    """The baseline that is shown where no model beats them all; scores as `Development.table`."""
    baselines = table.loc[table.index.isin(list(BASELINES))]
    if baselines["average_precision"].isna().all():
        return str(baselines["brier"].idxmin())
    # Rare targets leave several level in rank. Of these, one that says the same of every unit helps
    # nobody to choose among units; of the others the nearer to the truth is shown.
    same = [isinstance(BASELINES[str(n)], Constant) for n in baselines.index]
    ranked = baselines.assign(same=same).sort_values(
        ["average_precision", "same", "brier"], ascending=[False, True, True]
    )
    return str(ranked.index[0])


def _odd(output: Floats) -> int:
    return int((~np.isfinite(output) | (output < 0) | (output > 1)).sum())
