from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from features.vocabulary import EventType
from pipelines.places import Gazetteer
from pipelines.sources import (
    generic_incidents,
    kinds,
)
from pipelines.sources.files import SourceFile
from pipelines.sources.rows import Quarantine

Write = Callable[[str, str | bytes], SourceFile]
FILE: dict[str, Any] = {"path": Path("x"), "licence": "", "retrieved": date(2026, 1, 1)}


def generic(columns: dict[str, str], **more: Any) -> kinds.GenericIncidents:
    columns = {"incident_id": "no", "event_date": "jour", "event_type": "genre", **columns}
    types = {"affrontement": EventType.BATTLE}
    return kinds.GenericIncidents(
        kind="incidents", columns=columns, event_types=types, **FILE, **more
    )


def test_generic_incidents(write: Write, gazetteer: Gazetteer) -> None:
    options = generic(
        {
            "name": "commune",
            "parent_name": "cercle",
            "known_on": "publié",
            "fatalities": "morts",
            "electoral": "vote",
        },
        date_format="%d/%m/%Y",
        encoding="latin-1",
    )
    text = (
        "no,jour,genre,commune,cercle,publié,morts,vote\n"
        "1,29/07/2018,affrontement,Kéba,Nord,30/07/2018,2,oui\n"
        "2,29/07/2018,affrontement,Dôgo,Nord,,,\n"
        "3,29/07/2018,affrontement,Kéba,Nord,28/07/2018,2,oui\n"
        "4,29/07/2018,fête,Kéba,Nord,,2,oui\n"
        "5,29/07/2018,affrontement,Kéba,Nord,,2,peut-être\n"
    )
    quarantine = Quarantine("i.csv")
    file = write("i.csv", text.encode("latin-1"))
    made = generic_incidents.read(file, options, gazetteer, quarantine)
    assert made.table["known_on"].astype(str).tolist() == ["2018-07-30", "2018-08-12"]
    assert made.table["known_on_rule"].tolist() == ["reported", "lag"]
    assert made.table["fatalities"].tolist() == [2.0, 0.0]
    assert made.table["electoral"].tolist() == [True, False]
    assert made.known_on_rule == "as the file says, else event date + 14 days"
    assert quarantine.frame()[["row", "rule"]].to_numpy().tolist() == [
        [4, "known_before_event"],
        [5, "unknown_event_type"],
        [6, "not_a_flag"],
    ]


def test_reported_days_are_no_retrospective_vintage(write: Write, gazetteer: Gazetteer) -> None:
    text = "no,jour,genre,code,vu\n1,2018-07-29,affrontement,ML990101,2018-07-29\n"
    options = generic({"unit_id": "code", "known_on": "vu"})
    made = generic_incidents.read(write("i.csv", text), options, gazetteer, Quarantine("i.csv"))
    assert (made.vintage, made.known_on_rule) == ("", "as the file says")
