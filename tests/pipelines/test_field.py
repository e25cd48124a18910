"""Simulated reports, and nowcasts held against bulletins where the truth is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipelines.synthetic.country import Country, simulate
from pipelines.synthetic.field import FieldRates, happened, make_posts, make_reports
from pipelines.synthetic.trial import Setting, rows, summary
from response.contracts import current

SEED = 3


@pytest.fixture(scope="module")
def country() -> Country:
    return simulate(seed=SEED, units=40, years=3)


def test_reports_come_late_twice_edited_and_verified(country: Country) -> None:
    held = country.rounds[-1]
    rng = np.random.default_rng(SEED)
    posts = make_posts(rng, country, np.full(40, 0.2), 40)
    told = make_reports(rng, country, held, posts)
    assert (told["known_at"] >= told["seen_at"]).all()
    assert ((told["known_at"] - told["seen_at"]) > pd.Timedelta(days=2)).any()
    assert set(told["unit_id"]) <= set(posts["unit_id"])
    assert {"refuted", "confirmed", "corroborated"} <= set(told["verification"])
    assert told["withdrawn"].any()
    rising = told.sort_values(["report_id", "version"]).groupby("report_id")["known_at"]
    assert rising.apply(lambda moments: moments.is_monotonic_increasing).all()
    same = current(told, told["known_at"].max()).groupby(["reporter", "seen_at", "kind"]).size()
    assert (same > 1).any(), "some things are told twice by one person"
    again = make_reports(np.random.default_rng(9), country, held, posts)
    once = make_reports(np.random.default_rng(9), country, held, posts)
    pd.testing.assert_frame_equal(again, once)


def test_true_signs_come_before_incidents_and_false_ones_anywhere(country: Country) -> None:
    held = country.rounds[-1]
    everywhere = pd.DataFrame({"unit_id": country.land.unit_ids, "mediators": 2})
    clear = FieldRates(silent=0.0, noticed=1.0).scaled(before=10.0, false=0.0)
    told = make_reports(np.random.default_rng(1), country, held, everywhere, clear)
    signs = told.loc[told["kind"] == "warning_sign"]
    was = happened(country, held)
    assert set(signs["unit_id"]) <= set(was["unit_id"])
    days = was.groupby("unit_id")["event_date"].max().dt.tz_localize("UTC")
    last = signs["unit_id"].map(days)
    assert (signs["seen_at"] < last + pd.Timedelta(days=1)).all()
    none = FieldRates().scaled(before=0.0)
    empty = make_reports(np.random.default_rng(1), country, held, everywhere, none)
    assert set(empty.loc[empty["kind"] == "warning_sign", "unit_id"]) - set(was["unit_id"])


@pytest.fixture(scope="module")
def tried() -> pd.DataFrame:
    """Two countries on the eve of polling; the whole measurement is in docs/results.md."""
    setting = Setting(units=40, years=3, mediators=30, moments=(26.5,))
    return pd.concat([rows(seed, "as declared", "sharp", setting) for seed in (1, 2)])


def test_nowcasts_beat_the_true_probability_of_the_eve(tried: pd.DataFrame) -> None:
    told = summary(tried).set_index(["question", "forecast", "measure"])
    for forecast in ("declared", "learned"):
        assert told.loc[("window", forecast, "brier"), "gain"] < 0
        assert told.loc[("window", forecast, "average_precision"), "gain"] > 0
        assert told.loc[("ahead", forecast, "average_precision"), "gain"] > 0
        assert abs(told.loc[("window", forecast, "mean_gap"), "value"]) < 0.04


def test_units_that_nobody_watches_keep_their_place(tried: pd.DataFrame) -> None:
    apart = (tried["declared"] - tried["bulletin"]).abs()
    assert apart[tried["watched"]].mean() > 10 * apart[~tried["watched"]].mean()
