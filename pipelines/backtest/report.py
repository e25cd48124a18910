"""The report of a backtest: one HTML file that needs nothing beside it."""

from __future__ import annotations

from typing import Any

import jinja2
import numpy as np
import pandas as pd

from models.baselines import BASELINES
from models.resampling import LEVEL
from pipelines.backtest import pictures
from pipelines.backtest.headlines import FIGURES, RATIO_EACH, RATIO_MEAN
from pipelines.backtest.job import Backtest
from pipelines.backtest.pictures import words
from pipelines.backtest.rolling import SHIPPED
from pipelines.backtest.tables import Tables

MAIN = (
    "average_precision",
    RATIO_EACH,
    RATIO_MEAN,
    "auc",
    "brier_skill",
    "calibration_error",
    "crps_skill",
    "onset_auc",
)
"""Figures of the first table."""


def html(found: Backtest) -> str:
    """The page: the same backtest gives the same bytes."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pipelines.backtest"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"words": words, "three": three, "percent": percent}
    tables = found.tables
    return environment.get_template("report.html").render(
        found=found,
        about=found.about,
        level=f"{LEVEL:.0%}",
        verdict=verdict(found),
        main=[f for f in FIGURES if f.name in MAIN],
        models=_ranked(tables),
        cell=_cells(tables.headlines),
        figures=FIGURES,
        at_k=_at_k(found),
        leads=_leads(found),
        kinds=_kinds(found),
        law=tables.law.to_dict("records"),
        origins=_shown_by_origin(found),
        regions=_regions(found),
        reliability=tables.reliability.loc[tables.reliability["model"] == SHIPPED].to_dict(
            "records"
        ),
        coverage=tables.coverage.to_dict("records"),
        pictures=_pictures(found),
        maps=_maps(found),
        outcomes=pictures.OUTCOMES,
        shipped=SHIPPED,
    )


def three(value: float) -> str:
    """Three decimals, or a dash."""
    return f"{value:.3f}" if np.isfinite(value) else "–"


def percent(value: float) -> str:
    """Per cent without decimals, or a dash."""
    return f"{value:.0%}" if np.isfinite(value) else "–"


def _cells(table: pd.DataFrame) -> dict[tuple[str, str], dict[str, Any]]:
    return {(str(r["model"]), str(r["figure"])): dict(r) for r in _rows(table)}


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]


def _ranked(tables: Tables) -> list[str]:
    """What was shipped and the candidates, then the baselines, each by average precision."""
    table = tables.headlines
    ap = table.loc[table["figure"] == "average_precision"].set_index("model")["value"]
    ranked = list(ap.sort_values(ascending=False, kind="stable").index)
    ours = [m for m in ranked if m not in (SHIPPED, *BASELINES)]
    return [SHIPPED, *ours, *(m for m in ranked if m in BASELINES)]


def verdict(found: Backtest) -> dict[str, Any]:
    """What a reader should take away, in sentences; the law first."""
    cell = _cells(found.tables.headlines)
    each, mean = cell[SHIPPED, RATIO_EACH], cell[SHIPPED, RATIO_MEAN]
    law = found.tables.law.dropna(subset=["ratio"])
    below = int((law["ratio"] < 1).sum())
    if not np.isfinite(mean["value"]):
        word = "cannot be judged: no origin has an incident"
    elif mean["value"] < 1:
        word = "is broken"
    elif not np.isfinite(mean["low"]):
        word = "is kept on average, over too few blocks of time to rule out chance"
    elif mean["low"] < 1:
        word = "is kept on average, within what chance could do"
    else:
        word = "is kept"
    return {
        "law": word,
        "each": each,
        "mean": mean,
        "below": below,
        "origins": len(law),
        "positives": int(law["positives"].sum()),
        "baseline": found.tables.best_baseline,
    }


def _at_k(found: Backtest) -> list[dict[str, Any]]:
    """One row per k: what it means, and precision and recall, shipped beside the baseline."""
    cell = _cells(found.tables.headlines)
    return [
        {
            "k": k,
            "says": says,
            "cells": [
                cell[model, f"{figure}_at_{k}"]
                for figure in ("precision", "recall")
                for model in (SHIPPED, found.tables.best_baseline)
            ],
        }
        for k, says in found.meanings.items()
    ]


def _leads(found: Backtest) -> list[dict[str, Any]]:
    table = found.tables.by_lead
    if table.empty or table["lead_weeks"].nunique() < 2:
        return []
    return [
        {"weeks": weeks, "cell": _cells(table.loc[table["lead_weeks"] == weeks])}
        for weeks in sorted(table["lead_weeks"].unique())
    ]


def _kinds(found: Backtest) -> list[dict[str, Any]]:
    table = found.tables.by_kind
    count = found.tables.law.groupby("kind")["origin"].count()
    says = {"round": "{} windows of rounds", "regular": "{} regular windows"}
    return [
        {"says": says[str(kind)].format(count[kind]), "cell": _cells(part)}
        for kind, part in table.groupby("kind", sort=False)
    ]


def _shown_by_origin(found: Backtest) -> dict[str, str]:
    """What was shipped at each origin; several names where seeds differ."""
    near = found.rolled.origins
    near = near.loc[near["lead_weeks"] == near["lead_weeks"].min()]
    names = near.groupby("origin")["shipped"].agg(lambda s: ", ".join(dict.fromkeys(map(words, s))))
    return {str(k): str(v) for k, v in names.items()}


def _regions(found: Backtest) -> list[dict[str, Any]]:
    """One row per region: what was shipped beside the best baseline."""
    table = found.tables.by_region
    ours = table.loc[table["model"] == SHIPPED].set_index("region")
    theirs = table.loc[table["model"] == found.tables.best_baseline].set_index("region")
    joined = ours.join(theirs.add_suffix("_baseline")).sort_values("positives", ascending=False)
    return _rows(joined.reset_index())


def _pictures(found: Backtest) -> dict[str, str]:
    tables = found.tables
    drawn = {
        "reliability": pictures.reliability_picture(tables),
        "time": pictures.time_picture(tables),
    }
    if not tables.curves.empty:
        drawn["precision_recall"] = pictures.precision_recall_picture(tables)
        drawn["lift"] = pictures.lift_picture(tables, found.meanings)
    if _leads(found):
        drawn["lead"] = pictures.lead_picture(tables, "average_precision", "average precision")
    return drawn


def _maps(found: Backtest) -> list[dict[str, Any]]:
    """One map per round at the shortest lead, for the smallest number of units reached."""
    said, k = found.rolled.forecasts, found.top[0]
    near = said["lead_weeks"].min()
    said = said.loc[
        (said["kind"] == "round")
        & (said["lead_weeks"] == near)
        & (said["model"] == SHIPPED)
        & (said["seed"] == said["seed"].min())
    ]
    made = []
    for name, part in said.groupby("origin", sort=False):
        outcome = pictures.outcome_of(
            part["probability"].to_numpy(), (part["incidents"] > 0).to_numpy(), k
        )
        made.append(
            {
                "name": name,
                "picture": pictures.map_picture(
                    found.units.iloc[part["unit"].to_numpy()], found.polygons, outcome
                ),
                "counts": {kind: int((outcome == kind).sum()) for kind in pictures.OUTCOMES},
            }
        )
    return made
