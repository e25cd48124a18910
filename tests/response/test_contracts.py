"""Tables of the response side: their contract, and what was known when."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from features.errors import ContractError
from response import vocabulary
from response.contracts import CONTRACTS, MOMENT, current, empty, require
from response.vocabulary import SAID, Intake


def reports(*rows: dict[str, Any]) -> pd.DataFrame:
    usual = {
        "report_id": "R1",
        "version": 1,
        "known_at": "2018-07-20T10:00Z",
        "unit_id": "XX0101",
        "kind": "warning_sign",
        "sign": "armed_presence",
        "severity": 3,
        "place_kind": "market",
        "voting_center": None,
        "people": "armed_group",
        "seen_at": "2018-07-20T08:00Z",
        "sent_at": "2018-07-20T09:00Z",
        "verification": "unverified",
        "withdrawn": False,
        "intake": "sms",
        "reporter": "a1",
    }
    table = pd.DataFrame([{**usual, **row} for row in rows])
    texts = ("place_kind", "voting_center", "people", "sign", "reporter")
    moments = ("known_at", "seen_at", "sent_at")
    return table.astype(dict.fromkeys(moments, MOMENT) | dict.fromkeys(texts, "str"))


@pytest.mark.parametrize("name", sorted(CONTRACTS))
def test_an_empty_table_keeps_its_contract(name: str) -> None:
    assert require(empty(name), name).empty


def test_a_row_is_as_declared_or_refused() -> None:
    assert len(require(reports({}), "reports")) == 1
    for column, wrong in {"severity": 6, "sign": "witchcraft", "version": 0}.items():
        with pytest.raises(ContractError, match=f"column '{column}'"):
            require(reports({column: wrong}), "reports")


def test_a_report_is_what_was_known_of_it_at_the_moment() -> None:
    history = reports(
        {"severity": 3},
        {"version": 2, "known_at": "2018-07-21T10:00Z", "severity": 5},
        {"version": 3, "known_at": "2018-07-22T10:00Z", "withdrawn": True},
        {"report_id": "R2", "known_at": "2018-07-21T12:00Z"},
    )
    at = [pd.Timestamp(f"2018-07-{day}T11:00Z") for day in (19, 20, 21, 22)]
    known = [current(history, moment) for moment in at]
    assert [list(k["report_id"]) for k in known] == [[], ["R1"], ["R1"], ["R2"]]
    assert [list(k["severity"]) for k in known[1:3]] == [[3], [5]]


def test_every_word_has_a_code_of_its_own_and_a_name_in_both_languages() -> None:
    enums = [
        e for e in vars(vocabulary).values() if isinstance(e, type) and hasattr(e, "__members__")
    ]
    words = {w for e in enums if e is not Intake for w in e}
    words -= {w for w in words if type(w).__name__ in ("Language", "StrEnum")}
    assert words == set(SAID)
    codes = [said.code for said in SAID.values()]
    assert len(set(codes)) == len(codes)
    assert all(code.isascii() and code.isupper() for code in codes)
    assert all(said.en and said.fr for said in SAID.values())
