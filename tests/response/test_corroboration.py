"""Which reports bear each other out, against a naive loop."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from response.corroboration import Told, suggest_corroborated

NOON = datetime(2018, 7, 20, 12, tzinfo=UTC)
CENTRES = {"A": 0.0, "B": 0.1, "C": 1.0}


def told(k: int, **how: Any) -> Told:
    unit = how.pop("unit_id", "A")
    usual: dict[str, Any] = {
        "kind": "warning_sign",
        "sign": "threats",
        "verification": "unverified",
        "reporter": f"p{k}",
        "seen_at": NOON,
        "lon": CENTRES[unit],
        "lat": 14.0,
    }
    return Told(report_id=f"r{k}", unit_id=unit, **{**usual, **how})


@pytest.mark.parametrize(
    ("other", "borne"),
    [
        ({}, True),
        ({"unit_id": "B"}, True),  # 11 km away
        ({"unit_id": "C"}, False),  # 108 km away
        ({"unit_id": "B", "lon": None}, False),
        ({"lon": None, "lat": None}, True),
        ({"reporter": "p0"}, False),
        ({"reporter": None}, False),
        ({"sign": "clash"}, False),
        ({"seen_at": NOON + timedelta(hours=24)}, True),
        ({"seen_at": NOON - timedelta(hours=24, minutes=1)}, False),
        ({"verification": "refuted"}, False),
        ({"verification": "confirmed"}, True),
        ({"kind": "tension_defused"}, True),
        ({"kind": "nothing_seen", "sign": None}, False),
    ],
)
def test_who_bears_out_whom(other: dict[str, Any], borne: bool) -> None:
    found = suggest_corroborated([told(0), told(1, **other)])
    assert found.get("r0") == (["r1"] if borne else None)


def test_it_is_what_a_naive_loop_finds() -> None:
    chance = random.Random(3)  # noqa: S311
    reports = [
        told(
            k,
            unit_id=chance.choice("ABC"),
            sign=chance.choice(["threats", "clash"]),
            reporter=f"p{chance.randrange(8)}",
            verification=chance.choice(["unverified", "refuted", "confirmed"]),
            seen_at=NOON + timedelta(hours=chance.randrange(60)),
        )
        for k in range(60)
    ]
    wanted: dict[str, list[str]] = {}
    for a in reports:
        for b in reports:
            km = abs(CENTRES[a.unit_id] - CENTRES[b.unit_id]) * 111.2 * math.cos(math.radians(14))
            apart = abs((a.seen_at - b.seen_at).total_seconds()) <= 86_400
            both = "refuted" not in (a.verification, b.verification)
            same = a.sign == b.sign and a.reporter != b.reporter
            if a.verification == "unverified" and km <= 15 and apart and both and same:
                wanted.setdefault(a.report_id, []).append(b.report_id)
    assert suggest_corroborated(reports) == {k: sorted(by) for k, by in wanted.items()}
    assert len(wanted) > 5
