"""Whether a unit's silence can be trusted.

A unit whose region sent hardly a report of any kind in a year is not calm: nobody is
looking. The thresholds are declared in the country pack.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from features import kernels
from features.context import Context, spread
from features.vocabulary import Coverage, Language
from features.wording import in_languages, is_plural, number, numbered


def coverage(
    context: Context,
    *,
    days: int,
    good_reports: int,
    min_reports: int,
    coarse_areas: Mapping[str, Mapping[Language, str]],
) -> pd.DataFrame:
    """Coverage of each unit on the last day of the grid.

    Args:
        context: the grid; only its last day is judged.
        days: length of the look back.
        good_reports: reports of any type in the unit's region for `good`.
        min_reports: fewer than this, and the coverage is `none`.
        coarse_areas: parent area or region id -> why its events cannot be told apart, in
            every language.

    Returns:
        One row per unit, in the registry's order: `unit_id`, `coverage`, `coverage_says` and
        `translations` of the latter.
    """
    own = kernels.windowed(context.reports, context.days, context.n_units, days)[-1:]
    reports = spread(own, context.regions)[0]
    units = context.units
    level = np.select(
        [reports < min_reports, reports < good_reports],
        [str(Coverage.NONE), str(Coverage.THIN)],
        str(Coverage.GOOD),
    ).astype(object)
    said = []
    for position, unit in enumerate(units.itertuples(index=False)):
        reason = coarse_areas.get(str(unit.parent_id)) or coarse_areas.get(str(unit.region_id))
        if reason and level[position] != str(Coverage.NONE):
            level[position] = str(Coverage.COARSE)
        else:
            reason = None
        said.append(_said(reports[position], str(unit.region_name), days, reason))
    return pd.DataFrame(
        {
            "unit_id": units["unit_id"],
            "coverage": level,
            "coverage_says": [s["coverage_says"] for s in said],
            "translations": [s["translations"] for s in said],
        }
    )


def _said(
    reports: float, region: str, days: int, reason: Mapping[Language, str] | None
) -> dict[str, Any]:
    """How far a unit's silence can be trusted, in words."""
    templates = {
        Language.EN: "{} report[s] of any kind from {} in the last {} days",
        Language.FR: "{} signalement[s] de toute nature dans la région ({}) "
        "au cours des {} derniers jours",
    }
    words = {}
    for language, template in templates.items():
        text = numbered(template, is_plural(reports, language))
        text = text.format(number(reports, language), region, number(days, language))
        words[language] = {"coverage_says": text + (f"; {reason[language]}" if reason else "")}
    return in_languages(words)
