"""Several countries in one registry: none sees the calendar of another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from features.context import Context
from features.days import day_number
from features.horizon import Horizon, TargetClass
from features.panel import build_panel
from features.tables import Tables
from features.vocabulary import POLITICAL_VIOLENCE

DAYS = np.arange(day_number("2016-06-20"), day_number("2018-02-20"), 30)
CALENDAR = (
    *("days_to_polling", "days_since_polling", "polling_in_window", "next_round_number"),
    *("campaign_days_in_window", "earlier_elections_count", "previous_election_count"),
)


def panel(tables: Tables) -> np.ndarray:
    target = TargetClass("any", POLITICAL_VIOLENCE)
    return build_panel(Context(tables, DAYS, target, Horizon(0, 42)), CALENDAR).values


def two_countries(tables: Tables) -> tuple[Tables, np.ndarray]:
    """The second region becomes a country of its own, without an election."""
    abroad = (tables.units["region_id"] == "XT02").to_numpy()
    return replace(tables, units=tables.units.assign(iso3=np.where(abroad, "XTT", "XTS"))), abroad


def test_a_unit_never_sees_the_election_of_another_country(tables: Tables) -> None:
    split, abroad = two_countries(tables)
    alone, parted = panel(tables), panel(split)
    assert abroad.any()
    np.testing.assert_array_equal(parted[:, :, ~abroad], alone[:, :, ~abroad])
    assert (parted[:2, :, abroad] == 730).all()
    assert (parted[2:, :, abroad] == 0).all()
    # The same units did see them while they lay in the country that votes.
    assert (alone[2:, :, abroad] > 0).any()


def test_a_new_election_abroad_changes_nothing_at_home(tables: Tables) -> None:
    split, abroad = two_countries(tables)
    other = tables.elections.assign(
        election_id=tables.elections["election_id"] + "-T",
        iso3="XTT",
        polling_date=tables.elections["polling_date"] + pd.Timedelta(days=20),
    )
    both = replace(split, elections=pd.concat([split.elections, other], ignore_index=True))
    before, after = panel(split), panel(both)
    np.testing.assert_array_equal(after[:, :, ~abroad], before[:, :, ~abroad])
    assert (after[:, :, abroad] != before[:, :, abroad]).any()


def test_incidents_of_a_country_are_counted_in_it_alone(tables: Tables) -> None:
    split, abroad = two_countries(tables)
    target = TargetClass("any", POLITICAL_VIOLENCE)
    names = ("country_count_365d", "target_count_365d")
    whole, own = build_panel(Context(split, DAYS, target, Horizon(0, 42)), names).values
    np.testing.assert_allclose(
        whole[:, abroad], own[:, abroad].sum(axis=1, keepdims=True) + 0 * own[:, abroad]
    )
    assert whole[-1, abroad][0] != whole[-1, ~abroad][0]


def test_means_units_and_areas_are_those_of_the_own_country(tables: Tables) -> None:
    names = ("country_mean_decay_1095d", "country_units_count", "country_median_area_ratio")
    split, abroad = two_countries(tables)
    target = TargetClass("any", POLITICAL_VIOLENCE)
    mean, units, ratio = build_panel(Context(split, DAYS, target, Horizon(0, 42)), names).values
    assert (units[:, abroad] == abroad.sum()).all()
    assert (units[:, ~abroad] == (~abroad).sum()).all()
    assert np.ptp(mean[-1, abroad]) < 1e-6
    assert abs(mean[-1, abroad][0] - mean[-1, ~abroad][0]) > 1e-3
    assert np.median(ratio[0, abroad]) == pytest.approx(1, rel=0.3)
    unknown = replace(split, units=split.units.assign(area_km2=np.nan))
    *_, nothing = build_panel(Context(unknown, DAYS, target, Horizon(0, 42)), names).values
    assert np.isnan(nothing).all()
