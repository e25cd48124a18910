"""A round on six communes, small enough to work out every figure by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pandas as pd

from features.contracts import empty as empty_table
from features.contracts import require as require_table
from features.horizon import TargetClass
from features.vocabulary import POLITICAL_VIOLENCE, Language
from response.contracts import MOMENT, empty, require
from response.lessons_evidence import About, Evidence, Sent

AS_OF = date(2018, 12, 31)
SOURCE = {Language.EN: "by hand", Language.FR: "à la main"}

UNITS = pd.DataFrame(
    [
        ("A1", "Aba", "Nord", "RA", "Alpha"),
        ("A2", "Ibi", "Nord", "RA", "Alpha"),
        ("A3", "Ulu", "Sud", "RA", "Alpha"),
        ("B1", "Oro", "Est", "RB", "Bravo"),
        ("B2", "Eke", "Est", "RB", "Bravo"),
        ("C1", "Ara", "Ville", "RC", "Charlie"),
    ],
    columns=["unit_id", "name", "parent_name", "region_id", "region_name"],
)

SCORES = pd.DataFrame(
    [
        ("A1", 0.60, 1.20, "very_high", 0.50),
        ("A2", 0.15, 0.15, "elevated", 0.20),
        ("A3", 0.30, 0.30, "high", 0.10),
        ("B1", 0.20, 0.25, "elevated", 0.40),
        ("B2", 0.02, 0.02, "low", 0.02),
        ("C1", None, None, "abstained", None),
    ],
    columns=["unit_id", "probability", "expected_incidents", "band", "baseline_probability"],
).astype({"probability": float, "expected_incidents": float, "baseline_probability": float})

ABOUT = About(
    election_id="XXX-2018-PRES-1",
    country="Exland",
    polling_day=date(2018, 7, 29),
    bulletin_id="XXX-2018-PRES-1.any.2018-07-01.0",
    bulletin_as_of=date(2018, 7, 1),
    window_start=date(2018, 7, 2),
    window_end=date(2018, 8, 12),
    model_kind="average",
    baseline_name="count_365d",
    base_rate=0.2,
    vintage=SOURCE,
    synthetic=True,
    settle_days=14,
)


def incidents(*rows: tuple[Any, ...]) -> pd.DataFrame:
    """Rows of `unit_id`, day, type, electoral, deaths and, if not the day itself, known on."""
    told = [
        {
            "incident_id": f"I{number}",
            "event_date": row[1],
            "known_on": row[5] if len(row) > 5 else row[1],
            "known_on_rule": "reported",
            "unit_id": row[0],
            "placed_by": "pcode",
            "geo_precision": 1,
            "event_type": row[2],
            "electoral": row[3],
            "fatalities": float(row[4]),
        }
        for number, row in enumerate(rows)
    ]
    table = empty_table("incidents")
    made = pd.DataFrame(told, columns=table.columns).astype(table.dtypes.to_dict())
    return require_table(made, "incidents")


INCIDENTS = incidents(
    ("A1", "2018-07-02", "battle", False, 2),  # first day of the window
    ("A1", "2018-07-20", "riot", True, 0),
    ("A1", "2018-08-12", "explosion", False, 5),  # its last
    ("A2", "2018-07-29", "violence_against_civilians", True, 1),
    ("B1", "2018-07-28", "battle", False, 0),
    ("B1", "2018-07-29", "riot", True, 0),
    ("B2", "2018-07-29", "strategic_development", True, 0),  # of the vote, not of the target
    ("C1", "2018-07-29", "protest", True, 0),  # of neither class
    ("A1", "2018-07-01", "battle", False, 9),  # the day before the window
    ("A1", "2018-08-13", "battle", False, 9),  # the day after
    ("C1", "2018-08-01", "battle", False, 3, "2019-02-01"),  # not known by the end of 2018
    ("A3", "2018-10-01", "battle", False, 0),  # so that the data reach far enough
)

POSTS = pd.DataFrame({"unit_id": ["A1", "A3"], "mediators": [2, 4]})


def reports(*rows: dict[str, Any]) -> pd.DataFrame:
    """Field reports; what a row does not say is as in the first example."""
    usual = {
        "report_id": "R1",
        "version": 1,
        "known_at": "2018-07-20T10:00Z",
        "unit_id": "A1",
        "kind": "warning_sign",
        "sign": "threats",
        "severity": 2,
        "place_kind": "market",
        "voting_center": None,
        "people": "crowd",
        "seen_at": "2018-07-18T08:00Z",
        "sent_at": "2018-07-18T10:00Z",
        "verification": "unverified",
        "withdrawn": False,
        "intake": "sms",
        "reporter": "a1",
    }
    texts = ("place_kind", "voting_center", "people", "sign", "reporter")
    moments = ("known_at", "seen_at", "sent_at")
    table = pd.DataFrame([{**usual, **row} for row in rows])
    kinds = dict.fromkeys(moments, MOMENT) | dict.fromkeys(texts, "str")
    return require(table.astype(kinds), "reports")


def alerts(*rows: dict[str, Any]) -> pd.DataFrame:
    """Alerts; what a row does not say is missing."""
    usual = {"alert_id": "L1", "level": "local", "unit_id": "A1", "reason": "probability"}
    columns = list(empty("alerts").columns)
    table = pd.DataFrame([{**usual, **row} for row in rows], columns=columns)
    moments = [c for c in columns if c.endswith("_at")]
    return require(table.astype(dict.fromkeys(moments, MOMENT)), "alerts")


def evidence(**changed: Any) -> Evidence:
    """The round, with posts in two communes of region Alpha."""
    usual = Evidence(
        about=ABOUT,
        target=TargetClass("any", POLITICAL_VIOLENCE),
        units=UNITS,
        scores=SCORES,
        incidents=INCIDENTS,
        baselines={"zero": pd.Series(0.0, index=UNITS["unit_id"])},
        sent=Sent.of_posts(POSTS, UNITS, SOURCE),
    )
    return replace(usual, **changed)
