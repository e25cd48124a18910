"""Reports by SMS: `VIG MOP05 ARMES 3 marche`, in any order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum
from itertools import pairwise
from types import MappingProxyType
from typing import Any, NamedTuple

from response.places import Places
from response.reports import Fault, Reason
from response.scrub import scrub_text
from response.typed import fold, nearest
from response.vocabulary import SAID, People, PlaceKind, ReportKind, Sign

KEYWORD = "VIG"
_LONGEST_READ = 1000


class Command(StrEnum):
    """What a message wants."""

    REPORT = "report"
    HELP = "help"
    CANCEL = "cancel"


class Message(NamedTuple):
    """A message as it was read.

    Attributes:
        fields: by the names of `response.reports.FIELDS`.
        reasons: what is wrong before the fields are looked at.
        reference: of the report to be taken back; empty for the last one.
        rest: words that were not used.
    """

    command: Command
    fields: dict[str, Any]
    reasons: tuple[Reason, ...] = ()
    reference: str = ""
    rest: tuple[str, ...] = ()


_SPELT: MappingProxyType[StrEnum, str] = MappingProxyType(
    {
        ReportKind.NOTHING_SEEN: "CALME RAS NEANT",
        ReportKind.TENSION_DEFUSED: "APAISEE APAISER APAISEMENT RESOLU",
        ReportKind.WARNING_SIGN: "SIGNES ALERTE",
        Sign.HATE_SPEECH: "HAINEUX INJURES",
        Sign.ARMED_PRESENCE: "ARME ARMEE ARMEES HOMMESARMES FUSILS",
        Sign.THREATS: "MENACE INTIMIDATION",
        Sign.RIVAL_RALLIES: "RIVAL RIVALES",
        Sign.FRAUD_RUMOUR: "RUMEUR RUMEURS TRICHE",
        Sign.DESTROYED_MATERIAL: "DETRUIT SABOTAGE URNES",
        Sign.BLOCKED_ROAD: "BARRAGE BLOQUEE COUPEE",
        Sign.ABSENT_OFFICIALS: "ABSENT FERME",
        Sign.CLASH: "BAGARRES AFFRONTEMENT AFFRONTEMENTS HEURTS",
        PlaceKind.VOTING_CENTER: "BUREAU",
        PlaceKind.CARAVAN: "CARAVANES",
        PlaceKind.MARKET: "MARCHES FOIRE",
        People.PARTY_SUPPORTERS: "MILITANT PARTISANS",
        People.VOTERS: "ELECTEUR VOTANTS",
        People.SECURITY_FORCES: "POLICE GENDARMES SOLDATS",
        People.CROWD: "ATTROUPEMENT",
    }
)
"""Other single words that people type: a convention of Vigie."""

_FIELD: MappingProxyType[type[StrEnum], str] = MappingProxyType(
    {ReportKind: "kind", Sign: "sign", PlaceKind: "place_kind", People: "people"}
)
_YESTERDAY, _BEFORE = "HIER", "AVANTHIER"
_FILLERS = frozenset(
    """A AU AUX DE DES DU LA LE LES L D UN UNE ET EN SUR PRES VERS DANS IL Y GRAVITE NIVEAU AVEC
    PAR POUR SVP MERCI BONJOUR""".split()  # noqa: SIM905
)
_OF_COUNTS = frozenset({"DE", "DES", "D"})
_ARTICLES = frozenset({"UN", "UNE"})
_GRAVITY = frozenset({"GRAVITE", "NIVEAU"})
_NUMBERS: MappingProxyType[str, str] = MappingProxyType(
    {"UN": "1", "UNE": "1", "DEUX": "2", "TROIS": "3", "QUATRE": "4", "CINQ": "5"}
    | {word: word for word in ("ZERO", "SIX", "SEPT", "HUIT", "NEUF", "DIX")}
)
"""Severities as words; those that are none are told as they were typed."""
_HELP = frozenset({"AIDE", "HELP", "INFO"})
_CANCEL = frozenset({"ANNULE", "ANNULER", "ANNULEZ"})
_DIGIT = re.compile(r"G?(\d)")
_TIME = re.compile(r"\b([01]?\d|2[0-3])\s?[hH:]\s?([0-5]\d)?\b", re.ASCII)
_DAY = re.compile(r"(?<![\d/])(?:(\d\d?)/(\d\d?)/(\d{4}|\d\d)|(\d\d)/(\d\d))(?![\d/])", re.ASCII)
_OF_FIVE = re.compile(r"(?<![\d/])([1-5])\s?/\s?5(?![\d/])", re.ASCII)
_WEEKDAYS = ("LUNDI", "MARDI", "MERCREDI", "JEUDI", "VENDREDI", "SAMEDI", "DIMANCHE")
_CODE = re.compile(r"(?=.*\d)[A-Z]{2,4}[0-9OIL]{1,3}", re.ASCII)


def _phrases() -> dict[str, StrEnum]:
    found: dict[str, StrEnum] = {}
    for word, said in SAID.items():
        if type(word) not in _FIELD:
            continue
        for form in (said.code, *_SPELT.get(word, "").split()):
            found[form] = word
    for word, said in SAID.items():
        if type(word) in _FIELD:
            for form in (said.fr, said.en):
                found.setdefault(fold(form), word)
    return found


_PHRASES = _phrases()
_LONGEST_PHRASE = max(len(phrase.split()) for phrase in _PHRASES)
_SHORTEST_MENDED = 4
_MENDED = sorted(
    phrase
    for phrase, word in _PHRASES.items()
    # "bien" is one letter from "rien": that nothing was seen is only taken as written.
    if " " not in phrase and len(phrase) >= _SHORTEST_MENDED and word is not ReportKind.NOTHING_SEEN
)


def read(text: str, places: Places, sent_at: datetime, zone: tzinfo) -> Message:
    """What a message says.

    Args:
        text: as it was typed.
        places: the units that it may name.
        sent_at: when it was sent, with a time zone; what it saw was seen then unless it gives
            a time, or says that it was yesterday.
        zone: of the times that people type.
    """
    # A number that somebody types must not come apart into words that are kept.
    text = scrub_text(text[:_LONGEST_READ])
    typed, text = _day(_OF_FIVE.sub(r"\1", text), sent_at.astimezone(zone).date())
    clock, text = _clock(text)
    tokens = fold(text).split()
    if tokens and tokens[0].startswith(KEYWORD):
        head = tokens.pop(0).removeprefix(KEYWORD)
        if head not in ("", "IE"):
            tokens.insert(0, head)
    if not tokens and clock is None and not typed:
        return Message(Command.HELP, {}, (Reason("text", Fault.MISSING),))
    if tokens and (tokens[0] in _HELP or _CANCEL.intersection(tokens[:1])):
        command = Command.HELP if tokens[0] in _HELP else Command.CANCEL
        return Message(command, {}, reference=tokens[1] if len(tokens) > 1 else "")
    reader = _Reader(tokens, places)
    reader.read()
    day = typed or _told(reader.day, sent_at.astimezone(zone).date())
    # A day that is none is asked back: it was not seen now.
    seen_at = day if isinstance(day, str) else _seen(sent_at, clock, day, zone).isoformat()
    fields = {**reader.fields, "seen_at": seen_at, "sent_at": sent_at.isoformat()}
    return Message(Command.REPORT, fields, tuple(reader.reasons), rest=tuple(reader.rest))


def _clock(text: str) -> tuple[tuple[int, int] | None, str]:
    found = _TIME.search(text)
    if found is None:
        return None, text
    at = (int(found[1]), int(found[2] or 0))
    return at, f"{text[: found.start()]} {text[found.end() :]}"


def _day(text: str, today: date) -> tuple[date | str | None, str]:
    """A day typed as 29/07/2018 or 29/07, which was the last such day; as typed where it is none.

    Only two digits each make a day without its year: 3/5 is a severity.
    """
    found = _DAY.search(text)
    if found is None:
        return None, text
    rest = f"{text[: found.start()]} {text[found.end() :]}"
    day, month = int(found[1] or found[4]), int(found[2] or found[5])
    year = today.year if found[3] is None else int(found[3]) % 2000 + 2000
    try:
        typed = date(year, month, day)
        if found[3] is None and typed > today:
            typed = date(year - 1, month, day)
    except ValueError:
        return found[0], rest
    return typed, rest


def _told(day: str, today: date) -> date | None:
    """The day that a word means, the last such one; None without a word."""
    if day in _WEEKDAYS:
        return today - timedelta(days=(today.weekday() - _WEEKDAYS.index(day)) % 7)
    back = {_YESTERDAY: 1, _BEFORE: 2}.get(day)
    return None if back is None else today - timedelta(days=back)


def _seen(
    sent_at: datetime, clock: tuple[int, int] | None, day: date | None, zone: tzinfo
) -> datetime:
    """The moment that a message means; without a day, a time later than it was yesterday's."""
    local = sent_at.astimezone(zone)
    if day is not None:
        local = local.replace(year=day.year, month=day.month, day=day.day)
    if clock is not None:
        local = local.replace(hour=clock[0], minute=clock[1], second=0, microsecond=0)
        if local > sent_at and day is None:
            local -= timedelta(days=1)
    return local


