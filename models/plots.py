"""Pictures of held-out forecasts, for MLflow and the reports."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from sklearn.metrics import precision_recall_curve

from models.development import HeldOut, judged
from models.metrics import reliability

FRAME = {"left": 0.14, "right": 0.96, "bottom": 0.11, "top": 0.93}
"""Edges of the axes as shares of the picture: finding them by drawing it takes as long again."""

MODEL, REFERENCE = "#0b6e99", "#9aa5b1"


def reliability_plot(held_out: HeldOut, title: str) -> Figure:
    """Forecast against observed frequency, in ten bins of equal numbers of rows."""
    rows = judged(held_out)
    table = reliability(rows.y, rows.probability)
    figure = Figure(figsize=(5, 5))
    axes = figure.subplots(gridspec_kw=FRAME)
    top = max(0.05, float(table[["forecast", "observed"]].to_numpy().max()) * 1.1)
    axes.plot([0, top], [0, top], color=REFERENCE, linewidth=1, label="perfect")
    axes.plot(table["forecast"], table["observed"], "o-", color=MODEL, label="held-out years")
    axes.set(xlabel="forecast probability", ylabel="share that happened", title=title)
    axes.set(xlim=(0, top), ylim=(0, top))
    axes.legend(frameon=False)
    return figure


def precision_recall_plot(held_out: dict[str, HeldOut], names: list[str], title: str) -> Figure:
    """Precision against recall of several models, over all held-out days together."""
    figure = Figure(figsize=(6, 5))
    axes = figure.subplots(gridspec_kw=FRAME)
    for name in names:
        rows = judged(held_out[name])
        precision, recall, _ = precision_recall_curve(rows.y, rows.probability)
        axes.plot(recall, precision, linewidth=1.4, label=name.replace("_", " "))
    share = float(np.mean(judged(held_out[names[0]]).y))
    axes.axhline(share, color=REFERENCE, linewidth=1, label="base rate")
    axes.set(xlabel="recall", ylabel="precision", title=title, xlim=(0, 1), ylim=(0, 1))
    axes.legend(frameon=False)
    return figure
