"""Alerts of a round: how early, how soon signed, acknowledged and acted on."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pytest
from kit.lessons_round import AS_OF, alerts, evidence

from response.lessons_alerts import alerts_section
from response.lessons_evidence import Limits, known_by

TABLE = alerts(
    # Local, for A1 and A3, sent on the 17th: three days before A1's incident of the 20th.
    *(
        {"unit_id": unit, "drafted_at": "2018-07-17T06:00Z", "approved_at": "2018-07-17T08:00Z",
         "sent_at": "2018-07-17T09:00Z", "acknowledged_at": "2018-07-17T19:00Z",
         "acted_at": "2018-07-18T09:00Z", "closed_at": "2018-07-25T09:00Z"}
        for unit in ("A1", "A3")
    ),
    # National, for B1, sent two days before the first incident, and closed the day before it.
    {"alert_id": "L2", "level": "national", "unit_id": "B1", "drafted_at": "2018-07-26T06:00Z",
     "approved_at": "2018-07-26T12:00Z", "sent_at": "2018-07-26T12:00Z",
     "closed_at": "2018-07-27T12:00Z"},
    # National, for A2, drafted and never signed.
    {"alert_id": "L3", "level": "national", "unit_id": "A2", "drafted_at": "2018-07-27T06:00Z",
     "reason": "signs"},
    # Regional, drafted long before the window.
    {"alert_id": "L4", "level": "regional", "unit_id": "B1", "drafted_at": "2018-06-01T06:00Z"},
)  # fmt: skip


def section(table: pd.DataFrame | None = TABLE, as_of: date = AS_OF) -> Any:
    return alerts_section(known_by(evidence(alerts=table), as_of), as_of, Limits())


def test_alerts_are_counted_by_level_and_by_what_became_of_them() -> None:
    found = section()
    steps = ("drafted", "approved", "sent", "acknowledged", "acted", "closed")
    assert [found["all"][s] for s in steps] == [3, 2, 2, 1, 1, 2]
    assert [found["levels"]["national"][s] for s in steps] == [2, 1, 1, 0, 0, 1]
    assert found["levels"]["regional"] is None
    assert found["by_reason"].set_index("reason")["alerts"].to_dict() == {
        "probability": 2,
        "signs": 1,
    }


def test_times_are_between_moments_that_both_came() -> None:
    local, every = section()["levels"]["local"], section()["all"]
    assert local["draft_to_approved_hours"] == {"n": 1, "median": 2.0, "p90": 2.0}
    assert local["sent_to_acknowledged_hours"]["median"] == 10
    assert local["sent_to_acted_hours"]["median"] == 24
    assert every["draft_to_approved_hours"]["median"] == 4
    assert section()["levels"]["national"]["sent_to_acknowledged_hours"] == {
        "n": 0,
        "median": None,
        "p90": None,
    }


def test_lead_is_from_sending_to_the_first_incident_while_the_alert_is_open() -> None:
    found = section()
    assert found["levels"]["local"]["lead_days"]["median"] == 3
    assert (found["all"]["followed"], found["all"]["over"]) == (1, 2)
    assert (found["incidents"], found["alerted"]) == (6, 1)


def test_an_alert_that_is_closed_later_came_before_more() -> None:
    later = TABLE.assign(closed_at=TABLE["closed_at"].mask(TABLE["alert_id"] == "L2"))
    found = section(later)
    assert found["alerted"] == 3  # B1 on the 28th and on the 29th
    assert found["levels"]["national"]["lead_days"] == {"n": 1, "median": 2.0, "p90": 2.0}


def test_an_alert_of_the_same_day_came_neither_before_nor_after() -> None:
    same = alerts({"drafted_at": "2018-07-20T00:01Z", "sent_at": "2018-07-20T00:02Z"})
    assert section(same)["alerted"] == 0


def test_what_follows_an_alert_is_told_once_it_is_over() -> None:
    # On 10 August, alerts sent by 20 July (14 + 7 days before) are over.
    assert section(as_of=date(2018, 8, 10))["all"]["over"] == 1


@pytest.mark.parametrize("table", [None, TABLE.iloc[:0], TABLE.iloc[-1:].reset_index(drop=True)])
def test_no_alert_of_the_round_is_said_and_is_no_table(table: pd.DataFrame | None) -> None:
    assert section(table) == {"status": "none"}
