"""The REIGN election list, in its publisher's own format, written by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd

from pipelines.sources import kinds, reign
from pipelines.sources.files import SourceFile
from pipelines.sources.rows import Quarantine

Write = Callable[[str, str | bytes], SourceFile]

HEAD = (
    "ccode,electionnumber,country,elec_year,elec_month,elec_day,sequence,event,elecnum,type,"
    "direct,regular,victory,change,runoff"
)
ROWS = """\
475,1,Nigeria,2011,4,16,1,"Vote, As Scheduled ",475001,X,Y,Y,Y,N,N
432,1,Mali,2018,7,29,1,"Vote, As Scheduled",432001,X,Y,Y,,,1
432,2,Mali,2018,8,3,1,Announced,432002,X,Y,Y,,,2
432,2,Mali,2018,8,12,2,"Vote, As scheduled",432002,X,Y,Y,Y,N,2
432,3,Mali,2002,4, ,1,Announced,432003,R,Y,N,Y,N,N
432,3,Mali,2002,9,8,2,"Vote, Early",432003,R,Y,N,Y,N,N
432,4,Mali,1992,1, ,1,"Vote, Early",432004,R,Y,N,Y,N,N
432,5,Mali,2012,3,21,1,Regime Failure,432005,X,Y,Y,,,N
432,5,Mali,2012,4,1,2,Voided by Regime Change,432005,X,Y,Y,,,N
432,6,Mali,2023,7,29,1,"Upcoming, Scheduled",432006,X,Y,Y,,,N
432,7,Mali,2010,7, ,1,Delay Announced,432007,X,Y,N,,,2
432,7,Mali,2010,8, ,2,Deadline Not Met,432007,X,Y,N,,,2
432,8,Mali,2018,5,6,1,"Vote, Early",432008,X,Y,Y,,,1
432,8,Mali,2018,6,1,2,"Deadline, Met",432008,X,Y,Y,,,1
432,9,Mali,2019,2,30,1,"Vote, Early",432009,X,Y,Y,,,N
432,10,Mali,2019,3,3,1,Coronation,432010,X,Y,Y,,,N
220,1,France,2017,5,7,1,"Vote, As Scheduled",220001,X,Y,Y,Y,Y,2
265,1,East Germany,1990,3,18,1,"Vote, Early",265001,L,Y,Y,Y,Y,N
"""


def read(file: SourceFile) -> tuple[pd.DataFrame, int, pd.DataFrame]:
    options = kinds.ReignElections(
        kind="reign_elections", path=Path("x"), licence="", retrieved=date(2026, 1, 1)
    )
    quarantine = Quarantine(file.label)
    table, outside = reign.read(file, options, frozenset({"MLI", "NGA"}), quarantine)
    return table.set_index("election_id"), outside, quarantine.frame()


def test_votes_become_rounds_known_from_the_day_on_which_they_were_announced(write: Write) -> None:
    table, outside, _ = read(write("reign.csv", f"{HEAD}\n{ROWS}"))
    assert outside == 1
    assert table["polling_date"].astype(str).to_dict() == {
        "MLI-2002-REF-1": "2002-09-08",
        "MLI-2018-PRES-07-1": "2018-07-29",
        "MLI-2018-PRES-1": "2018-05-06",
        "MLI-2018-PRES-2": "2018-08-12",
        "MLI-2023-PRES-1": "2023-07-29",
        "NGA-2011-PRES-1": "2011-04-16",
    }
    known = table["known_on"].astype(str)
    assert known["MLI-2018-PRES-2"] == "2018-08-03"
    # The day of the announcement is blank: its month was over at the latest.
    assert known["MLI-2002-REF-1"] == "2002-04-30"
    assert known["NGA-2011-PRES-1"] == "2010-04-16"
    assert table.loc["MLI-2018-PRES-2", ["iso3", "election_type", "round"]].tolist() == [
        *("MLI", "presidential", 2)
    ]
    assert table.loc["MLI-2002-REF-1", "election_type"] == "referendum"


def test_what_is_no_round_is_set_aside_with_the_rule_that_it_broke(write: Write) -> None:
    _, _, quarantine = read(write("reign.csv", f"{HEAD}\n{ROWS}"))
    assert quarantine[["row", "rule", "column"]].to_numpy().tolist() == [
        [8, "undated_vote", "elec_day"],
        [10, "voided", "event"],
        [13, "not_held", "event"],
        [16, "out_of_range", "elec_day"],
        [17, "unknown_event", "event"],
        [19, "unknown_country", "ccode"],
    ]


def test_an_announcement_on_polling_day_is_none_and_one_after_it_breaks_a_rule(
    write: Write,
) -> None:
    same = """\
438,1,Guinea,2010,6,27,1,"Vote, As Scheduled",438001,X,Y,N,,,1
432,1,Mali,2010,11,7,1,Announced,432001,X,Y,N,N,Y,2
432,1,Mali,2010,11,7,2,"Vote, Early",432001,X,Y,N,N,Y,2
432,2,Mali,2010,12,9,1,Announced,432002,X,Y,N,N,Y,N
432,2,Mali,2010,12,7,2,"Vote, Early",432002,X,Y,N,N,Y,N
"""
    table, _, quarantine = read(write("reign.csv", f"{HEAD}\n{same}"))
    assert table["known_on"].astype(str).tolist() == ["2009-11-07"]
    assert quarantine["rule"].tolist() == ["after_polling_day"]
