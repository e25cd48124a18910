from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from pipelines.places import Gazetteer
from pipelines.sources import (
    campaign_events,
    kinds,
)
from pipelines.sources.files import SourceFile
from pipelines.sources.rows import Quarantine

Write = Callable[[str, str | bytes], SourceFile]
FILE: dict[str, Any] = {"path": Path("x"), "licence": "", "retrieved": date(2026, 1, 1)}


def test_campaign_events(write: Write, gazetteer: Gazetteer) -> None:
    text = (
        "campaign_event_id,unit_name,parent_name,lon,lat,kind,party,event_date,announced_on\n"
        "R1,Keba,Nord,,,Rally,P,2018-07-10,2018-07-01\n"
        "R2,Keba,Sud,,,caravan,P,2018-07-10,\n"
        "R3,,,1.5,11.5,meeting,P,2018-07-10,2018-07-12\n"
        "R4,Nowhere,Nord,,,meeting,P,2018-07-10,\n"
        "R5,Keba,Nord,,,parade,P,2018-07-10,\n"
        "R6,Keba,Nord,,,rally,,2018-07-10,\n"
    )
    options = kinds.CampaignEvents(kind="campaign_events", known_lead_days=7, **FILE)
    quarantine = Quarantine("c.csv")
    table, report = campaign_events.read(write("c.csv", text), options, gazetteer, quarantine)
    assert table["unit_id"].tolist() == ["ML990101", "ML990201", "ML990202"]
    assert table["kind"].tolist() == ["rally", "caravan", "meeting"]
    assert table["known_on"].astype(str).tolist() == ["2018-07-01", "2018-07-03", "2018-07-12"]
    assert (report.placed, sum(report.unplaced.values())) == ({"name": 2, "polygon": 1}, 1)
    assert quarantine.frame()["rule"].tolist() == ["unplaced", "unknown_kind", "blank_cell"]
