"""Why a unit has its score: what each family of features adds to the log-odds, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from features.registry import FAMILIES, Feature
from features.vocabulary import NARROW, STARTING_POINT, Language
from features.wording import in_languages, worded

NAMED = 2
"""Features worded for each family: those that pull the most in the family's direction."""

_STARTS = {
    Language.EN: "where every commune starts",
    Language.FR: "d'où part chaque commune",
}
_SEMICOLON = {Language.EN: "; ", Language.FR: f"{NARROW}; "}


def wording(feature: Feature, value: float, language: Language = Language.EN) -> str:
    """A feature's value as a phrase: "3 violent incidents here in the last 12 weeks"."""
    return worded(feature.says[language], value, language, feature.unit.startswith("share"))


def joined(phrases: Sequence[str], language: Language) -> str:
    """Phrases in one sentence."""
    return _SEMICOLON[language].join(phrases)


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
        For each unit, dicts with `feature` (the strongest of the family), `family` and `says`
        (in English; in the other languages under `translations`), `value` (of `feature`) and
        `contribution` (of the family): first where every unit starts, then the families by
        size. Contributions sum to the logit of the probability.
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
                "value": None if pd.isna(values[first]) else float(values[first]),
                "contribution": total,
                **_said(name, [(features[i], float(values[i])) for i in told]),
            }
        )
    return sorted(out, key=lambda d: -abs(d["contribution"]))


def _said(family: str, told: Sequence[tuple[Feature, float]]) -> dict[str, Any]:
    """The family and its strongest features in words."""
    words = {
        language: {
            "family": FAMILIES[family][language],
            "says": joined([wording(f, v, language) for f, v in told], language),
        }
        for language in Language
    }
    return in_languages(words)


def _start(intercept: float) -> dict[str, Any]:
    words = {
        language: {"family": FAMILIES["starting point"][language], "says": _STARTS[language]}
        for language in Language
    }
    return {
        "feature": STARTING_POINT,
        "value": None,
        "contribution": intercept,
        **in_languages(words),
    }
