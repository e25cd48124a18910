"""CAP 1.2: an alert as the XML that warning systems exchange, and the rules that it must keep.

The standard is "Common Alerting Protocol Version 1.2", OASIS Standard, 1 July 2010: its data
dictionary (section 3.2) for the rules here, its schema (section 3.4) for order and types.
Tests hold what is built against that schema.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from xml.etree import ElementTree as ET

from features.errors import ContractError
from features.vocabulary import Language

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
MEDIA_TYPE = "application/cap+xml"
GEOCODE = "P-code"
"""`valueName` of geocodes: the place codes of OCHA's common operational data."""
MOST_POINTS = 200
"""Points of an outline beyond which it is left out: the geocode says the same."""

_TAGS = {Language.FR: "fr", Language.EN: "en"}
_FORBIDDEN = re.compile(r"[\s,<&]")
_SENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


class Status(StrEnum):
    """How a message is meant."""

    ACTUAL = "Actual"
    EXERCISE = "Exercise"
    TEST = "Test"


class MessageType(StrEnum):
    """What a message does to those before it."""

    ALERT = "Alert"
    UPDATE = "Update"
    CANCEL = "Cancel"


class Urgency(StrEnum):
    """How soon to act."""

    IMMEDIATE = "Immediate"
    EXPECTED = "Expected"
    FUTURE = "Future"
    PAST = "Past"
    UNKNOWN = "Unknown"


class Severity(StrEnum):
    """How grave it is."""

    EXTREME = "Extreme"
    SEVERE = "Severe"
    MODERATE = "Moderate"
    MINOR = "Minor"
    UNKNOWN = "Unknown"


class Certainty(StrEnum):
    """How sure it is."""

    OBSERVED = "Observed"
    LIKELY = "Likely"
    POSSIBLE = "Possible"
    UNLIKELY = "Unlikely"
    UNKNOWN = "Unknown"


@dataclass(frozen=True)
class Words:
    """An alert in one language."""

    headline: str
    reason: str
    instruction: str


@dataclass(frozen=True)
class Place:
    """One unit: its P-code, its name, and its outline as GeoJSON text (WGS 84)."""

    unit_id: str
    name: str
    geometry: str | None = None


@dataclass(frozen=True)
class Reference:
    """An earlier message that this one updates or cancels."""

    sender: str
    identifier: str
    sent: datetime

    def __str__(self) -> str:
        """As `references` wants it."""
        return f"{self.sender},{self.identifier},{moment(self.sent)}"


@dataclass(frozen=True)
class Message:
    """What becomes one CAP message.

    Attributes:
        status: `Actual` only for what is not made up.
        words: in every language; each gives an `info` block.
        parameters: name -> value, of the system's own.
    """

    identifier: str
    sender: str
    sender_name: str
    sent: datetime
    status: Status
    message_type: MessageType
    level: str
    urgency: Urgency
    severity: Severity
    certainty: Certainty
    expires: datetime
    words: Mapping[Language, Words]
    places: Sequence[Place]
    references: Sequence[Reference] = ()
    note: str = ""
    web: str = ""
    parameters: Mapping[str, str] | None = None


EVENT = {Language.FR: "Violence électorale", Language.EN: "Electoral violence"}
RESTRICTION = (
    "Réservé aux destinataires désignés par Vigie ; ne pas rediffuser. "
    "For recipients named by Vigie only; do not pass on."
)


def moment(at: datetime) -> str:
    """A moment as CAP writes it: whole seconds, UTC as `-00:00`, never `Z`.

    Raises:
        ContractError: no time zone.
    """
    if at.tzinfo is None:
        raise ContractError(f"CAP: expected a moment with a time zone, got {at!r}; pass UTC")
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S-00:00")


def build(message: Message) -> bytes:
    """A message as XML in UTF-8.

    Raises:
        ContractError: it would break a rule of the standard; all that it breaks are named.
    """
    alert = ET.Element(_name("alert"))
    head = {
        "identifier": message.identifier,
        "sender": message.sender,
        "sent": moment(message.sent),
        "status": str(message.status),
        "msgType": str(message.message_type),
        "scope": "Restricted",
        "restriction": RESTRICTION,
        "note": message.note,
        "references": " ".join(str(one) for one in message.references),
    }
    _add(alert, head)
    for language in sorted(message.words, key=lambda one: one is not Language.FR):
        alert.append(_info(message, language))
    broken = faults(alert)
    if broken:
        raise ContractError(f"CAP message {message.identifier!r}: {'; '.join(broken)}")
    ET.indent(alert)
    whole: bytes = ET.tostring(
        alert, encoding="utf-8", xml_declaration=True, default_namespace=NAMESPACE
    )
    return whole


def _info(message: Message, language: Language) -> ET.Element:
    words = message.words[language]
    info = ET.Element(_name("info"))
    _add(info, {"language": _TAGS[language], "category": "Security", "event": EVENT[language]})
    _add(info, {"responseType": "AllClear" if _cancels(message) else "Prepare"})
    _add(
        info,
        {
            "urgency": str(Urgency.PAST if _cancels(message) else message.urgency),
            "severity": str(message.severity),
            "certainty": str(message.certainty),
            "effective": moment(message.sent),
            "expires": moment(message.expires),
            "senderName": message.sender_name,
            "headline": words.headline,
            "description": words.reason,
            "instruction": words.instruction,
            "web": message.web,
        },
    )
    for name, value in {"level": message.level, **(message.parameters or {})}.items():
        _named(info, "parameter", name, value)
    for place in message.places:
        area = ET.SubElement(info, _name("area"))
        _add(area, {"areaDesc": place.name})
        for outline in polygons(place.geometry):
            _add(area, {"polygon": outline})
        _named(area, "geocode", GEOCODE, place.unit_id)
    return info


