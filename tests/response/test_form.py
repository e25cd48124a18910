"""The form: valid, in two languages, and what phones and servers send of it is understood."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

import pytest
from defusedxml.ElementTree import fromstring
from pyxform.xls2xform import convert

from features.vocabulary import Language
from response.form import EN, FR, Sheets, sheets, xform
from response.form_fields import FORMATS, from_kobo, from_odk, from_xml
from response.places import Places
from response.reports import Fault, Report, understand
from response.short_codes import Unit
from response.vocabulary import Intake, People, PlaceKind, ReportKind, Sign

NOW = datetime(2018, 7, 20, 15, tzinfo=UTC)
UNITS = [
    Unit("ML050101", "Bara Sara", "ML0501", "Bandiagara", "ML05", "Mopti"),
    Unit("ML050505", "Konna", "ML0505", "Mopti", "ML05", "Mopti"),
    Unit("ML090101", "Commune I", "ML0901", "Bamako", "ML09", "Bamako"),
]
PLACES = Places([UNITS])
_XFORMS = {"x": "http://www.w3.org/2002/xforms"}


@pytest.fixture(scope="module")
def made() -> Sheets:
    return sheets(UNITS, "Mali", "MLI")


@pytest.fixture(scope="module")
def form(made: Sheets) -> ElementTree.Element:
    return fromstring(xform(made))


def test_odk_finds_nothing_to_say_of_the_form(made: Sheets) -> None:
    if shutil.which("java") is None:
        pytest.skip("ODK Validate needs java, which is not installed")
    warnings: list[str] = []
    whole: dict[str, Any] = {name: [dict(row) for row in rows] for name, rows in made.items()}
    convert(whole, form_name="data", validate=True, warnings=warnings)
    assert warnings == []


def test_every_word_is_a_choice_in_both_languages(made: Sheets) -> None:
    for name, enum in {
        "kind": ReportKind,
        "sign": Sign,
        "place_kind": PlaceKind,
        "people": People,
    }.items():
        rows = [row for row in made["choices"] if row["list_name"] == name]
        assert [row["name"] for row in rows] == list(enum)
        labels = {(row[f"label::{FR}"], row[f"label::{EN}"]) for row in rows}
        assert len(labels) == len(enum)
    asked = [row for row in made["survey"] if row["type"] not in ("start", "end")]
    assert all(row[f"label::{FR}"] != "" and row[f"label::{EN}"] != "" for row in asked)


def test_communes_are_chosen_within_their_cercle_and_region(form: ElementTree.Element) -> None:
    text = ElementTree.tostring(form, encoding="unicode")
    assert "instance('unit')/root/item[parent =  /data/parent ]" in text
    assert "instance('parent')/root/item[region =  /data/region ]" in text


def test_the_form_asks_for_nothing_that_points_to_a_person(made: Sheets) -> None:
    types = {row["type"].split()[0] for row in made["survey"]}
    assert types == {"start", "end", "note", "select_one", "text", "dateTime", "image"}


def test_a_new_unit_makes_a_new_version(made: Sheets) -> None:
    def version(units: list[Unit]) -> str:
        return sheets(units, "Mali", "MLI")["settings"][0]["version"]

    assert version(list(reversed(UNITS))) == made["settings"][0]["version"]
    assert version(UNITS[:2]) != made["settings"][0]["version"]


ANSWERS = {
    "start": "2018-07-20T09:55:00.000+00:00",
    "end": "2018-07-20T10:00:00.000+00:00",
    "unit": "ML050505",
    "kind": "warning_sign",
    "sign": "armed_presence",
    "severity": "3",
    "place_kind": "market",
    "people": "armed_group",
    "seen_at": "2018-07-20T08:00:00.000+00:00",
    "photo": "1532080800000.jpg",
}
WANTED = Report(
    "ML050505",
    ReportKind.WARNING_SIGN,
    Sign.ARMED_PRESENCE,
    3,
    PlaceKind.MARKET,
    None,
    People.ARMED_GROUP,
    datetime(2018, 7, 20, 8, tzinfo=UTC),
    datetime(2018, 7, 20, 10, tzinfo=UTC),
)


def filled_by_a_phone(form: ElementTree.Element, **meta: str) -> bytes:
    """The form's own instance with its answers put in, as ODK Collect does."""
    instance = form.find(".//x:instance/x:data", _XFORMS)
    assert instance is not None
    for name, answer in ANSWERS.items():
        element = instance.find(f"x:{name}", _XFORMS)
        assert element is not None, name
        element.text = answer
    parent = next(e for e in instance if e.tag.endswith("meta"))
    for name, value in meta.items():
        element = next((e for e in parent if e.tag.endswith(name)), None)
        if element is None:
            element = ElementTree.SubElement(parent, parent.tag.replace("meta", name))
        element.text = value
    return ElementTree.tostring(instance)


