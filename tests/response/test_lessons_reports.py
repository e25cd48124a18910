"""Field reports of a round: volume, timeliness, verification, and what followed a sign."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pytest
from kit.lessons_round import AS_OF, evidence, reports

from response.lessons_evidence import Limits, known_by
from response.lessons_reports import quantiles, reports_section

HISTORY = reports(
    # A1: threats on the 18th, two days before an incident; corrected, then confirmed.
    {},
    {"version": 2, "known_at": "2018-07-21T10:00Z", "severity": 3, "verification": "confirmed"},
    # A1: the same sign on the day of an incident: neither before nor after.
    {"report_id": "R2", "seen_at": "2018-08-12T07:00Z", "sent_at": "2018-08-12T08:00Z",
     "known_at": "2018-08-12T09:00Z", "reporter": "a2"},
    # A2: nothing seen the day before.
    {"report_id": "R3", "unit_id": "A2", "kind": "nothing_seen", "sign": None, "severity": 0,
     "seen_at": "2018-07-28T12:00Z", "sent_at": "2018-07-28T12:00Z",
     "known_at": "2018-07-28T12:00Z", "intake": "api"},
    # B1: a rumour a week before to the day, refuted.
    {"report_id": "R4", "unit_id": "B1", "sign": "fraud_rumour",
     "seen_at": "2018-07-21T12:00Z", "sent_at": "2018-07-23T12:00Z",
     "known_at": "2018-07-23T12:00Z", "verification": "refuted"},
    # A3: armed presence, and nothing came of it.
    {"report_id": "R5", "unit_id": "A3", "sign": "armed_presence",
     "seen_at": "2018-07-25T12:00Z", "sent_at": "2018-07-25T13:00Z",
     "known_at": "2018-07-25T16:00Z"},
    # Taken back; outside the window; outside the registry.
    {"report_id": "R6", "withdrawn": True},
    {"report_id": "R7", "seen_at": "2018-06-30T08:00Z"},
    {"report_id": "R8", "unit_id": "Z9"},
)  # fmt: skip


def section(history: pd.DataFrame | None = HISTORY, as_of: date = AS_OF, **changed: Any) -> Any:
    known = known_by(evidence(reports=history, **changed), as_of)
    return reports_section(known, as_of, Limits())


def test_what_counts_is_what_was_seen_in_the_window_in_its_newest_version() -> None:
    found = section()
    assert (found["reports"], found["units"], found["reporters"]) == (5, 4, 2)
    assert (found["edited"], found["withdrawn"]) == (1, 1)
    assert found["checked"] == 2  # one confirmed, one refuted
    kinds = found["by_kind"].set_index("kind")["reports"]
    assert kinds.to_dict() == {"nothing_seen": 1, "warning_sign": 4}
    assert found["by_region"].set_index("region")["reports"].to_dict() == {"Alpha": 4, "Bravo": 1}


def test_a_report_is_as_late_as_its_first_version() -> None:
    times = section()["timeliness"]
    # 2, 1, 0, 48 and 1 hours to sending; 50, 2, 0, 48 and 4 to the first version.
    assert times["seen_to_sent_hours"] == {"n": 5, "median": 1.0, "p90": pytest.approx(29.6)}
    assert times["seen_to_known_hours"] == {"n": 5, "median": 4.0, "p90": pytest.approx(49.2)}


def test_signs_tell_what_followed_in_the_same_unit_on_later_days() -> None:
    table = section()["signs"].set_index("sign")
    assert list(table.index) == ["threats", "armed_presence", "nothing_seen"]
    assert table.loc["threats", ["reports", "followed"]].tolist() == [2, 2]
    assert table.loc["armed_presence", ["reports", "followed"]].tolist() == [1, 0]
    assert table.loc["nothing_seen", ["reports", "followed"]].tolist() == [1, 1]


def test_a_sign_whose_days_are_not_over_is_open() -> None:
    # On 15 August, reports of 25 July (14 + 7 days before) or earlier are over.
    table = section(as_of=date(2018, 8, 15))["signs"].set_index("sign")
    assert table["open"].to_dict() == {"threats": 1, "armed_presence": 0, "nothing_seen": 1}
    assert table.loc["threats", ["reports", "followed"]].tolist() == [1, 1]


def test_incidents_are_signed_watched_or_not() -> None:
    # A1 on the 20th had a sign; A2 on the 29th only nothing seen; B1's report was refuted.
    assert section()["foreseen"] == {
        "incidents": 6,
        "signed": 1,
        "watched": 2,
        "unsigned": 1,
        "unwatched": 4,
    }


def test_silence_is_of_units_where_somebody_stood() -> None:
    assert section()["silence"] == {"posted": 2, "silent": 0, "unit_ids": []}
    only = HISTORY.loc[HISTORY["unit_id"] == "A1"].reset_index(drop=True)
    assert section(only)["silence"] == {"posted": 2, "silent": 1, "unit_ids": ["A3"]}
    assert section(sent=None)["silence"]["silent"] is None


@pytest.mark.parametrize("history", [None, HISTORY.iloc[:0], HISTORY.iloc[-2:-1]])
def test_no_report_of_the_window_is_said_and_is_no_table(history: pd.DataFrame | None) -> None:
    assert section(history if history is None else history.reset_index(drop=True)) == {
        "status": "none"
    }


def test_quantiles_of_nothing_are_missing() -> None:
    assert quantiles(pd.Series([float("nan")])) == {"n": 0, "median": None, "p90": None}
