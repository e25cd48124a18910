"""Bytes that arrive: read as JSON, or kept so that a person can read them and nobody is named."""

from __future__ import annotations

import base64
import gzip
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.vocabulary import Language
from response.bodies import DEEPEST, Unread, is_flat, kept, read_object
from response.reports import Fault
from response.scrub import scrub, scrub_markup


@pytest.mark.parametrize(
    ("content", "fault", "says"),
    [
        (b"", Fault.MISSING, "l'envoi manque"),
        (b" \n", Fault.MISSING, "l'envoi manque"),
        (b'{"a": 1', Fault.NOT_READABLE, "l'envoi (JSON, 1:8) est illisible"),
        (b'{"a": "\xff"}', Fault.NOT_READABLE, "l'envoi (JSON) est illisible"),
        (b"[1]", Fault.NOT_A_FORM, "l'envoi (list) n'est pas un formulaire rempli"),
        (b'"x"', Fault.NOT_A_FORM, "l'envoi (str) n'est pas un formulaire rempli"),
        (
            b'{"a": ' * 60 + b"1" + b"}" * 60,
            Fault.NOT_READABLE,
            "l'envoi (JSON > 50) est illisible",
        ),
        (b"[" * 200_000, Fault.NOT_READABLE, None),
    ],
)
def test_what_is_no_object_says_why(content: bytes, fault: Fault, says: str | None) -> None:
    found = read_object(content)
    assert isinstance(found, Unread)
    assert (found.content, found.reason.fault) == (content, fault)
    assert says in (None, found.reason.says(Language.FR))


def test_an_object_is_read_as_deep_as_declared() -> None:
    assert read_object('{"a": "é"}'.encode("utf-16")) == {"a": "é"}
    deep: object = 1
    for _ in range(DEEPEST - 1):
        deep = [deep]
    assert is_flat(deep)
    assert not is_flat([[deep]])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_text_is_kept_as_text_without_numbers(encoding: str) -> None:
    found = kept("L'école, tél. 76 12 34 56\r\n".encode(encoding))
    assert found == {"body": "L'école, tél. [number]\r\n"}


def test_bytes_that_are_no_text_are_kept_as_they_are() -> None:
    packed = gzip.compress(b"anything", mtime=0)
    found = kept(packed)
    assert base64.b64decode(found["base64"]) == packed
    assert found["body"].isprintable()
    numbered = base64.b64decode(kept(b"\x00\x01 22376123456 \xfe")["base64"])
    assert numbered == b"\x00\x01 [number] \xfe"


@given(st.binary())
def test_whatever_comes_can_be_stored_and_shown(content: bytes) -> None:
    found = kept(content)
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize(
    "broken",
    [
        '{"_submitted_by": "moussa", "note": "x"',
        '{"_submitted_by": "mous\\"sa',
        "{'_geolocation': [14.49, -4.19], 'note': 1",
        "<data><username>moussa</username><unit>X",
        '<data><meta:deviceID a="1">moussa</meta:deviceID>',
        "text=x&from=moussa&id=1",
        "from=%2B22376123456&body=%2B22376123456",
    ],
)
def test_names_go_from_what_is_cut_off_too(broken: str) -> None:
    clean = scrub_markup(broken)
    for private in ("mous", "14.49", "76123456"):
        assert private not in clean
    assert scrub({"xml": broken})["xml"] == clean


def test_a_text_that_names_nobody_stays_as_it_is() -> None:
    for text in ('{"unit": "ML050501", "severity": 3', "VIG MOP05 ARMES 3", "<unit>ML05</unit>"):
        assert scrub_markup(text) == text


@pytest.mark.parametrize("piece", ["x", "1 ", "1.1111 ", " ", '"a":[', '"a" ', "<a ", "a@", "&a="])
def test_a_long_text_is_cleaned_in_a_moment(piece: str) -> None:
    """What grows with the square of its length takes hours for what the service lets in."""
    begun = time.process_time()
    scrub_markup((piece * 1_000_000)[:1_000_000])
    assert time.process_time() - begun < 20
