"""A made-up land of five units on a line, 20 km apart but for the last, and reports from it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from response.contracts import empty
from response.evidence import Moment
from response.nowcast import nowcast
from response.ratios import Ratios, declared

START, STOP = pd.Timestamp("2018-07-02", tz="UTC"), pd.Timestamp("2018-08-13", tz="UTC")
NOW = pd.Timestamp("2018-07-16 12:00", tz="UTC")
UNITS = ["A", "B", "C", "D", "FAR"]


@dataclass(frozen=True)
class Land:
    """Everything that a nowcast is made from; `now` gives one."""

    scores: pd.DataFrame
    units: pd.DataFrame
    posts: pd.DataFrame
    reports: pd.DataFrame
    moment: Moment
    ratios: Ratios

    def telling(self, *rows: dict[str, object], **posts: int) -> Land:
        """The same land with other reports and posts."""
        table = (
            empty("posts")
            if not posts
            else pd.DataFrame({"unit_id": list(posts), "mediators": list(posts.values())})
        )
        return replace(self, reports=reported(*rows), posts=table)

    def at(self, moment: pd.Timestamp) -> Land:
        return replace(self, moment=replace(self.moment, at=moment))

    def now(self) -> pd.DataFrame:
        found = nowcast(self.scores, self.units, self.reports, self.posts, self.moment, self.ratios)
        return found.set_index("unit_id")


def reported(*rows: dict[str, object]) -> pd.DataFrame:
    """A table of reports; what a row leaves out is usual, `ago` is days before `NOW`."""
    full = []
    for number, given in enumerate(rows):
        row = dict(given)
        seen = NOW - pd.Timedelta(days=float(row.pop("ago", 1)))  # type: ignore[arg-type]
        known = row.pop("known_at", seen + pd.Timedelta(hours=1))
        usual = {
            "report_id": f"r{number:03d}",
            "version": 1,
            "known_at": known,
            "unit_id": "A",
            "kind": "warning_sign",
            "sign": "armed_presence",
            "severity": 3,
            "place_kind": "market",
            "voting_center": None,
            "people": "crowd",
            "seen_at": seen,
            "sent_at": seen,
            "verification": "unverified",
            "withdrawn": False,
            "intake": "api",
            "reporter": f"p{number}",
        }
        full.append({**usual, **row})
    blank = empty("reports")
    if not full:
        return blank
    table = pd.DataFrame(full)[list(blank.columns)]
    for name, kind in blank.dtypes.items():
        table[name] = table[name].astype(kind)
    return table


def make_land() -> Land:
    """The land without reports and posts."""
    p = [0.21, 0.10, 0.05, 0.60, float("nan")]
    scores = pd.DataFrame(
        {
            "unit_id": UNITS,
            "probability": p,
            "lower": [0.11, 0.05, 0.01, 0.40, float("nan")],
            "upper": [0.35, 0.20, 0.15, 0.80, float("nan")],
            "expected_incidents": [0.3, 0.1, 0.05, 1.5, float("nan")],
            "band": ["elevated", "elevated", "low", "very_high", "abstained"],
        }
    )
    units = pd.DataFrame({"unit_id": UNITS, "lon": [0.0, 0.18, 0.36, 0.54, 9.0], "lat": [14.0] * 5})
    return Land(
        scores,
        units,
        empty("posts"),
        empty("reports"),
        Moment(NOW, START, STOP, 7),
        Ratios(declared()),
    )
