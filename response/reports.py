"""What a field report must say: the one way from any intake's plain fields to a report."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from features.vocabulary import Language
from response.places import Places
from response.scrub import scrub_text
from response.typed import fold, nearest
from response.vocabulary import SAID, People, PlaceKind, ReportKind, Sign

E = TypeVar("E", bound=StrEnum)

FIELDS = (
    "unit",
    "kind",
    "sign",
    "severity",
    "place_kind",
    "voting_center",
    "people",
    "seen_at",
    "sent_at",
)
"""The plain fields that every intake fills; all but `unit`, `kind` and `seen_at` may be missing."""

LIGHTEST, HEAVIEST = 1, 5
LONGEST_CENTER = 100
AHEAD = timedelta(hours=1)
"""How far a phone's clock may be ahead: a convention of Vigie."""
OLDEST = timedelta(days=366)
"""Reports of what was seen longer ago are taken for a mistake in the year."""

_TYPED_AS_EMPTY = frozenset({"", "-", "NA", "NULL", "NONE"})


class Report(NamedTuple):
    """What was seen, where and when; the content of `response.contracts.REPORTS`."""

    unit_id: str
    kind: ReportKind
    sign: Sign | None
    severity: int
    place_kind: PlaceKind | None
    voting_center: str | None
    people: People | None
    seen_at: datetime
    sent_at: datetime


class Fault(StrEnum):
    """Why a field cannot be used."""

    MISSING = "missing"
    UNKNOWN = "unknown"
    AMBIGUOUS = "ambiguous"
    NOT_A_NUMBER = "not_a_number"
    NOT_A_MOMENT = "not_a_moment"
    IN_THE_FUTURE = "in_the_future"
    TOO_LONG_AGO = "too_long_ago"
    TOO_LONG = "too_long"
    CONTRADICTION = "contradiction"
    OUTSIDE = "outside"
    NOT_READABLE = "not_readable"
    NOT_A_FORM = "not_a_form"


_SAYS: MappingProxyType[Fault, tuple[str, str]] = MappingProxyType(
    {
        Fault.MISSING: ("is missing", "manque"),
        Fault.UNKNOWN: ("is not in the list", "n'est pas dans la liste"),
        Fault.AMBIGUOUS: ("has several meanings", "a plusieurs sens"),
        Fault.NOT_A_NUMBER: ("is not a number from 1 to 5", "n'est pas un chiffre de 1 à 5"),
        Fault.NOT_A_MOMENT: ("is not a day and time", "n'est pas un jour avec une heure"),
        Fault.IN_THE_FUTURE: ("lies in the future", "est dans le futur"),
        Fault.TOO_LONG_AGO: ("is more than a year ago", "date de plus d'un an"),
        Fault.TOO_LONG: ("is too long", "est trop long"),
        Fault.CONTRADICTION: ("contradicts 'nothing seen'", "contredit « rien vu »"),
        Fault.OUTSIDE: (
            "lies outside the areas of the sender",
            "est hors des zones de l'expéditeur",
        ),
        Fault.NOT_READABLE: ("cannot be read", "est illisible"),
        Fault.NOT_A_FORM: ("is no filled form", "n'est pas un formulaire rempli"),
    }
)
_NAMES: MappingProxyType[str, tuple[str, str]] = MappingProxyType(
    {
        "unit": ("commune", "la commune"),
        "kind": ("kind of report", "le type de signalement"),
        "sign": ("sign", "le signe"),
        "severity": ("severity", "la gravité"),
        "place_kind": ("kind of place", "le type de lieu"),
        "voting_center": ("voting center", "le centre de vote"),
        "people": ("people", "le groupe de personnes"),
        "seen_at": ("time seen", "le moment"),
        "sent_at": ("time sent", "le moment d'envoi"),
        "text": ("message", "le message"),
        "body": ("what was sent", "l'envoi"),
        "file": ("file", "le fichier"),
        "headings": ("headings", "l'en-tête"),
        "rows": ("rows", "la liste"),
        "client_id": ("the sender's id", "l'identifiant chez l'expéditeur"),
        "edited_at": ("time of editing", "le moment de la modification"),
        "withdraw": ("taking back", "l'annulation"),
        "xml_submission_file": ("the form", "le formulaire"),
        "data.xml": ("the form", "le formulaire"),
        "instanceID": ("id of the form", "l'identifiant du formulaire"),
        "_id": ("id of the form", "l'identifiant du formulaire"),
        "__id": ("id of the form", "l'identifiant du formulaire"),
    }
)


