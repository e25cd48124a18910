"""Forecasts held against what happened, once the window is over and reported."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.context import Context
from features.days import day_number, day_numbers
from features.kernels import Floats
from features.labels import window_counts
from features.tables import Tables
from models.forecaster import Forecaster
from models.metrics import scores
from pipelines.question import Question

TOP = (20, 50, 100)
"""Numbers of units whose precision is printed."""


def outcomes(tables: Tables, question: Question, settle_days: int) -> Floats | None:
    """Incidents of the target class per unit in the window, by all that is known today.

    Returns:
        Counts of the units asked about, in the order of the registry; None while the data end
        sooner than `settle_days` after the window: its last reports may not be in.
    """
    newest = day_numbers(tables.incidents["event_date"]).max(initial=0)
    if newest < day_number(question.window_end) + settle_days:
        return None
    context = Context(
        tables, np.array([day_number(question.as_of)]), question.target, question.horizon
    )
    forever = np.iinfo(np.int64).max
    counts: Floats = window_counts(context, forever)[0]
    return counts[question.voting(tables.units)]


def judge_forecasts(
    forecasters: dict[str, Forecaster], X: pd.DataFrame, counts: Floats
) -> pd.DataFrame:
    """Scores of several models on one `as_of` day, best average precision first.

    Args:
        forecasters: fitted models by name.
        X: features of the units asked about, on `as_of`.
        counts: incidents per unit in the window.
    """
    y = (counts > 0).astype(np.int64)
    rows = {
        name: scores(y, f.probability(X[list(f.columns)]), f.base_rate, TOP)
        for name, f in forecasters.items()
    }
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table.sort_values("average_precision", ascending=False, kind="stable")
