"""A country of eight communes, and what may be known of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from response.contracts import MOMENT, empty, require
from response.triggers import Situation

T0 = pd.Timestamp("2018-07-20T12:00:00", tz="UTC")


def _units() -> pd.DataFrame:
    ids = [f"XX{r}{p}0{u}" for r in "12" for p in "12" for u in "12"]
    return pd.DataFrame(
        {
            "unit_id": ids,
            "name": [f"Commune {i[2:]}" for i in ids],
            "parent_id": [i[:4] for i in ids],
            "parent_name": [f"Cercle {i[2:4]}" for i in ids],
            "region_id": [i[:3] for i in ids],
            "region_name": [f"Région {i[2]}" for i in ids],
        }
    )


def _moments(table: pd.DataFrame, *columns: str) -> pd.DataFrame:
    moments = {c: pd.to_datetime(table[c], utc=True).astype(MOMENT) for c in columns}
    return table.assign(**moments)


@pytest.fixture
def units() -> pd.DataFrame:
    return _units()


@pytest.fixture
def scored() -> Callable[..., pd.DataFrame]:
    """Scores from (unit, hours before T0, probability)."""

    def made(*rows: tuple[str, float, float | None]) -> pd.DataFrame:
        if not rows:
            return empty("score_history")
        table = pd.DataFrame(
            {
                "unit_id": [u for u, _, _ in rows],
                "known_at": [T0 - pd.Timedelta(hours=h) for _, h, _ in rows],
                "source": [f"b{h:g}" for _, h, _ in rows],
                "probability": [p for _, _, p in rows],
            }
        )
        return require(_moments(table.astype({"probability": float}), "known_at"), "score_history")

    return made


REPORT: dict[str, Any] = {
    "version": 1,
    "kind": "warning_sign",
    "sign": "armed_presence",
    "severity": 3,
    "place_kind": None,
    "voting_center": None,
    "people": None,
    "verification": "unverified",
    "withdrawn": False,
    "intake": "sms",
    "reporter": "r1",
}


@pytest.fixture
def reported() -> Callable[..., pd.DataFrame]:
    """Reports from dicts with `unit_id`, `hours` before T0 and what is not as usual."""

    def made(*rows: dict[str, Any]) -> pd.DataFrame:
        if not rows:
            return empty("reports")
        whole = []
        for i, row in enumerate(rows):
            said = {**REPORT, "report_id": f"q{i}", **row}
            seen = T0 - pd.Timedelta(hours=said.pop("hours"))
            late = pd.Timedelta(hours=said.pop("late", 0))
            moments = {"seen_at": seen, "sent_at": seen, "known_at": seen + late}
            whole.append({**moments, **said})
        table = _moments(pd.DataFrame(whole), "seen_at", "sent_at", "known_at")
        texts = ("sign", "place_kind", "voting_center", "people", "reporter")
        table = table.astype(dict.fromkeys(texts, "str"))
        return require(table[list(empty("reports").columns)], "reports")

    return made


@pytest.fixture
def past() -> Callable[..., pd.DataFrame]:
    """Past alerts from dicts with `hours` before T0 and what is not as usual."""

    def made(*rows: dict[str, Any]) -> pd.DataFrame:
        if not rows:
            return empty("past_alerts")
        whole = []
        for i, row in enumerate(rows):
            usual = {"alert_id": f"a{i}", "level": "local", "state": "sent", "strength": 0.5}
            said = {**usual, "escalated": False, **row}
            said["drafted_at"] = T0 - pd.Timedelta(hours=said.pop("hours"))
            sent = said["state"] not in ("draft", "approved", "rejected", "expired")
            said["sent_at"] = said["drafted_at"] if sent else pd.NaT
            whole.append(said)
        table = _moments(pd.DataFrame(whole), "drafted_at", "sent_at")
        return require(table[list(empty("past_alerts").columns)], "past_alerts")

    return made


@pytest.fixture
def situation(units: pd.DataFrame, scored: Any, reported: Any, past: Any) -> Callable[..., Any]:
    """A situation in which nothing is known but what is given."""

    def made(**known: Any) -> Situation:
        usual: dict[str, Any] = {
            "election_id": "XXA-2018-PRES-1",
            "country": ("XXA", "Testland"),
            "units": units,
            "scores": scored(),
            "reports": reported(),
            "posts": empty("posts"),
            "posted_at": None,
            "past": past(),
        }
        return Situation(**{**usual, **known})

    return made