class Reason(NamedTuple):
    """Why a submission is not understood: a field, what is wrong, what came, what may be meant."""

    field: str
    fault: Fault
    got: str = ""
    meant: tuple[str, ...] = ()

    def says(self, language: Language) -> str:
        """The reason as a sentence."""
        at = 1 if language is Language.FR else 0
        name = _NAMES.get(self.field, (self.field, self.field))[at]
        got = f" ({self.got})" if self.got else ""
        also = ("; peut-être " if at else "; perhaps ") + ", ".join(self.meant)
        return f"{name}{got} {_SAYS[self.fault][at]}{also if self.meant else ''}"


def _forms(word: StrEnum) -> set[str]:
    said = SAID[word]
    return {fold(form) for form in (word.value, said.code, said.en, said.fr)}


def _table(enum: type[StrEnum]) -> dict[str, StrEnum]:
    return {form: word for word in enum for form in _forms(word)}


_WORDS: MappingProxyType[type[StrEnum], dict[str, StrEnum]] = MappingProxyType(
    {enum: _table(enum) for enum in (ReportKind, Sign, PlaceKind, People)}
)


class _Reading:
    """The fields of one submission, and what is wrong with them so far."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = fields
        self.reasons: list[Reason] = []

    def text(self, name: str) -> str:
        value = self._fields.get(name)
        text = "" if value is None else str(value).replace("\x00", "").strip()
        return "" if text.upper() in _TYPED_AS_EMPTY else text

    def fault(self, name: str, fault: Fault, meant: tuple[str, ...] = ()) -> None:
        got = scrub_text(self.text(name))[:60]
        self.reasons.append(Reason(name, fault, got, meant))

    def word(self, name: str, enum: type[E], *, needed: bool) -> E | None:
        """The word of a list that a field names by value, code or name.

        A value, written just as programs write it, comes first: French people call a rally
        "meeting", which is also the value of a campaign meeting.
        """
        text = self.text(name)
        if not text:
            if needed:
                self.fault(name, Fault.MISSING)
            return None
        table = _WORDS[enum]
        found = text if text in set(enum) else table.get(fold(text))
        if found is None:
            close = nearest(fold(text), table, 2)
            meant = dict.fromkeys(SAID[table[form]].code for form in close[:3])
            self.fault(name, Fault.UNKNOWN, tuple(meant))
            return None
        return enum(found)

    def moment(self, name: str, zone: tzinfo, received_at: datetime) -> datetime | None:
        text = self.text(name)
        moment = read_moment(text, zone) if text else None
        if moment is None:
            self.fault(name, Fault.NOT_A_MOMENT if text else Fault.MISSING)
        elif moment > received_at + AHEAD:
            self.fault(name, Fault.IN_THE_FUTURE)
        elif moment < received_at - OLDEST:
            self.fault(name, Fault.TOO_LONG_AGO)
        else:
            return moment
        return None


_FRENCH = re.compile(
    r"(\d{1,2})/(\d{1,2})/(\d{4})(?:[ T,à]+(\d{1,2})[:hH](\d{2})?(?::\d{2})?)?", re.ASCII
)
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}.*)?", re.ASCII)
NOON = 12


def recognised(fields: Mapping[str, Any]) -> dict[str, str]:
    """Those of `FIELDS` that can be used as they are, for a person who mends the others.

    Words are given by their value; the unit, moments and the rest as they were written.
    """
    enums: dict[str, type[StrEnum]] = {
        "kind": ReportKind,
        "sign": Sign,
        "place_kind": PlaceKind,
        "people": People,
    }
    found = {}
    for name in FIELDS:
        text = "" if fields.get(name) is None else str(fields[name]).strip()
        if name in enums:
            text = str(_WORDS[enums[name]].get(fold(text), ""))
        if text:
            found[name] = text
    return found


def read_moment(text: str, zone: tzinfo) -> datetime | None:
    """A moment written as ISO 8601 or as 29/07/2018 14h30; None where it is neither.

    A day alone is taken for its noon, and a time without an offset for one of `zone`.
    """
    try:
        if (found := _FRENCH.fullmatch(text)) is not None:
            day, month, year, hour, minute = found.groups()
            at = (int(hour), int(minute or 0)) if hour else (NOON, 0)
            moment = datetime(int(year), int(month), int(day), *at, tzinfo=zone)
        elif _ISO.fullmatch(text):
            moment = datetime.fromisoformat(text if len(text) > len("2018-07-29") else f"{text}T12")
            moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        else:
            return None
        return moment.astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        return None


def understand(
    fields: Mapping[str, Any], places: Places, received_at: datetime, zone: tzinfo = UTC
) -> Report | list[Reason]:
    """A validated report, or every reason why these fields are none.

    Words may be written as their value, code or name in French or English, with or without
    accents; the unit by id, short code or name. What the fields hold besides `FIELDS` does not
    matter here.

    Args:
        fields: text, numbers or None by the names of `FIELDS`.
        places: the units that may be named.
        received_at: when the submission arrived, with a time zone. `sent_at` is this where it
            is missing or lies after it.
        zone: of times written without an offset.
    """
    reading = _Reading(fields)
    unit_id = _unit(reading, places)
    kind = reading.word("kind", ReportKind, needed=True)
    quiet = kind is ReportKind.NOTHING_SEEN
    sign = reading.word("sign", Sign, needed=kind is not None and not quiet)
    severity = _severity(reading, quiet)
    if quiet and sign is not None:
        reading.fault("sign", Fault.CONTRADICTION)
    place_kind = reading.word("place_kind", PlaceKind, needed=False)
    people = reading.word("people", People, needed=False)
    center = scrub_text(" ".join(reading.text("voting_center").split()))
    if len(center) > LONGEST_CENTER:
        reading.fault("voting_center", Fault.TOO_LONG)
    seen_at = reading.moment("seen_at", zone, received_at)
    sent_at: datetime | None = received_at
    if reading.text("sent_at"):
        sent_at = reading.moment("sent_at", zone, received_at)
    if reading.reasons or unit_id is None or kind is None or seen_at is None or sent_at is None:
        return reading.reasons
    sent_at = min(sent_at, received_at)
    return Report(
        unit_id,
        kind,
        sign,
        severity,
        place_kind,
        center or None,
        people,
        min(seen_at, received_at),
        sent_at,
    )


def _unit(reading: _Reading, places: Places) -> str | None:
    text = reading.text("unit")
    found = places.find(text) if text else []
    if len(found) == 1:
        return found[0].unit_id
    if found:
        meant = tuple(f"{places.codes[u.unit_id]} {u.says}" for u in found[:5])
        reading.fault("unit", Fault.AMBIGUOUS, meant)
    elif text:
        reading.fault("unit", Fault.UNKNOWN, tuple(places.suggest(fold(text))))
    else:
        reading.fault("unit", Fault.MISSING)
    return None


def _severity(reading: _Reading, quiet: bool) -> int:
    text = reading.text("severity")
    number = int(text) if text.isascii() and text.isdigit() and len(text) == 1 else None
    if quiet:
        if text and number != 0:
            reading.fault("severity", Fault.CONTRADICTION)
        return 0
    if not text:
        reading.fault("severity", Fault.MISSING)
    elif number is None or not LIGHTEST <= number <= HEAVIEST:
        reading.fault("severity", Fault.NOT_A_NUMBER)
    return number or 0
