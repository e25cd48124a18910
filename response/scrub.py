"""Takes out of a raw submission what could point to a mediator: numbers, accounts, positions.

What is left is what a person needs to understand it. Known to be kept: dates, ids of units and
of submissions. A name that somebody writes into a free text cannot be known as one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from response.typed import fold

NUMBER, POSITION, ADDRESS, WITHHELD = "[number]", "[position]", "[e-mail]", "[withheld]"

_DIGITS_OF_A_NUMBER = 8
"""Telephone numbers of West Africa have 8 to 10 digits, without the country's."""

# Every repetition that more than one place may begin is bounded, or a long text takes hours.
# `alone`: a single digit before a date or a number is a severity, and no part of it.
_PARTS = re.compile(
    r"""
    (?P<kept> \b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b
      | (?<!\d)\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?(?!\d)
      | (?<!\d)\d\d?/\d\d?/\d{4}(?:[ ]\d\d?[:h]\d\d(?::\d\d)?)?(?!\d) )
    | (?P<alone> (?<![\w+])\d(?=\s{1,3}(?:\d\d?/\d\d?/\d{4}
      | [+(]?\d(?:[\s.()/-]?\d){7,20})(?!\w)) )
    | (?P<address> [^\s@<>"]{1,64}@[^\s@<>"]{1,253}[.][^\s@<>"]{1,63} )
    | (?P<position> (?<![\d.])[+-]?\d{1,2}[.]\d{3,15}\s{0,3}[,; ]\s{0,3}[+-]?\d{1,3}[.]\d{3,}
      (?:\s+[\d.]+){0,2} )
    | (?P<number> (?:(?<!\w)|(?<=%2B)|(?<=%20))[+(]?\d(?:[\s.()/-]?\d){7,}(?!\w) )
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_KEYS = re.compile(
    r"PHONE|MOBILE|MSISDN|SENDER|USERNAME|SUBMITTED BY|DEVICE|SIMSERIAL|SUBSCRIBER|E ?MAIL"
    r"|GEOLOCATION|GEOPOINT|GPS|LATITUDE|LONGITUDE|POSITION|SUBMITTER|TELEPHONE|NUMERO"
    r"|ATTACHMENTS|USERFORM|INSTANCENAME|REPORTER|MEDIATOR|MEDIATEUR|OBSERVER|OBSERVATEUR|ENUMERATOR|^(FROM|TEL|LAT|LON|LNG|NOM|PRENOM|NAME|WHO)$"
)
_ANY_NAME = {"NOM", "PRENOM", "NAME"}
# Names with their values in JSON, XML and forms, also where these are cut off in the middle.
_PAIRS = re.compile(
    r"""
    (?P<head> (?P<quote>["'])(?P<json>[^"'\\<>]{1,80})(?P=quote)\s*:\s* )
      (?: "(?:[^"\\]|\\.)*"? | '(?:[^'\\]|\\.)*'? | \[[^\]]*\]? | [^\s,}\]]+ )
    | (?P<open> <(?P<xml>[\w.:-]{1,80})(?:\s[^<>]*)?> ) [^<]+
    | (?P<start> (?:^|(?<=[&?]))(?P<form>[\w.%+-]{1,80})= ) [^&\s]+
    """,
    re.VERBOSE,
)


def scrub_text(text: str) -> str:
    """A text without telephone numbers, coordinates and e-mail addresses."""

    def put(found: re.Match[str]) -> str:
        if found["kept"] or found["alone"]:
            return found[0]
        if found["address"]:
            return ADDRESS
        return POSITION if found["position"] else NUMBER

    return _PARTS.sub(put, text)


def scrub_markup(text: str) -> str:
    """A text that may be broken JSON, XML or a form, without private answers either."""

    def put(found: re.Match[str]) -> str:
        name = found["json"] or found["xml"] or found["form"]
        if not _is_private(name):
            return found[0]
        if found["head"]:
            return f'{found["head"]}"{WITHHELD}"'
        return f"{found['open'] or found['start']}{WITHHELD}"

    return scrub_text(_PAIRS.sub(put, text))


def _is_private(key: str) -> bool:
    words = fold(key)
    last = words.rpartition(" ")[2]
    return last in _ANY_NAME or _KEYS.search(words) is not None


def scrub(payload: Any) -> Any:
    """The same payload, with what could point to a person replaced by what it was.

    Args:
        payload: plain values as JSON has them.
    """
    if isinstance(payload, str):
        return scrub_markup(payload)
    if isinstance(payload, Mapping):
        return {
            scrub_text(str(key)): WITHHELD
            if _is_private(str(key)) and value not in (None, "")
            else scrub(value)
            for key, value in payload.items()
        }
    if isinstance(payload, Sequence):
        return [scrub(value) for value in payload]
    if isinstance(payload, int) and not isinstance(payload, bool):
        return payload if abs(payload) < 10 ** (_DIGITS_OF_A_NUMBER - 1) else NUMBER
    return payload