def _cancels(message: Message) -> bool:
    return message.message_type is MessageType.CANCEL


def polygons(geometry: str | None) -> list[str]:
    """The outer rings of a GeoJSON polygon or multipolygon, as CAP writes them.

    Returns:
        `lat,lon lat,lon ...`, first and last pair the same; none for rings of over
        `MOST_POINTS` points, which a receiver had better look up by the P-code.
    """
    if not geometry:
        return []
    shape = json.loads(geometry)
    parts = shape["coordinates"] if shape["type"] == "MultiPolygon" else [shape["coordinates"]]
    rings = [part[0] for part in parts if part]
    return [
        " ".join(f"{lat:g},{lon:g}" for lon, lat, *_ in ring)
        for ring in rings
        if 4 <= len(ring) <= MOST_POINTS
    ]


def embedded(xml: str) -> ET.Element:
    """A message that `build` made, as an element that can stand within another format.

    Its namespace is an attribute: ElementTree would give one of the two formats a prefix, which
    simple readers of feeds do not understand.
    """
    alert = ET.fromstring(xml.encode())  # noqa: S314  our own text, never another's
    for element in alert.iter():
        element.tag = element.tag.rpartition("}")[2]
    alert.set("xmlns", NAMESPACE)
    return alert


def _name(tag: str) -> str:
    return f"{{{NAMESPACE}}}{tag}"


def _add(parent: ET.Element, children: Mapping[str, str]) -> None:
    """Elements with text; those without any are left out, as the standard wants."""
    for tag, text in children.items():
        if text:
            ET.SubElement(parent, _name(tag)).text = _UNPRINTABLE.sub("", text)


def _named(parent: ET.Element, tag: str, name: str, value: str) -> None:
    _add(ET.SubElement(parent, _name(tag)), {"valueName": name, "value": value})


def faults(alert: ET.Element) -> list[str]:
    """What the standard says and its schema cannot: each broken rule, in words.

    Args:
        alert: the root of a message that keeps the schema.
    """

    def of(parent: ET.Element, tag: str) -> str:
        return parent.findtext(_name(tag), "")

    found = [
        f"{tag}: expected text without space, comma, < and &, got {of(alert, tag)!r}"
        for tag in ("identifier", "sender")
        if not of(alert, tag) or _FORBIDDEN.search(of(alert, tag))
    ]
    kind, sent, references = of(alert, "msgType"), of(alert, "sent"), of(alert, "references")
    scope, infos = of(alert, "scope"), alert.findall(_name("info"))
    holds = {
        f"sent: expected YYYY-MM-DDThh:mm:ss-00:00, got {sent!r}": bool(_SENT.fullmatch(sent)),
        "restriction: expected with the scope Restricted, and only then": (
            (scope == "Restricted") == bool(of(alert, "restriction"))
        ),
        "addresses: expected with the scope Private": (
            scope != "Private" or bool(of(alert, "addresses"))
        ),
        f"references: expected the message that {kind} is about": (
            kind not in ("Update", "Cancel") or bool(references)
        ),
        f"references: expected sender,identifier,sent, got {references!r}": all(
            len(one.split(",")) == 3 for one in references.split()
        ),
        "note: expected what the exercise is": (
            of(alert, "status") != "Exercise" or bool(of(alert, "note"))
        ),
        "info: expected one for each language": bool(infos),
    }
    found += [says for says, kept in holds.items() if not kept]
    return found + [fault for info in infos for fault in _faults_of_info(info, sent)]


def _faults_of_info(info: ET.Element, sent: str) -> list[str]:
    texts: dict[str, Any] = {c.tag.rpartition("}")[2]: c.text or "" for c in info}
    words = ("headline", "description", "event")
    found = [f"{tag}: expected words" for tag in words if not texts.get(tag)]
    if not _SENT.fullmatch(texts.get("expires", "")) or texts["expires"] <= sent:
        found.append(f"expires: expected after {sent}, got {texts.get('expires')!r}")
    areas = info.findall(_name("area"))
    if not areas:
        found.append("area: expected at least one")
    for area in areas:
        if area.find(_name("geocode")) is None:
            found.append(f"area {area.findtext(_name('areaDesc'))!r}: expected a geocode")
        for polygon in area.findall(_name("polygon")):
            found += _faults_of_polygon((polygon.text or "").split())
    return found


def _faults_of_polygon(pairs: list[str]) -> list[str]:
    if len(pairs) < 4 or pairs[0] != pairs[-1]:
        return [f"polygon: expected at least four pairs, the last as the first, got {len(pairs)}"]
    for pair in pairs:
        lat, _, lon = pair.partition(",")
        if not (-90 <= float(lat) <= 90 and -180 <= float(lon) <= 180):
            return [f"polygon: expected latitude,longitude in degrees, got {pair!r}"]
    return []
