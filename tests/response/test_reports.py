"""From plain fields to a report, or to reasons; short codes; what must not be kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import ContractError
from features.vocabulary import Language
from response import vocabulary
from response.places import Places
from response.report_csv import read_rows
from response.reports import FIELDS, Fault, Report, read_moment, understand
from response.scrub import NUMBER, POSITION, WITHHELD, scrub, scrub_text
from response.short_codes import Unit, short_codes
from response.submissions import Submission, head
from response.typed import distance, fold
from response.vocabulary import SAID, People, PlaceKind, ReportKind, Sign

NOW = datetime(2018, 7, 20, 15, tzinfo=UTC)


def unit(unit_id: str, name: str = "Konna", parent: str = "Mopti") -> Unit:
    return Unit(unit_id, name, unit_id[:6], parent, unit_id[:4], "Région")


PLACES = Places([[unit("ML050505"), unit("ML050506", "Socoura"), unit("ML050101", "Konna", "Ba")]])
GOOD: dict[str, Any] = {
    "unit": "ML050505",
    "kind": "incident",
    "sign": "clash",
    "severity": 4,
    "seen_at": "2018-07-20T08:00:00Z",
}


def faults(**how: Any) -> list[tuple[str, Fault]]:
    found = understand({**GOOD, **how}, PLACES, NOW)
    return [] if isinstance(found, Report) else [(r.field, r.fault) for r in found]


def test_every_word_has_a_place_of_its_own_in_the_table_of_names() -> None:
    enums = (ReportKind, Sign, PlaceKind, People, vocabulary.Verification, vocabulary.Level)
    assert len(SAID) == sum(len(enum) for enum in enums)
    assert SAID[Sign.OTHER].code == "AUTRE"
    assert len({said.code for said in SAID.values()}) == len(SAID)


@pytest.mark.parametrize("kind", ["incident", "INCIDENT", "Incident"])
@pytest.mark.parametrize("sign", ["clash", "BAGARRE", "affrontement ou bagarre", "clash or brawl"])
@pytest.mark.parametrize("place", ["ML050505", "mop05", "Mopti Konna"])
def test_words_are_known_by_value_code_and_name(kind: str, sign: str, place: str) -> None:
    found = understand({**GOOD, "kind": kind, "sign": sign, "unit": place}, PLACES, NOW)
    assert isinstance(found, Report), found
    assert (found.unit_id, found.kind, found.sign) == ("ML050505", "incident", "clash")


@pytest.mark.parametrize(
    ("how", "wanted"),
    [
        ({"unit": ""}, [("unit", Fault.MISSING)]),
        ({"unit": "Atlantis"}, [("unit", Fault.UNKNOWN)]),
        ({"unit": "Konna"}, [("unit", Fault.AMBIGUOUS)]),
        ({"kind": "war"}, [("kind", Fault.UNKNOWN)]),
        ({"sign": None}, [("sign", Fault.MISSING)]),
        ({"severity": 0}, [("severity", Fault.NOT_A_NUMBER)]),
        ({"severity": None}, [("severity", Fault.MISSING)]),
        (
            {"kind": "nothing_seen"},
            [("severity", Fault.CONTRADICTION), ("sign", Fault.CONTRADICTION)],
        ),
        ({"kind": "nothing_seen", "sign": "", "severity": "0"}, []),
        ({"place_kind": "moon"}, [("place_kind", Fault.UNKNOWN)]),
        ({"voting_center": "x" * 101}, [("voting_center", Fault.TOO_LONG)]),
        ({"seen_at": "yesterday"}, [("seen_at", Fault.NOT_A_MOMENT)]),
        ({"seen_at": "2018-07-20T17:00:00Z"}, [("seen_at", Fault.IN_THE_FUTURE)]),
        ({"seen_at": "2017-07-18T17:00:00Z"}, [("seen_at", Fault.TOO_LONG_AGO)]),
        ({"sent_at": "?"}, [("sent_at", Fault.NOT_A_MOMENT)]),
    ],
)
def test_every_fault_is_told(how: dict[str, Any], wanted: list[tuple[str, Fault]]) -> None:
    assert sorted(faults(**how)) == sorted(wanted)
    found = understand({**GOOD, **how}, PLACES, NOW)
    for reason in [] if isinstance(found, Report) else found:
        assert reason.says(Language.FR) != reason.says(Language.EN)


@pytest.mark.parametrize("enum", [ReportKind, Sign, PlaceKind, People])
def test_a_value_written_as_programs_write_it_is_that_word(enum: type[StrEnum]) -> None:
    field = {ReportKind: "kind", Sign: "sign", PlaceKind: "place_kind", People: "people"}[enum]
    for word in enum:
        quiet = {"sign": None, "severity": None} if word is ReportKind.NOTHING_SEEN else {}
        found = understand({**GOOD, **quiet, field: word.value}, PLACES, NOW)
        assert isinstance(found, Report)
        assert getattr(found, field) is word


def test_the_french_word_for_a_rally_is_a_rally() -> None:
    found = understand({**GOOD, "place_kind": "MEETING"}, PLACES, NOW)
    assert isinstance(found, Report)
    assert found.place_kind is PlaceKind.RALLY


def test_a_phone_whose_clock_is_ahead_is_taken_at_our_time() -> None:
    ahead = (NOW + timedelta(minutes=20)).isoformat()
    found = understand({**GOOD, "seen_at": ahead, "sent_at": ahead}, PLACES, NOW)
    assert isinstance(found, Report)
    assert (found.seen_at, found.sent_at) == (NOW, NOW)


def test_moments_are_read_as_people_write_them() -> None:
    wanted = datetime(2018, 7, 29, 14, 30, tzinfo=UTC)
    for text in ("2018-07-29T14:30:00Z", "2018-07-29 14:30", "29/07/2018 14h30", "29/7/2018 14:30"):
        assert read_moment(text, UTC) == wanted
    assert read_moment("2018-07-29T16:30:00.123+02:00", UTC) == wanted
    for day in ("2018-07-29", "29/07/2018"):
        assert read_moment(day, UTC) == wanted.replace(hour=12, minute=0)
    for text in ("", "0", "2018-13-01", "31/02/2018", "2018-07-29T99:00", "0001-01-01T00:00+14:00"):
        assert read_moment(text, UTC) is None


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=60),
    st.sampled_from([said.code for said in SAID.values()] + ["ML050505", "3", "2018-07-20"]),
)


@given(st.dictionaries(st.sampled_from([*FIELDS, "other"]), ANYTHING))
def test_any_fields_are_a_report_or_reasons(fields: dict[str, Any]) -> None:
    found = understand(fields, PLACES, NOW)
    assert isinstance(found, Report) or len(found) > 0


# Short codes


def test_codes_are_short_stable_and_one_of_a_kind() -> None:
    units = [
        unit("ML050501", "a", "Mopti"),
        unit("ML050502", "b", "Mopti"),
        unit("ML060101", "c", "Mopté"),
        unit("ML070101", "d", "Éa"),
        Unit("X9", "e", "P", "Mop", "R", "R"),
        Unit("X10", "f", "P", "Mop", "R", "R"),
    ]
    codes = short_codes(units)
    assert codes["ML050501"] == "MOP01"
    assert codes["ML060101"] == "MOT01"
    assert codes["ML070101"] == "EAX01"
    assert (codes["X10"], codes["X9"]) == ("MOA01", "MOA02")
    assert len(set(codes.values())) == len(units)
    assert short_codes(reversed(units)) == codes
    more = [*units, unit("ML050503", "g", "Mopti")]
    assert {k: v for k, v in short_codes(more).items() if k in codes} == codes


@pytest.mark.real_data
def test_every_commune_of_mali_has_a_code_of_its_own(shared_data: Path) -> None:
    file = shared_data / "mali" / "mli_admin3_approximate.geojson"
    rows = [f["properties"] for f in json.loads(file.read_text(encoding="utf-8"))["features"]]
    levels = ("ADM3_PCODE", "ADM3_FR", "ADM2_PCODE", "ADM2_FR", "ADM1_PCODE", "ADM1_FR")
    units = [Unit(*(str(row[level]) for level in levels)) for row in rows]
    codes = short_codes(units)
    assert len(set(codes.values())) == len(units) == 701
    assert {len(code) for code in codes.values()} == {5}
    assert codes["ML050605"] == "MOP05"
    places = Places([units])
    assert [unit.name for unit in places.find("mop 05")] == ["Konna"]
    assert "MOP07" in places.suggest("MOP77")


def test_typing_errors_are_measured() -> None:
    pairs = {("ARMES", "ARMES"): 0, ("ARMS", "ARMES"): 1, ("RAMES", "ARMES"): 1, ("A", "BCD"): 3}
    for (left, right), wanted in pairs.items():
        assert distance(left, right) == distance(right, left) == wanted
    assert fold("  Présence-armée, œuvre ") == "PRESENCE ARMEE OEUVRE"


# What must not be kept


@pytest.mark.parametrize(
    "text", ["+22376123456", "00223 76 12 34 56", "76.12.34.56", "(223)76123456", "76-12-34-56"]
)
def test_numbers_do_not_stay(text: str) -> None:
    assert scrub_text(f"appelez {text} vite") == f"appelez {NUMBER} vite"


def test_what_is_no_number_stays() -> None:
    kept = (
        "2018-07-29T10:00:00.000+02:00 29/07/2018 14h30 ML050501 MOP05 3 "
        "b75f5fdc-a6a3-4dc6-b186-0bbcef40abda 2018-07-29 10:00"
    )
    assert scrub_text(kept) == kept


def test_positions_accounts_and_names_do_not_stay() -> None:
    payload = {
        "_submitted_by": "moussa",
        "_geolocation": [14.5, -4.2],
        "deviceid": "collect:x",
        "_attachments": [{"filename": "moussa/attachments/p.jpg"}],
        "_userform_id": "moussa_aX",
        "meta/instanceName": "Moussa",
        "group/nom": "Moussa Traoré",
        "here": "14.4974 -4.1973 0 0",
        "mail": "a@b.ml",
        "phone number": 76123456,
        "list": [{"from": "+223", "severity": 3}],
        "unit": "ML050501",
        "observation": "calme",
    }
    found = scrub(payload)
    assert found["here"] == POSITION
    private = {"_submitted_by", "_geolocation", "deviceid", "group/nom", "phone number"}
    private |= {"_attachments", "_userform_id", "meta/instanceName"}
    assert {name for name, value in found.items() if value == WITHHELD} == private
    assert found["list"] == [{"from": WITHHELD, "severity": 3}]
    assert (found["unit"], found["observation"]) == ("ML050501", "calme")
    assert "moussa" not in str(found).lower()


# Order of arrival


@given(st.permutations(range(5)))
def test_the_version_that_counts_does_not_depend_on_the_order(order: list[int]) -> None:
    def at(minutes: int) -> datetime:
        return NOW + timedelta(minutes=minutes)

    sent = [
        Submission("a", None, at(9), "i1"),
        Submission("b", None, at(2), "i2", "i1"),
        Submission("c", None, at(3)),
        Submission("d", None, at(3)),
        Submission("e", None, at(1)),
    ]
    assert head([sent[k] for k in order]).submission_id == "d"


# From paper


def test_a_csv_is_read_as_it_is_saved() -> None:
    text = "Commune;Type;Gravité;Date;Heure\nMOP05;rien vu;;29/07/2018;9h\n;;;;\n"
    for content in (text.encode(), text.encode("cp1252"), b"\xef\xbb\xbf" + text.encode()):
        (row,) = read_rows(content)
        assert (row.line, row.fields["unit"], row.fields["seen_at"]) == (
            2,
            "MOP05",
            "29/07/2018 9h",
        )
    commas = "unit,kind,seen_at,client_id\nMOP05,RIEN,2018-07-29,7\nMOP06,RIEN,2018-07-29,8,more\n"
    assert [row.fields["client_id"] for row in read_rows(commas.encode())] == ["7", "8"]
    assert read_rows(commas.encode())[1].raw["more"] == ["more"]


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\x00\x01", b'unit,kind,seen_at\n"'])
def test_a_bad_file_is_refused_whole(content: bytes) -> None:
    with pytest.raises(ContractError, match="csv"):
        read_rows(content)
