"""What a recipient reads of an alert: an e-mail, or one text message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from features.vocabulary import NARROW, Language
from response import gsm
from response.cap import MessageType, Place, Words
from response.vocabulary import SAID, Level

_FR, _EN = Language.FR, Language.EN
_EXERCISE = {_FR: "EXERCICE", _EN: "EXERCISE"}
_KIND = {
    MessageType.ALERT: {_FR: "Alerte", _EN: "Alert"},
    MessageType.UPDATE: {_FR: "Mise à jour", _EN: "Update"},
    MessageType.CANCEL: {_FR: "Annulation", _EN: "Cancelled"},
}
_WHERE = {_FR: f"Communes{NARROW}:", _EN: "Communes:"}
_DO = {_FR: f"À faire{NARROW}:", _EN: "What to do:"}
_UNTIL = {_FR: "Valable jusqu'au {} UTC.", _EN: "Valid until {} UTC."}
_ANSWER = {
    _FR: f"Accusez réception avec la référence{NARROW}: {{}}.",
    _EN: "Acknowledge with the reference: {}.",
}
_CLOSED = {
    _FR: "Réservé à son destinataire ; ne pas rediffuser. Vigie n'affirme aucun effet causal.",
    _EN: "For its recipient only; do not pass on. Vigie claims no causal effect.",
}
_NOT_REAL = {
    _FR: "CECI EST UN EXERCICE : données inventées ou essai ; n'agissez pas.",
    _EN: "THIS IS AN EXERCISE: made-up data or a drill; do not act on it.",
}
MOST_LISTED = 30


@dataclass(frozen=True)
class Letter:
    """What goes to recipients of one language.

    Attributes:
        reference: the alert's id.
        link: where to read and acknowledge it; empty for none.
    """

    kind: MessageType
    exercise: bool
    level: Level
    words: Words
    places: Sequence[Place]
    expires: datetime
    reference: str
    link: str = ""


def subject(letter: Letter, language: Language) -> str:
    """One line for an e-mail."""
    start = f"{_EXERCISE[language]} · " if letter.exercise else ""
    level = SAID[letter.level].in_language(language)
    kind = _KIND[letter.kind][language]
    return " ".join(f"[Vigie] {start}{kind} ({level}) · {letter.words.headline}".split())


def email(letter: Letter, language: Language) -> str:
    """The text of an e-mail."""
    named = [f"- {place.name} ({place.unit_id})" for place in letter.places[:MOST_LISTED]]
    more = len(letter.places) - MOST_LISTED
    if more > 0:
        named.append(f"- + {more}")
    until = letter.expires.astimezone(UTC)
    parts = [
        _NOT_REAL[language] if letter.exercise else "",
        letter.words.headline,
        letter.words.reason,
        "\n".join([_WHERE[language], *named]),
        f"{_DO[language]} {letter.words.instruction}" if letter.words.instruction else "",
        _UNTIL[language].format(f"{until:%Y-%m-%d %H:%M}"),
        _ANSWER[language].format(letter.reference),
        letter.link,
        _CLOSED[language],
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def sms(letter: Letter, language: Language) -> str:
    """One text message of the phone networks' own alphabet: headline, reason, reference."""
    start = f"{_EXERCISE[language]} " if letter.exercise else ""
    kind = "" if letter.kind is MessageType.ALERT else f"{_KIND[letter.kind][language]} "
    end = f" Ref {letter.reference.rpartition('.')[2]}"
    return gsm.one_message(
        f"VIGIE {start}{kind}", f"{letter.words.headline}. {letter.words.reason}", end
    )
