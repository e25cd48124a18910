"""Why a unit has its score: what each feature adds to the log-odds, in words."""

from __future__ import annotations

from typing import Any

import pandas as pd

from features.registry import Feature

TOP = 6
"""Features named for each unit; the rest are added up."""


def wording(feature: Feature, value: float) -> str:
    """A feature's value as a phrase: "3 violent incidents here in the last 84 days"."""
    if pd.isna(value):
        return f"not known: {feature.says}"
    number = f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 100 else f"{value:.2g}"
    return f"{number} {feature.says}"


def drivers(
    contributions: pd.DataFrame, X: pd.DataFrame, features: tuple[Feature, ...], top: int = TOP
) -> list[list[dict[str, Any]]]:
    """The features that move each unit's score most.

    Args:
        contributions: log-odds per feature and `_intercept`, shape (units, features + 1).
        X: feature values, shape (units, features).
        features: the panel's features.
        top: how many are named.

    Returns:
        For each unit, dicts with `feature`, `family`, `says`, `value`, `contribution`: the
        intercept, the `top` features by size, and the sum of the others. Contributions sum to
        the logit of the unit's probability.
    """
    by_name = {f.name: f for f in features}
    names = [c for c in contributions.columns if c != "_intercept"]
    table, values = contributions[names].to_numpy(dtype=float), X[names].to_numpy(dtype=float)
    start = contributions["_intercept"].to_numpy(dtype=float)
    out = []
    for row, given, intercept in zip(table, values, start, strict=True):
        order = (-abs(row)).argsort(kind="stable")[:top]
        named = [
            _driver(by_name[names[i]], float(given[i]), float(row[i])) for i in order if row[i]
        ]
        rest = float(row.sum() - sum(d["contribution"] for d in named))
        out.append(
            [
                _summary("_intercept", "starting point", "where every unit starts", intercept),
                *named,
                _summary("_others", "other features", "all other features together", rest),
            ]
        )
    return out


def _driver(feature: Feature, value: float, contribution: float) -> dict[str, Any]:
    return {
        "feature": feature.name,
        "family": feature.family,
        "says": wording(feature, value),
        "value": None if pd.isna(value) else value,
        "contribution": contribution,
    }


def _summary(name: str, family: str, says: str, contribution: float) -> dict[str, Any]:
    return {
        "feature": name,
        "family": family,
        "says": says,
        "value": None,
        "contribution": float(contribution),
    }
