"""Pictures of a backtest, as data addresses that stand in the page itself."""

from __future__ import annotations

import base64
import io
from itertools import cycle
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import shapely
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from pipelines.backtest.tables import Tables

INK, SHIPPED, REFERENCE = "#1f2933", "#0b6e99", "#8793a0"
COLOURS = (SHIPPED, "#d1662a", "#6b4c9a", "#2e7d4f", "#a03050")
BASELINE = "#5c6670"
QUIET, FALSE_ALARM, MISS = "#eceff2", "#f3cf73", "#c0332b"
OUTCOMES = {
    "hit": ("incident, and among those reached", SHIPPED),
    "miss": ("incident, not among those reached", MISS),
    "false_alarm": ("reached, and no incident", FALSE_ALARM),
    "quiet": ("not reached, and no incident", QUIET),
}
STYLE: Any = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": REFERENCE,
    "axes.labelcolor": INK,
    # The same picture must be the same bytes each time.
    "svg.hashsalt": "vigie",
}


def words(model: str) -> str:
    """A model's name as it is read."""
    return model.replace("_", " ")


def new_axes(width: float = 6.0, height: float = 4.2) -> tuple[Figure, Axes]:
    """A figure of one picture, in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def svg(figure: Figure) -> str:
    """A figure as the address of an SVG picture."""
    file = io.BytesIO()
    with mpl.rc_context(STYLE):
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return "data:image/svg+xml;base64," + base64.b64encode(file.getvalue()).decode()


def png(figure: Figure) -> str:
    """A figure as the address of a PNG picture."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110, metadata={"Software": None})
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _lines(tables: Tables) -> dict[str, dict[str, Any]]:
    """How each shown model is drawn; the baseline is dashed."""
    candidates = [m for m in tables.shown if m != tables.best_baseline]
    looks: dict[str, dict[str, Any]] = {
        m: {"color": c, "linestyle": "-", "label": words(m)}
        for m, c in zip(candidates, cycle(COLOURS), strict=False)
    }
    looks[tables.best_baseline] = {
        "color": BASELINE,
        "linestyle": "--",
        "label": f"{words(tables.best_baseline)} (best baseline)",
    }
    return looks


def reliability_picture(tables: Tables) -> str:
    """Forecast against the share that happened; bars are intervals for what was shipped."""
    with mpl.rc_context(STYLE):
        figure, axes = new_axes()
        table = tables.reliability
        top = float(table[["forecast", "observed", "high"]].max().max()) * 1.08
        axes.plot([0, top], [0, top], color=REFERENCE, linewidth=1)
        for model, look in reversed(_lines(tables).items()):
            part = table.loc[table["model"] == model]
            axes.plot(part["forecast"], part["observed"], marker="o", markersize=4, **look)
            if model == "shipped":
                axes.vlines(part["forecast"], part["low"], part["high"], color=SHIPPED, alpha=0.5)
        axes.set(xlabel="forecast probability", ylabel="share that happened")
        axes.set(xlim=(0, top), ylim=(0, top))
        axes.legend(frameon=False)
    return svg(figure)


def precision_recall_picture(tables: Tables) -> str:
    """Precision against recall as more units are visited, mean over origins."""
    with mpl.rc_context(STYLE):
        figure, axes = new_axes()
        for model, look in reversed(_lines(tables).items()):
            part = tables.curves.loc[tables.curves["model"] == model]
            axes.plot(part["recall"], part["precision"], linewidth=1.6, **look)
        base = tables.curves.loc[tables.curves["k"] == tables.curves["k"].max(), "precision"]
        axes.axhline(float(base.iloc[0]), color=REFERENCE, linewidth=1)
        axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1))
        axes.legend(frameon=False)
    return svg(figure)


def lift_picture(tables: Tables, meanings: dict[int, str]) -> str:
    """Share of units with an incident that are found, by the share of units visited."""
    with mpl.rc_context(STYLE):
        figure, axes = new_axes()
        axes.plot([0, 1], [0, 1], color=REFERENCE, linewidth=1)
        for model, look in reversed(_lines(tables).items()):
            part = tables.curves.loc[tables.curves["model"] == model]
            axes.plot(part["visited"], part["recall"], linewidth=1.6, **look)
        units = int(tables.curves["k"].max())
        labelled = -1.0
        for k in meanings:
            axes.axvline(k / units, color=REFERENCE, linewidth=0.8, linestyle=":")
            if k / units - labelled > 0.05:
                axes.annotate(f" {k}", (k / units, 0.02), color=INK, fontsize=9)
                labelled = k / units
        axes.set(xlabel="share of units visited", ylabel="share of incident units found")
        axes.set(xlim=(0, 1), ylim=(0, 1.01))
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.legend(frameon=False, loc="center right")
    return svg(figure)


