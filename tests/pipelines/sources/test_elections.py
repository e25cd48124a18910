from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipelines.sources import (
    elections,
    kinds,
)
from pipelines.sources.files import SourceFile
from pipelines.sources.rows import Quarantine

Write = Callable[[str, str | bytes], SourceFile]
FILE: dict[str, Any] = {"path": Path("x"), "licence": "", "retrieved": date(2026, 1, 1)}

ELECTIONS = "election_id,iso3,type,round,polling_date,campaign_start,campaign_end,announced_on,note"


def read_elections(file: SourceFile) -> tuple[pd.DataFrame, int, pd.DataFrame]:
    options = kinds.Elections(kind="elections", **FILE)
    quarantine = Quarantine(file.label)
    table, outside = elections.read(file, options, frozenset({"MLI"}), quarantine)
    return table, outside, quarantine.frame()


def test_a_round_is_known_when_announced_else_a_year_ahead_but_no_run_off_before_its_round(
    write: Write,
) -> None:
    rows = (
        "A1,MLI,presidential,1,2018-07-29,2018-07-07,2018-07-27,,\n"
        "A2,MLI,presidential,2,2018-08-12,,,2018-08-03,announced late\n"
        "B1,MLI,legislative,1,2020-03-29,,,,\n"
        "B2,MLI,legislative,2,2020-04-19,,,,\n"
        "C1,NER,legislative,1,2020-03-29,,,,\n"
    )
    table, outside, quarantine = read_elections(write("e.csv", f"{ELECTIONS}\n{rows}"))
    assert (outside, len(quarantine)) == (1, 0)
    assert table["known_on"].astype(str).tolist() == [
        *("2017-07-29", "2018-08-03", "2019-03-30", "2020-03-29")
    ]
    assert table["note"].fillna("-").tolist() == ["-", "announced late", "-", "-"]


@pytest.mark.parametrize(
    ("row", "rule", "column"),
    [
        ("B,MLI,royal,1,2020-03-29,,,,", "unknown_type", "type"),
        ("B,Mali,legislative,1,2020-03-29,,,,", "unknown_country", "iso3"),
        ("B,MLI,legislative,0,2020-03-29,,,,", "out_of_range", "round"),
        ("B,MLI,legislative,1,2020-02-30,,,,", "impossible_date", "polling_date"),
        ("B,MLI,legislative,1,2020-03-29,,,2020-04-01,", "after_polling_day", "announced_on"),
        ("B,MLI,legislative,1,2020-03-29,,2020-04-01,,", "after_polling_day", "campaign_end"),
        ("A,MLI,legislative,1,2020-03-29,,,,", "duplicate", "election_id"),
    ],
)
def test_a_bad_round_is_set_aside(write: Write, row: str, rule: str, column: str) -> None:
    text = f"{ELECTIONS}\nA,MLI,presidential,1,2018-07-29,,,,\n{row}\n"
    table, _, quarantine = read_elections(write("e.csv", text))
    assert table["election_id"].tolist() == ["A"]
    assert quarantine[["row", "rule", "column"]].to_numpy().tolist() == [[3, rule, column]]
