"""Whether inputs, outputs and calibration are still what they were: tables in, checks out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import spearmanr

from features import kernels
from features.context import Context
from features.days import Days
from features.kernels import Floats
from features.vocabulary import EventType
from models.metrics import brier, calibration_error
from models.promotion import distance

HANDFUL = 5.0
"""Added to both counts of a ratio, so that 0 against 2 is no alarm."""
MATERIAL = 0.1
"""A feature has shifted if it lies this much further off than usual, on a scale of 0 to 1."""
OWN_DAYS = 30
"""Reference days, about as many, of which it is measured how far they usually lie off."""
POOL_ROWS = 5_000
"""Rows of the reference that a feature is held against: a distribution needs no more."""


class Status(StrEnum):
    """What a check asks for, mildest first; `unknown` where there is nothing to check yet."""

    OK = "ok"
    UNKNOWN = "unknown"
    WATCH = "watch"
    ACT = "act"


@dataclass(frozen=True)
class Threshold:
    """Values beyond which to look and to act; below them where `act` is under `watch`."""

    watch: float
    act: float

    def status(self, value: float) -> Status:
        """What a value asks for; a missing one is unknown."""
        if np.isnan(value):
            return Status.UNKNOWN
        sign = -1 if self.act < self.watch else 1
        if sign * value > sign * self.act:
            return Status.ACT
        return Status.WATCH if sign * value > sign * self.watch else Status.OK


@dataclass(frozen=True)
class Check:
    """One line of the table.

    Attributes:
        area: `input`, `output`, `calibration` or `model`.
        name: what was checked.
        value: the figure; missing where there is none.
        threshold: where it starts to matter.
        says: the figure in words.
    """

    area: str
    name: str
    value: float
    threshold: Threshold
    says: str

    @property
    def status(self) -> Status:
        """What it asks for."""
        return self.threshold.status(self.value)


def worst(checks: Sequence[Check]) -> Status:
    """The status that asks for most; `ok` of no check at all."""
    order = list(Status)
    return max((c.status for c in checks), key=order.index, default=Status.OK)


def ratio(count: float, usual: float) -> float:
    """How many times a count lies above or below the usual one: 1 or more, a handful added."""
    up = (count + HANDFUL) / (usual + HANDFUL)
    return max(up, 1 / up)


def usual_days(as_of: int, length: int, reach: int) -> Days:
    """Days, `length` apart, from about `reach` days before `as_of` up to it; rising."""
    return np.arange(as_of - (reach // length) * length, as_of + 1, length, dtype=np.int64)


def input_checks(context: Context, length: int, share: Threshold, events: Threshold) -> list[Check]:
    """Reports of the last `length` days held against the windows before, each as known then.

    Args:
        context: the country on days `length` apart (`usual_days`), the last one today.
        length: days in a window.
        share: for the share of units with a report, as a share of the usual.
        events: for counts, as a ratio to the usual one.
    """
    per_unit = kernels.windowed(context.reports, context.days, context.n_units, length)
    shares = (per_unit > 0).mean(axis=1)
    usual = float(np.median(shares[:-1])) if len(shares) > 1 else float("nan")
    checks = [
        Check(
            "input",
            "units with a report",
            float(shares[-1] / usual) if usual > 0 else float("nan"),
            share,
            f"{shares[-1]:.1%} of units in {length} days, usually {usual:.1%}",
        )
    ]
    counts = {"events of any type": per_unit.sum(axis=1)}
    for event_type in EventType:
        rows = kernels.windowed(context.of_type(event_type), context.days, context.n_units, length)
        counts[f"events: {event_type}".replace("_", " ")] = rows.sum(axis=1)
    for name, series in counts.items():
        before = float(np.median(series[:-1])) if len(series) > 1 else float("nan")
        said = f"{series[-1]:.0f} in {length} days, usually {before:.0f}"
        checks.append(Check("input", name, ratio(float(series[-1]), before), events, said))
    return checks


def feature_shift(now: pd.DataFrame, reference: pd.DataFrame, day: Days) -> pd.DataFrame:
    """How far each feature's values today lie from those that a model learned from.

    The measure is the Kolmogorov-Smirnov statistic, or the change in the share of missing
    values where that is larger. Because every day differs from the mean of days, each
    reference day is measured too: a feature has shifted if today lies further from the
    reference than 95 % of its own days do, by at least `MATERIAL`.

    Args:
        now: features of every unit today.
        reference: features of the reference days.
        day: day of each row of `reference`.

    Returns:
        One row per feature, the most shifted first: `feature`, `shift`, `usual`, `shifted`.
    """
    step = max(1, len(reference) // POOL_ROWS)
    every = np.unique(day)
    days = [np.flatnonzero(day == d) for d in every[:: max(1, len(every) // OWN_DAYS)]]
    rows = []
    for name in now.columns:
        values = reference[name].to_numpy(dtype=float)
        pool = values[::step]
        own = [_apart(values[at], pool) for at in days]
        usual = float(np.quantile(own, 0.95)) if own else float("nan")
        shift = _apart(now[name].to_numpy(dtype=float), pool)
        shifted = shift > usual + MATERIAL
        rows.append({"feature": str(name), "shift": shift, "usual": usual, "shifted": shifted})
    table = pd.DataFrame(rows, columns=["feature", "shift", "usual", "shifted"])
    over = table["shift"] - table["usual"]
    return table.loc[over.sort_values(ascending=False, kind="stable").index].reset_index(drop=True)


def _apart(values: Floats, pool: Floats) -> float:
    missing = abs(float(np.isnan(values).mean()) - float(np.isnan(pool).mean()))
    values, pool = np.sort(values[~np.isnan(values)]), np.sort(pool[~np.isnan(pool)])
    if not len(values) or not len(pool):
        return missing
    # Only the statistic is used: rows of one day are no independent draws. SciPy's test finds
    # its p-value as well, which takes several times as long.
    both = np.concatenate([values, pool])
    below = np.searchsorted(values, both, side="right") / len(values)
    usually = np.searchsorted(pool, both, side="right") / len(pool)
    return max(missing, float(np.abs(below - usually).max()))


def output_check(
    name: str, output: pd.Series[float], reference: pd.Series[float], limit: Threshold
) -> Check:
    """Probabilities held against others: their distance, and whether the ranks agree.

    Args:
        name: what is compared.
        output: probabilities by unit; missing ones abstain.
        reference: probabilities by unit, or without units.
        limit: for the distance, as a share of the reference's mean.
    """
    ours, theirs = output.dropna(), reference.dropna()
    if ours.empty or theirs.empty:
        return Check("output", name, float("nan"), limit, "nothing to compare")
    says = f"mean probability {ours.mean():.3f} against {theirs.mean():.3f}"
    both = ours.index.intersection(theirs.index)
    if len(both) > 2 and min(ours[both].nunique(), theirs[both].nunique()) > 1:
        ranks = spearmanr(ours[both], theirs[both]).statistic
        says += f", rank correlation {ranks:.2f}"
    far = distance(np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64))
    return Check("output", name, far, limit, says)


@dataclass(frozen=True)
class Answered:
    """A bulletin whose window is over.

    Attributes:
        bulletin_id: its id.
        election_id: its round.
        y: outcomes, 0 or 1, of the units that have a score.
        probability: what it said of them.
        baseline: what its baseline said of them.
    """

    bulletin_id: str
    election_id: str
    y: NDArray[np.int64]
    probability: Floats
    baseline: Floats


def answered_table(answered: Sequence[Answered]) -> pd.DataFrame:
    """One row per bulletin, and a last one of all together.

    Returns:
        `bulletin_id`, `units`, `expected` and `observed` units with an incident, `brier`,
        `baseline_brier`, `calibration_error`. Empty without bulletins.
    """
    parts = [(a.bulletin_id, a) for a in answered]
    if parts:
        joined = (np.concatenate([getattr(a, k) for a in answered]) for k in _ANSWERS)
        parts.append(("all", Answered("all", "", *joined)))
    rows = [
        {
            "bulletin_id": name,
            "units": len(a.y),
            "expected": float(a.probability.sum()),
            "observed": int(a.y.sum()),
            "brier": brier(a.y, a.probability),
            "baseline_brier": brier(a.y, a.baseline),
            "calibration_error": calibration_error(a.y, a.probability),
        }
        for name, a in parts
    ]
    columns = ["bulletin_id", "units", "expected", "observed"]
    return pd.DataFrame(rows, columns=[*columns, "brier", "baseline_brier", "calibration_error"])


_ANSWERS = ("y", "probability", "baseline")


def calibration_checks(
    table: pd.DataFrame, error: Threshold, count: Threshold, loss: Threshold
) -> list[Check]:
    """What past bulletins said, held against what happened.

    Args:
        table: as `answered_table`.
        error: for the calibration error over all bulletins.
        count: for units with an incident, as a ratio to those expected.
        loss: for the Brier score, as a ratio to the baseline's.
    """
    if table.empty:
        nothing = "no bulletin whose window is over and reported"
        names = ("calibration error", "units with an incident", "Brier score")
        limits = (error, count, loss)
        return [
            Check("calibration", name, float("nan"), limit, nothing)
            for name, limit in zip(names, limits, strict=True)
        ]
    whole = table.iloc[-1]
    bulletins = "1 bulletin" if len(table) == 2 else f"{len(table) - 1} bulletins"
    ours, theirs = float(whole["brier"]), float(whole["baseline_brier"])
    return [
        Check(
            "calibration",
            "calibration error",
            float(whole["calibration_error"]),
            error,
            f"{whole['calibration_error']:.3f} over {bulletins}",
        ),
        Check(
            "calibration",
            "units with an incident",
            ratio(float(whole["observed"]), float(whole["expected"])),
            count,
            f"{whole['observed']:.0f} observed, {whole['expected']:.0f} expected",
        ),
        Check(
            "calibration",
            "Brier score",
            ours / theirs if theirs > 0 else float("nan"),
            loss,
            f"{ours:.4f}, baseline {theirs:.4f}",
        ),
    ]
