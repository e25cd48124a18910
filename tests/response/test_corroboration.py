"""Which reports bear each other out, against a naive loop."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from response.contracts import MOMENT
from response.corroboration import suggest_corroborated

CENTRES = pd.DataFrame(
    {"unit_id": ["A", "B", "C"], "lon": [0.0, 0.1, 1.0], "lat": [14.0, 14.0, 14.0]}
)


def reports(rows: list[dict[str, object]]) -> pd.DataFrame:
    usual: dict[str, object] = {
        "version": 1,
        "known_at": "2018-07-20T10:00Z",
        "unit_id": "A",
        "kind": "warning_sign",
        "sign": "threats",
        "severity": 3,
        "place_kind": None,
        "voting_center": None,
        "people": None,
        "seen_at": "2018-07-20T08:00Z",
        "sent_at": "2018-07-20T09:00Z",
        "verification": "unverified",
        "withdrawn": False,
        "intake": "sms",
    }
    table = pd.DataFrame(
        [{**usual, "report_id": f"r{k}", "reporter": f"p{k}", **row} for k, row in enumerate(rows)]
    )
    texts = ("place_kind", "voting_center", "people", "sign", "reporter")
    moments = ("known_at", "seen_at", "sent_at")
    return table.astype(dict.fromkeys(moments, MOMENT) | dict.fromkeys(texts, "str"))


@pytest.mark.parametrize(
    ("other", "borne"),
    [
        ({}, True),
        ({"unit_id": "B"}, True),  # 11 km away
        ({"unit_id": "C"}, False),  # 108 km away
        ({"reporter": "p0"}, False),
        ({"reporter": None}, False),
        ({"sign": "clash"}, False),
        ({"seen_at": "2018-07-21T08:00Z"}, True),
        ({"seen_at": "2018-07-21T08:01Z"}, False),
        ({"verification": "refuted"}, False),
        ({"kind": "tension_defused"}, True),
        ({"kind": "nothing_seen", "sign": None, "severity": 0}, False),
    ],
)
def test_who_bears_out_whom(other: dict[str, object], borne: bool) -> None:
    found = suggest_corroborated(reports([{}, other]), CENTRES)
    assert ("r0" in set(found["report_id"])) is borne
    if borne:
        assert found.set_index("report_id").loc["r0", "by"] == ["r1"]


def test_it_is_what_a_naive_loop_finds() -> None:
    chance = np.random.default_rng(3)
    hours = chance.integers(0, 60, 60)
    table = reports(
        [
            {
                "unit_id": str(chance.choice(list("ABC"))),
                "sign": str(chance.choice(["threats", "clash"])),
                "reporter": f"p{chance.integers(8)}",
                "verification": str(chance.choice(["unverified", "refuted", "confirmed"])),
                "seen_at": pd.Timestamp("2018-07-20T00:00Z") + pd.Timedelta(hours=int(h)),
            }
            for h in hours
        ]
    )
    place = CENTRES.set_index("unit_id")
    wanted: dict[str, list[str]] = {}
    for a in table.to_dict("records"):
        for b in table.to_dict("records"):
            km = abs(place.lon[a["unit_id"]] - place.lon[b["unit_id"]]) * 111.2
            near = km * math.cos(math.radians(14)) <= 15
            apart = abs((a["seen_at"] - b["seen_at"]).total_seconds()) <= 86_400
            told = "refuted" not in (a["verification"], b["verification"])
            same = a["sign"] == b["sign"] and a["reporter"] != b["reporter"]
            if a["verification"] == "unverified" and near and apart and told and same:
                wanted.setdefault(a["report_id"], []).append(b["report_id"])
    found = suggest_corroborated(table, CENTRES)
    got = dict(zip(found["report_id"], found["by"], strict=True))
    assert got == {report_id: sorted(by) for report_id, by in wanted.items()}
    assert len(got) > 5
