from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from pipelines.places import Gazetteer
from pipelines.sources import kinds, watch_places
from pipelines.sources.files import SourceFile
from pipelines.sources.rows import Quarantine

Write = Callable[[str, str | bytes], SourceFile]
FILE: dict[str, Any] = {"path": Path("x"), "licence": "", "retrieved": date(2026, 1, 1)}


def test_watch_places(write: Write, gazetteer: Gazetteer) -> None:
    text = (
        "place_id,name,kind,unit_name,parent_name,lon,lat\n"
        "V1,École A,,Keba,Nord,,\n"
        "V2,École B,Voting_Center,Keba,Sud,,\n"
        "V3,Grand marché,market,,,1.5,11.5\n"
        "V4,École C,,Nowhere,Nord,,\n"
        "V5,École D,castle,Keba,Nord,,\n"
        "V6,,,Keba,Nord,,\n"
    )
    options = kinds.WatchPlaces(kind="watch_places", known_on=date(2018, 5, 1), **FILE)
    quarantine = Quarantine("v.csv")
    table, report = watch_places.read(write("v.csv", text), options, gazetteer, quarantine)
    assert table["unit_id"].tolist() == ["ML990101", "ML990201", "ML990202"]
    assert table["kind"].tolist() == ["voting_center", "voting_center", "market"]
    assert set(table["known_on"].astype(str)) == {"2018-05-01"}
    assert (report.placed, sum(report.unplaced.values())) == ({"name": 2, "polygon": 1}, 1)
    assert quarantine.frame()["rule"].tolist() == ["unplaced", "unknown_kind", "blank_cell"]
