"""What happened in the window: which incidents count, where, and whether all are in."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest
from kit.lessons_round import ABOUT, AS_OF, evidence, incidents

from response.lessons_evidence import known_by
from response.lessons_outcomes import by_region, per_unit, settled, totals


def test_incidents_of_the_target_in_the_window_count_both_ends_included() -> None:
    found = per_unit(known_by(evidence(), AS_OF))
    assert found["incidents"].to_dict() == {"A1": 3, "A2": 1, "A3": 0, "B1": 2, "B2": 0, "C1": 0}
    assert found["electoral"].to_dict() == {"A1": 1, "A2": 1, "A3": 0, "B1": 1, "B2": 1, "C1": 0}
    assert found["deaths"].to_dict() == {"A1": 7, "A2": 1, "A3": 0, "B1": 0, "B2": 0, "C1": 0}
    assert found.loc["B1", "first_day"] == pd.Timestamp("2018-07-28")
    assert pd.isna(found.loc["C1", "first_day"])


def test_an_incident_known_later_counts_once_it_is_known() -> None:
    later = per_unit(known_by(evidence(), date(2019, 2, 1)))
    assert later.loc["C1", ["incidents", "deaths"]].tolist() == [1, 3]


def test_regions_are_sums_of_their_units_the_hardest_hit_first() -> None:
    known = known_by(evidence(), AS_OF)
    table = by_region(known, per_unit(known)).set_index("region")
    assert list(table.index) == ["Alpha", "Bravo", "Charlie"]
    assert table["incidents"].tolist() == [4, 2, 0]
    assert table["electoral"].tolist() == [2, 2, 0]
    assert table["units_with_incidents"].tolist() == [2, 1, 0]
    assert table["incidents_share"].tolist() == pytest.approx([4 / 6, 2 / 6, 0])
    assert table["expected_incidents"].tolist() == pytest.approx([1.65, 0.27, 0])
    assert table["no_score"].tolist() == [0, 0, 1]


def test_totals_hold_the_window_against_as_many_days_before() -> None:
    more = incidents(
        ("A1", "2018-07-03", "battle", False, 1),
        ("A1", "2018-07-01", "battle", False, 0),  # the last day before
        ("A1", "2018-05-21", "battle", False, 0),  # the first of 42 before
        ("A1", "2018-05-20", "battle", False, 0),  # a day too early
        ("A2", "2017-07-03", "battle", False, 0),  # 364 days before
    )
    known = known_by(evidence(incidents=more), AS_OF)
    found = totals(known, per_unit(known))
    assert (found["incidents"], found["deaths"], found["window_days"]) == (1, 1, 42)
    assert (found["incidents_window_before"], found["incidents_year_before"]) == (2, 1)


@pytest.mark.parametrize(
    ("as_of", "until", "why"),
    [
        (date(2018, 8, 11), date(2018, 10, 1), "window_open"),
        (date(2018, 8, 12), date(2018, 10, 1), "reports_due"),
        (date(2018, 8, 25), date(2018, 10, 1), "reports_due"),
        (date(2018, 8, 26), date(2018, 8, 25), "data_end_sooner"),
        (date(2018, 8, 26), None, "data_end_sooner"),
        (date(2018, 8, 26), date(2018, 8, 26), "settled"),
    ],
)
def test_a_window_is_settled_once_its_last_reports_can_be_in(
    as_of: date, until: date | None, why: str
) -> None:
    found = settled(replace(ABOUT, data_until=until), as_of)
    assert found == {"is_settled": why == "settled", "from_day": "2018-08-26", "why": why}