def test_what_a_phone_makes_of_the_form_is_a_report(form: ElementTree.Element) -> None:
    document = filled_by_a_phone(form, instanceID="uuid:i2", deprecatedID="uuid:i1")
    filled = from_xml(document)
    assert (filled.instance_id, filled.replaces, filled.client_id) == ("i2", "i1", "i1")
    assert filled.photo == ANSWERS["photo"]
    assert understand(filled.fields, PLACES, NOW) == WANTED


def test_a_submission_of_kobotoolbox_is_a_report() -> None:
    payload = {
        "_id": 23,
        "formhub/uuid": "0e4b",
        "_uuid": "i2",
        "meta/instanceID": "uuid:i2",
        "meta/deprecatedID": "uuid:i1",
        "meta/rootUuid": "uuid:i1",
        "_xform_id_string": "aXyz",
        "_submission_time": "2018-07-20T10:01:00",
        "_submitted_by": "moussa",
        "_geolocation": [None, None],
        "_attachments": [],
        **{f"group/{name}": value for name, value in ANSWERS.items() if name != "photo"},
    }
    filled = from_kobo(payload)
    assert (filled.client_id, filled.instance_id, filled.replaces) == ("aXyz/23", "i2", "i1")
    assert filled.who == "moussa"
    assert understand(filled.fields, PLACES, NOW) == WANTED


def test_a_row_of_odk_central_is_a_report() -> None:
    system = {
        "submissionDate": "2018-07-20T10:01:00.000Z",
        "updatedAt": "2018-07-20T11:00:00.000Z",
        "deletedAt": None,
        "submitterId": "5",
        "submitterName": "Moussa",
    }
    row = {
        "__id": "uuid:i1",
        "__system": system,
        "meta": {"instanceID": "uuid:i2", "instanceName": None},
        "where": {"unit": "ML050505"},
        **{name: value for name, value in ANSWERS.items() if name != "unit"},
        "severity": 3,
    }
    filled = from_odk(row)
    assert (filled.client_id, filled.instance_id, filled.withdraw) == ("i1", "i2", False)
    assert filled.edited_at == datetime(2018, 7, 20, 11, tzinfo=UTC)
    assert understand(filled.fields, PLACES, NOW) == WANTED
    gone = from_odk({**row, "__system": {**system, "deletedAt": "2018-07-21T00:00:00Z"}})
    assert (gone.withdraw, gone.edited_at) == (True, datetime(2018, 7, 21, tzinfo=UTC))


def test_an_event_of_odk_central_is_the_same_report(form: ElementTree.Element) -> None:
    xml = filled_by_a_phone(form, instanceID="uuid:i1").decode()
    event = {"type": "submission.create", "id": "uuid:i1", "data": {"xml": xml}}
    filled = from_odk(event)
    assert filled.client_id == "i1"
    assert understand(filled.fields, PLACES, NOW) == WANTED


BILLION_LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    b'<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><data><unit>&c;</unit></data>'
)
READS_A_FILE = (
    b'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    b"<data><unit>&x;</unit></data>"
)


@pytest.mark.parametrize(
    "document",
    [BILLION_LAUGHS, READS_A_FILE, b"", b"<", b"\xff\xfe\x00", b"<a>" * 100_000, b"{}"],
)
def test_a_document_that_is_no_form_is_told_so(document: bytes) -> None:
    filled = from_xml(document)
    assert [reason.fault for reason in filled.unreadable] == [Fault.NOT_READABLE]
    assert "root:" not in str(filled)
    assert filled.unreadable[0].says(Language.FR)


@pytest.mark.parametrize("intake", [Intake.KOBO, Intake.ODK])
@pytest.mark.parametrize("payload", [{}, {"__id": None}, {"_id": []}, {"data": 3}, {"meta": "x"}])
def test_strange_json_is_told_so(intake: Intake, payload: dict[str, Any]) -> None:
    filled = FORMATS[intake](payload)
    assert filled.unreadable