def lead_picture(tables: Tables, figure_name: str, label: str) -> str:
    """One figure by lead, with intervals; the leads share their windows."""
    with mpl.rc_context(STYLE):
        figure, axes = new_axes(6.0, 3.4)
        table = tables.by_lead.loc[tables.by_lead["figure"] == figure_name]
        looks = _lines(tables)
        for number, (model, look) in enumerate(looks.items()):
            part = table.loc[table["model"] == model].sort_values("lead_weeks")
            at = part["lead_weeks"] + (number - len(looks) / 2) * 0.12
            axes.plot(at, part["value"], marker="o", markersize=4, **look)
            axes.vlines(at, part["low"], part["high"], color=look["color"], alpha=0.5)
        axes.set(xlabel="weeks between forecast and window", ylabel=label)
        axes.set_xticks(sorted(table["lead_weeks"].unique()))
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False, fontsize=8)
    return svg(figure)


def time_picture(tables: Tables) -> str:
    """Average precision at each origin: shipped against the best baseline of that origin."""
    with mpl.rc_context(STYLE):
        figure, axes = new_axes(9.0, 3.4)
        table = tables.law.dropna(subset=["ratio"])
        days = np.array(table["as_of"], dtype="datetime64[D]")
        axes.vlines(days, table["best_baseline"], table["shipped"], color=REFERENCE, linewidth=1.2)
        axes.plot(
            days,
            table["best_baseline"],
            "_",
            color=BASELINE,
            markersize=9,
            markeredgewidth=2,
            label="best baseline of each origin",
        )
        for kind, marker in (("regular", "o"), ("round", "D")):
            at = (table["kind"] == kind).to_numpy()
            if at.any():
                axes.plot(
                    days[at],
                    table["shipped"].to_numpy()[at],
                    marker,
                    color=SHIPPED,
                    markersize=5,
                    label=f"shipped, {kind}",
                )
        axes.set(ylabel="average precision", ylim=(0, 1))
        axes.legend(frameon=False, ncols=3, loc="upper left", fontsize=8)
    return svg(figure)


def outcome_of(probability: np.ndarray, happened: np.ndarray, k: int) -> np.ndarray:
    """`hit`, `miss`, `false_alarm` or `quiet` per unit, when the k highest are reached."""
    reached = np.zeros(len(probability), dtype=bool)
    reached[np.argsort(-probability, kind="stable")[:k]] = True
    return np.select(
        [reached & happened, ~reached & happened, reached & ~happened],
        ["hit", "miss", "false_alarm"],
        "quiet",
    )


def map_picture(units: pd.DataFrame, polygons: pd.DataFrame, outcome: np.ndarray) -> str:
    """Outlines of the units, by outcome.

    Args:
        units: the registry, in the order of `outcome`.
        polygons: outlines, under the `polygons` contract; units without one are left out.
        outcome: as of `outcome_of`.
    """
    order = ("quiet", "false_alarm", "hit", "miss")
    return png(map_of(units, polygons, outcome, {k: OUTCOMES[k][1] for k in order})[0])


def map_of(
    units: pd.DataFrame, polygons: pd.DataFrame, kinds: np.ndarray, colours: dict[str, str]
) -> tuple[Figure, Axes]:
    """Outlines of the units in the colour of their kind, the last kind drawn on top.

    Args:
        units: the registry, in the order of `kinds`.
        polygons: outlines, under the `polygons` contract; units without one are left out.
        kinds: a key of `colours` for each unit.
        colours: kind -> colour.
    """
    shapes = dict(zip(polygons["unit_id"], shapely.from_wkb(polygons["geometry_wkb"]), strict=True))
    figure, axes = new_axes(5.0, 5.0)
    for kind, colour in colours.items():
        rings = [
            shapely.get_coordinates(part.exterior)
            for unit, found in zip(units["unit_id"], kinds, strict=True)
            if found == kind and unit in shapes
            for part in shapely.get_parts(shapes[unit])
        ]
        axes.add_collection(
            PolyCollection(rings, facecolor=colour, edgecolor="white", linewidth=0.25)
        )
    axes.autoscale_view()
    axes.set_aspect(1 / np.cos(np.radians(float(units["lat"].mean()))))
    axes.axis("off")
    return figure, axes
