"""Pictures of lessons, as data addresses that stand in the page itself."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter

from features.vocabulary import Band, Language
from pipelines.backtest.pictures import (
    BASELINE,
    INK,
    MISS,
    QUIET,
    REFERENCE,
    SHIPPED,
    STYLE,
    map_of,
    new_axes,
    png,
    svg,
)
from pipelines.backtest.pictures import FALSE_ALARM as WARNED
from pipelines.lessons_page.words import word

BANDS = {
    Band.ABSTAINED: "#d3d7db",
    Band.LOW: "#faefd6",
    Band.ELEVATED: "#f6b763",
    Band.HIGH: "#d9601a",
    Band.VERY_HIGH: "#7a1c10",
}
OUTCOMES = {
    "unscored": "#d3d7db",
    "quiet": QUIET,
    "false_alarm": WARNED,
    "hit": SHIPPED,
    "miss": MISS,
}
POSTS = {"not_posted": QUIET, "told": "#cfe3ec", "posted": "#8fc1d6"}
DOTS = {"key_dot_unposted": MISS, "key_dot": INK}
_DOT = 9.0


def band_map(units: pd.DataFrame, polygons: pd.DataFrame, bands: pd.Series[str]) -> str:
    """Units by the band that the bulletin gave them."""
    colours = {str(band): colour for band, colour in BANDS.items()}
    return png(map_of(units, polygons, np.asarray(bands), colours)[0])


def outcome_map(units: pd.DataFrame, polygons: pd.DataFrame, outcomes: pd.Series[str]) -> str:
    """Units by what came of the warning, or of its absence."""
    kinds = outcomes.where(~outcomes.str.startswith("unscored"), "unscored")
    return png(map_of(units, polygons, np.asarray(kinds), OUTCOMES)[0])


def posts_map(
    units: pd.DataFrame, polygons: pd.DataFrame, mediators: pd.Series[float], spots: pd.DataFrame
) -> str:
    """Where mediators were, with a dot for each unit with an incident, by their number.

    Args:
        units: the registry.
        polygons: its outlines.
        mediators: per unit, in the order of `units`; missing where only the region was told.
        spots: `unit_id`, `incidents`, `electoral` and `posted` of units with an incident.
    """
    kinds = np.select([mediators.isna(), mediators > 0], ["told", "posted"], "not_posted")
    figure, axes = map_of(units, polygons, np.asarray(kinds), POSTS)
    at = spots.merge(units[["unit_id", "lon", "lat"]], on="unit_id")
    size = _DOT * at[["incidents", "electoral"]].max(axis=1).to_numpy(dtype=float)
    bare = (at["posted"] == "no").to_numpy()
    for where, colour in ((~bare, DOTS["key_dot"]), (bare, DOTS["key_dot_unposted"])):
        axes.scatter(
            at["lon"][where],
            at["lat"][where],
            s=size[where],
            color=colour,
            alpha=0.85,
            linewidth=0.4,
            edgecolor="white",
            zorder=3,
        )
    return png(figure)


def reliability_picture(table: list[dict[str, Any]], language: Language) -> str:
    """Forecast against the share with an incident, with intervals."""
    rows = pd.DataFrame(table)
    with mpl.rc_context(STYLE):
        figure, axes = new_axes(5.4, 3.8)
        top = min(1.0, float(rows[["forecast", "observed", "high"]].max().max()) * 1.08)
        axes.plot([0, top], [0, top], color=REFERENCE, linewidth=1)
        axes.vlines(rows["forecast"], rows["low"], rows["high"], color=SHIPPED, alpha=0.5)
        axes.plot(rows["forecast"], rows["observed"], "o", color=SHIPPED, markersize=5)
        axes.set(xlim=(0, top), ylim=(0, top))
        _in_percent(axes, language, "axis_forecast", "axis_observed")
        axes.xaxis.set_major_formatter(_percents(language))
    return svg(figure)


def curve_picture(
    curve: list[dict[str, Any]], sent: dict[str, Any], mediators: int, language: Language
) -> str:
    """Share of incidents covered by the number of mediators, and what was deployed."""
    rows = pd.DataFrame(curve)
    with mpl.rc_context(STYLE):
        figure, axes = new_axes(5.4, 3.8)
        looks = {"hindsight": (BASELINE, "--"), "bulletin": (SHIPPED, "-")}
        for plan, (colour, line) in looks.items():
            axes.plot(
                rows["mediators"],
                rows[plan],
                line,
                color=colour,
                linewidth=1.8,
                label=word(f"plan_{plan}", language),
            )
        if sent["value"] is not None:
            axes.vlines(mediators, sent["low"], sent["high"], color=MISS, linewidth=3, alpha=0.6)
            axes.plot(mediators, sent["value"], "o", color=MISS, label=word("plan_sent", language))
        axes.set(ylim=(0, 1.03), xlim=(0, float(rows["mediators"].max())))
        _in_percent(axes, language, "axis_mediators", "axis_covered")
        axes.legend(frameon=False, loc="lower right")
    return svg(figure)


def _percents(language: Language) -> FuncFormatter:
    """12.5% or 12,5 %, with no more decimals than the steps of the axis have."""
    if language is Language.FR:
        return FuncFormatter(lambda share, _: f"{100 * share:.4g}\u202f%".replace(".", ","))
    return FuncFormatter(lambda share, _: f"{100 * share:.4g}%")


def _in_percent(axes: Any, language: Language, x: str, y: str) -> None:
    axes.set(xlabel=word(x, language), ylabel=word(y, language))
    axes.yaxis.set_major_formatter(_percents(language))
