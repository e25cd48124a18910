"""Labels: what happened in each window, as far as it was known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.context import Context
from features.coverage import coverage
from features.days import day_number, timestamps
from features.horizon import Horizon, TargetClass
from features.labels import end_counts, settled, window_counts
from features.tables import Tables, known
from features.vocabulary import POLITICAL_VIOLENCE, EventType, Language

TARGET = TargetClass("any", POLITICAL_VIOLENCE)
DAYS = np.arange(day_number("2016-03-01"), day_number("2017-12-01"), 21)
FOREVER = np.iinfo(np.int64).max


@pytest.mark.parametrize("horizon", [Horizon(0, 42), Horizon(28, 7)])
def test_counts_equal_a_naive_loop(tables: Tables, horizon: Horizon) -> None:
    counts = window_counts(Context(tables, DAYS, TARGET, horizon), FOREVER)
    violent = tables.incidents.loc[
        tables.incidents["event_type"].isin([str(t) for t in POLITICAL_VIOLENCE])
    ]
    for d, stamp in enumerate(timestamps(DAYS)):
        first = stamp + pd.Timedelta(days=horizon.lead_days + 1)
        last = stamp + pd.Timedelta(days=horizon.lead_days + horizon.length_days)
        for u, unit in enumerate(tables.units["unit_id"]):
            inside = violent["event_date"].between(first, last) & (violent["unit_id"] == unit)
            assert counts[d, u] == inside.sum()
    assert counts.sum() > 50


def test_target_class_narrows_by_type_deaths_and_flag(tables: Tables) -> None:
    lethal = TargetClass("lethal", POLITICAL_VIOLENCE, min_fatalities=1)
    electoral = TargetClass("electoral", tuple(EventType), electoral_only=True)
    incidents = tables.incidents
    assert (
        lethal.mask(incidents).sum()
        == (TARGET.mask(incidents) & (incidents["fatalities"] >= 1)).sum()
    )
    assert electoral.mask(incidents).sum() == incidents["electoral"].sum()
    assert "1 or more deaths" in lethal.says


def test_labels_keep_the_as_of_law(tables: Tables) -> None:
    as_of = pd.Timestamp("2017-06-01")
    horizon, by = Horizon(0, 42), day_number(as_of)
    usable = settled(DAYS, horizon, 40, by)
    whole = window_counts(Context(tables, DAYS, TARGET, horizon), by)[usable]
    seen = window_counts(Context(known(tables, as_of), DAYS, TARGET, horizon), by)[usable]
    assert whole.tobytes() == seen.tobytes()
    assert 0 < usable.sum() < len(DAYS)


def test_labels_of_settled_days_never_change(tables: Tables) -> None:
    """What comes in later than the declared lag moves no label of a past fold."""
    horizon, settle = Horizon(0, 42), 10
    late = (tables.incidents["known_on"] - tables.incidents["event_date"]).dt.days > settle
    assert late.sum() > 100
    then, now = day_number("2017-03-01"), day_number("2018-06-01")
    context = Context(tables, DAYS, TARGET, horizon)
    usable = settled(DAYS, horizon, settle, then)
    at_first = window_counts(context, then, settle)[usable]
    assert at_first.tobytes() == window_counts(context, now, settle)[usable].tobytes()
    assert at_first.tobytes() != window_counts(context, now)[usable].tobytes()


def test_settled_labels_equal_a_naive_loop(tables: Tables) -> None:
    horizon, settle = Horizon(7, 30), 5
    counts = window_counts(Context(tables, DAYS, TARGET, horizon), FOREVER, settle)
    violent = tables.incidents.loc[TARGET.mask(tables.incidents)]
    for d, stamp in enumerate(timestamps(DAYS)):
        first, last = stamp + pd.Timedelta(days=8), stamp + pd.Timedelta(days=37)
        inside = violent.loc[
            violent["event_date"].between(first, last)
            & (violent["known_on"] <= last + pd.Timedelta(days=settle))
        ]
        assert counts[d].sum() == len(inside)


def test_settled_days_leave_time_for_late_reports() -> None:
    days = np.array([0, 10, 20])
    np.testing.assert_array_equal(settled(days, Horizon(0, 42), 14, 66), [True, True, False])


def test_horizon_refuses_a_window_that_has_begun() -> None:
    with pytest.raises(ValueError, match="lead_days"):
        Horizon(-1, 42)


def test_coverage_levels(tables: Tables) -> None:
    quiet = tables.incidents.loc[tables.incidents["unit_id"].str.startswith("XT02")]
    context = Context(
        known(Tables.of(units=tables.units, incidents=quiet), pd.Timestamp("2017-06-01")),
        np.array([day_number("2017-06-01")]),
        TARGET,
        Horizon(0, 42),
    )
    table = coverage(
        context,
        days=365,
        good_reports=12,
        min_reports=1,
        coarse_areas={"XT0206": dict.fromkeys(Language, "one point")},
    ).set_index("unit_id")
    levels = table["coverage"].groupby(table.index.str[:6]).unique().map(list)
    assert levels["XT0101"] == ["none"]
    assert levels["XT0205"] == ["good"]
    assert levels["XT0206"] == ["coarse"]
    assert "0 reports" in table.loc["XT010100", "coverage_says"]
    assert "one point" in table.loc["XT020623", "coverage_says"]


def test_ends_of_windows_are_windows_of_their_own(tables: Tables) -> None:
    ends = end_counts(Context(tables, DAYS, TARGET, Horizon(7, 42)), FOREVER, 40)
    for end, horizon in enumerate([Horizon(7, 10), Horizon(39, 10)]):
        alone = window_counts(Context(tables, DAYS, TARGET, horizon), FOREVER, 40)
        assert ends[:, :, end].tobytes() == alone.tobytes()
    assert ends.any()