class _Reader:
    """Reads the words of one message from left to right."""

    def __init__(self, tokens: Sequence[str], places: Places) -> None:
        self._tokens = list(tokens)
        self._places = places
        self.fields: dict[str, Any] = {}
        self.reasons: list[Reason] = []
        self.rest: list[str] = []
        self.day = ""
        self._at_center = False
        self._center: list[str] = []
        self._before = ""
        self._spoken: list[str] = []

    def read(self) -> None:
        self._find_code()
        while self._tokens:
            token = self._tokens[0]
            if not (self._phrase() or self._name() or self._small()):
                self._other(self._tokens.pop(0))
            self._before = token
        if self._center:
            self.fields["voting_center"] = " ".join(self._center)
        self._infer()

    def _put(self, field: str, value: str) -> None:
        if self.fields.setdefault(field, value) != value:
            self.reasons.append(Reason(field, Fault.AMBIGUOUS, f"{self.fields[field]}, {value}"))

    def _find_code(self) -> None:
        """Take out the unit's short code, also where it was typed as MOP 05."""
        for at, token in enumerate(self._tokens):
            if self._places.coded(token) or token in self._places.by_id:
                self.fields["unit"] = token
                del self._tokens[at]
                return
        for at, (left, right) in enumerate(pairwise(self._tokens)):
            if right[:1].isdigit() and self._places.coded(left + right):
                self.fields["unit"] = left + right
                del self._tokens[at : at + 2]
                return

    def _phrase(self) -> bool:
        for length in range(min(_LONGEST_PHRASE, len(self._tokens)), 0, -1):
            word = _PHRASES.get(" ".join(self._tokens[:length]))
            if word is not None:
                self._take(word, length)
                return True
        return False

    def _take(self, word: StrEnum, length: int) -> None:
        del self._tokens[:length]
        self._at_center = word is PlaceKind.VOTING_CENTER
        self._put(_FIELD[type(word)], SAID[word].code)

    def _name(self) -> bool:
        """A unit by its name, where no code was given."""
        if "unit" in self.fields:
            return False
        for length in range(min(self._places.longest_name, len(self._tokens)), 0, -1):
            name = " ".join(self._tokens[:length])
            if self._places.named(name):
                self.fields["unit"] = name
                del self._tokens[:length]
                return True
        return False

    def _small(self) -> bool:
        token = self._tokens[0]
        if (digit := _DIGIT.fullmatch(token)) is not None:
            self._put("severity", digit[1])
        elif token in _GRAVITY:
            self._at_center = False
        elif self._is_severity():
            self._spoken.append(_NUMBERS[token])
        elif self._tokens[:2] == ["AVANT", "HIER"]:
            self.day = _BEFORE
            del self._tokens[0]
        elif token in (_BEFORE, *_WEEKDAYS):
            self.day = token
        elif token in (_YESTERDAY, "YESTERDAY"):
            self.day = _YESTERDAY
        elif token not in _FILLERS or (self._at_center and self._center):
            return False
        del self._tokens[0]
        return True

    def _is_severity(self) -> bool:
        """Whether the next word is a severity, and no count ("deux morts") and no article.

        "Un" is one after the word severity, at the end, and between a sign and a place.
        """
        token, *after = self._tokens
        if token not in _NUMBERS or (self._at_center and self._before not in _GRAVITY):
            return False
        if self._before in _GRAVITY or not after:
            return True
        if token in _ARTICLES:
            place = isinstance(_PHRASES.get(after[0]), PlaceKind)
            return place and isinstance(_PHRASES.get(self._before), ReportKind | Sign)
        known = after[0] in _FILLERS - _OF_COUNTS or after[0] in (_YESTERDAY, _BEFORE, *_WEEKDAYS)
        return known or any(
            " ".join(after[:n]) in _PHRASES or self._places.named(" ".join(after[:n]))
            for n in range(1, max(_LONGEST_PHRASE, self._places.longest_name) + 1)
        )

    def _other(self, token: str) -> None:
        """A word that nothing knows: a typo, the name of a voting center, or left over."""
        if self._at_center:
            self._center.append(token)
            return
        close = nearest(token, _MENDED, 1) if len(token) >= _SHORTEST_MENDED else []
        meant = {_PHRASES[word] for word in close}
        if len(meant) == 1:
            word = meant.pop()
            self._put(_FIELD[type(word)], SAID[word].code)
        else:
            self.rest.append(token)

    def _infer(self) -> None:
        """What a short message leaves unsaid: ARMES is a warning sign, BAGARRE an incident."""
        if "severity" not in self.fields:
            for number in self._spoken:
                self._put("severity", number)
        sign = self.fields.get("sign")
        if sign is not None and "kind" not in self.fields:
            clash = sign == SAID[Sign.CLASH].code
            kind = ReportKind.INCIDENT if clash else ReportKind.WARNING_SIGN
            self.fields["kind"] = SAID[kind].code
        if "unit" not in self.fields:
            tried = next((t for t in self.rest if _CODE.fullmatch(t)), None)
            tried = tried or next((t for t in self.rest if self._places.suggest(t)), None)
            if tried is not None:
                self.rest.remove(tried)
                self.fields["unit"] = tried
