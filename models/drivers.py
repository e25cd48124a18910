"""Why a unit has its score: what each family of features adds to the log-odds, in words."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from features.registry import Feature
from features.vocabulary import STARTING_POINT

NAMED = 2
"""Features worded for each family: those that pull the most in the family's direction."""

_FIRST_PLURAL = re.compile(r"\b(\w{2,}[^\Ws])s\b")


def wording(feature: Feature, value: float) -> str:
    """A feature's value as a phrase: "3 violent incidents here in the last 84 days"."""
    if pd.isna(value):
        return f"not known: {feature.says}"
    if feature.unit.startswith("share"):
        return f"{value:.0%} {feature.says}"
    if value == 1:
        return f"1 {_FIRST_PLURAL.sub(_singular, feature.says, count=1)}"
    number = f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 100 else f"{value:.2g}"
    return f"{number} {feature.says}"


def _singular(plural: re.Match[str]) -> str:
    return plural[1]


def drivers(
    contributions: pd.DataFrame, X: pd.DataFrame, features: tuple[Feature, ...]
) -> list[list[dict[str, Any]]]:
    """What moves each unit's score, by family of features.

    Features of one family say much the same thing in other words, so that what a single one
    adds means little; what the family adds does.

    Args:
        contributions: log-odds per feature and `_intercept`, shape (units, features + 1).
        X: feature values, shape (units, features).
        features: the panel's features.

    Returns:
        For each unit, dicts with `feature` (the strongest of the family), `family`, `says`,
        `value` (of `feature`) and `contribution` (of the family): first where every unit
        starts, then the families by size. Contributions sum to the logit of the probability.
    """
    by_name = {f.name: f for f in features}
    names = [c for c in contributions.columns if c != STARTING_POINT]
    table, values = contributions[names].to_numpy(dtype=float), X[names].to_numpy(dtype=float)
    family = np.array([by_name[n].family for n in names])
    start = contributions[STARTING_POINT].to_numpy(dtype=float)
    return [
        [
            _start(float(intercept)),
            *_by_family(row, given, [by_name[n] for n in names], family),
        ]
        for row, given, intercept in zip(table, values, start, strict=True)
    ]


def _by_family(
    row: np.ndarray, values: np.ndarray, features: list[Feature], family: np.ndarray
) -> list[dict[str, Any]]:
    out = []
    for name in dict.fromkeys(family.tolist()):
        members = np.flatnonzero(family == name)
        total = float(row[members].sum())
        pull = row[members] * (1.0 if total >= 0 else -1.0)
        strongest = members[np.argsort(-pull, kind="stable")][:NAMED]
        told = [i for i in strongest if row[i] * total > 0] or list(strongest[:1])
        first = told[0]
        out.append(
            {
                "feature": features[first].name,
                "family": name,
                "says": "; ".join(wording(features[i], float(values[i])) for i in told),
                "value": None if pd.isna(values[first]) else float(values[first]),
                "contribution": total,
            }
        )
    return sorted(out, key=lambda d: -abs(d["contribution"]))


def _start(intercept: float) -> dict[str, Any]:
    return {
        "feature": STARTING_POINT,
        "family": "starting point",
        "says": "where every commune starts",
        "value": None,
        "contribution": intercept,
    }
