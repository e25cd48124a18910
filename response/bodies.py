"""What arrives as bytes: read as JSON, or kept as it came for a person to read."""

from __future__ import annotations

import base64
import codecs
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from response.reports import Fault, Reason
from response.scrub import scrub_markup

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
"""Letters that no text has; tabs and ends of lines are none."""

DEEPEST = 50
"""Levels of JSON that are read. A filled form has three; hundreds would break off whatever
walks through them."""


class Unread(NamedTuple):
    """A body that nothing could be read from, and why."""

    content: bytes
    reason: Reason


def read_object(content: bytes) -> Mapping[str, Any] | Unread:
    """The JSON object that a body holds, or why it holds none."""
    if not content.strip():
        return Unread(content, Reason("body", Fault.MISSING))
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        at = f", {error.lineno}:{error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        return Unread(content, Reason("body", Fault.NOT_READABLE, f"JSON{at}"))
    if not isinstance(found, dict):
        return Unread(content, Reason("body", Fault.NOT_A_FORM, type(found).__name__))
    if not is_flat(found):
        return Unread(content, Reason("body", Fault.NOT_READABLE, f"JSON > {DEEPEST}"))
    return found


def is_flat(value: Any) -> bool:
    """Whether values lie no deeper than `DEEPEST` levels within each other."""
    level = [value]
    for _ in range(DEEPEST):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return True
    return False


def as_text(content: bytes) -> str | None:
    """The text that bytes are in UTF-8, UTF-16 or Windows-1252; None where they are none."""
    for encoding in (_wide(content), "utf-8-sig", "cp1252"):
        try:
            text = content.decode(encoding) if encoding else "\x00"
        except UnicodeDecodeError:
            continue
        if _CONTROL.search(text) is None:
            return text
    return None


def _wide(content: bytes) -> str | None:
    """The order of UTF-16, told by its mark or by the zeros beside western letters."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    even, odd = content[::2], content[1::2]
    if odd.count(0) * 2 > len(odd) and 0 not in even:
        return "utf-16-le"
    return "utf-16-be" if even.count(0) * 2 > len(even) and 0 not in odd else None


def kept(content: bytes) -> dict[str, Any]:
    """Bytes as values that can be stored and shown, without what points to a person.

    Returns:
        `body`, the text, and where it is none also `base64`, the bytes; `body` is then what can
        be printed of them. Numbers within text are found, within packed bytes they cannot be.
    """
    text = as_text(content)
    if text is not None:
        return {"body": scrub_markup(text)}
    # Latin-1 has a letter for each byte, so that nothing but numbers and names changes.
    clean = scrub_markup(content.decode("latin-1"))
    printed = "".join(letter if letter.isprintable() else "·" for letter in clean)
    return {"body": printed, "base64": base64.b64encode(clean.encode("latin-1")).decode()}
