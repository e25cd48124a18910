"""What the sender of a report by SMS is told: what was understood, or how to mend it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from datetime import UTC, timedelta, tzinfo
from enum import StrEnum
from typing import Any

from features.vocabulary import Language
from response.places import Places
from response.reports import Fault, Reason, Report
from response.scrub import scrub_text
from response.sms import KEYWORD
from response.vocabulary import SAID, ReportKind, Sign

MOST_LETTERS = 160
"""Characters of one SMS in the GSM alphabet (3GPP TS 23.038)."""
_GSM = frozenset(
    "@£$¥èéùìòÇØøÅåÆæßÉ !\"#%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà\n"
)
_PLAIN = str.maketrans({"’": "'", "«": '"', "»": '"', "\u202f": " ", "\u00a0": " ", "–": "-"})


def gsm(text: str) -> str:
    """A text in the GSM alphabet, so that one SMS holds 160 characters of it."""
    return "".join(_letters(text.translate(_PLAIN)))


def _letters(text: str) -> Iterator[str]:
    for letter in text:
        if letter in _GSM:
            yield letter
        else:
            plain = unicodedata.normalize("NFKD", letter)
            yield "".join(c for c in plain if c in _GSM) or "?"


_NOW = timedelta(minutes=10)
_EXAMPLE = f"{KEYWORD} MOP05 ARMES 3 MARCHE"


def reply_help(example: str = _EXAMPLE) -> str:
    """How to write a report."""
    signs = " ".join(SAID[sign].code for sign in Sign if sign is not Sign.OTHER)
    quiet = SAID[ReportKind.NOTHING_SEEN].code
    return gsm(f"Ex: {example} (1-5). Rien vu: {KEYWORD} {example.split()[1]} {quiet}. {signs}")


def reference(report_id: str) -> str:
    """What a sender calls a report: short enough to type."""
    return report_id[:5].upper()


_CLEANED = frozenset({"NUMBER", "POSITION", "MAIL"})
"""What is left of a number, a position and an address."""
_MOST_NAMED = 2


def _named(rest: Sequence[str]) -> str:
    """The first words that nothing knew, as a sentence; empty without any."""
    words = [word for word in rest if len(word) > 1 and word not in _CLEANED]
    return " et ".join(f'"{word.lower()[:20]}"' for word in words[:_MOST_NAMED])


def reply_understood(
    report: Report,
    report_id: str,
    places: Places,
    zone: tzinfo = UTC,
    rest: Sequence[str] = (),
) -> str:
    """What was understood, what was not, and how to take it back; when it was seen, if not now."""
    unit = places.by_id[report.unit_id]
    words: list[StrEnum | None] = [report.sign or report.kind, report.place_kind, report.people]
    if report.sign is not None and report.kind is not ReportKind.WARNING_SIGN:
        words.insert(0, report.kind)
    said = [SAID[word].in_language(Language.FR) for word in words if word is not None]
    if report.severity:
        said.insert(1 if len(said) == 1 else 2, f"gravité {report.severity}")
    if report.sent_at - report.seen_at >= _NOW:
        said.append(f"vu le {report.seen_at.astimezone(zone):%d/%m %Hh%M}")
    ends = f". Faux ? {KEYWORD} ANNULE {reference(report_id)}"
    if named := _named(rest):
        ends = f". Pas compris: {named}{ends}"
    head = f"Bien reçu: {unit.says}, {', '.join(said)}"
    return gsm(head[: MOST_LETTERS - len(ends)] + ends)


def reply_reasons(
    reasons: Sequence[Reason], fields: dict[str, Any], rest: Sequence[str] = ()
) -> str:
    """What is missing or wrong, the words that nothing knew, and the message to send instead."""
    says = "; ".join(reason.says(Language.FR) for reason in reasons[:2])
    tail = f" Renvoyez ex: {_mended(reasons, fields)}. Aide: {KEYWORD} AIDE"
    named = _named(rest)
    head = f"Gardé. Je ne comprends pas {named}" if named else "Gardé, mais pas compris"
    return gsm(f"{head}: {says}."[: MOST_LETTERS - len(tail)] + tail)


def _mended(reasons: Sequence[Reason], fields: dict[str, Any]) -> str:
    """The message as it should be, with what was understood and an example for the rest."""
    wrong = {reason.field: reason for reason in reasons}
    if any(reason.fault is Fault.CONTRADICTION for reason in reasons):
        # "Nothing seen" with a sign is a sign, with a severity alone it is nothing.
        drop = "kind" if "sign" in wrong else "severity"
        fields = {name: value for name, value in fields.items() if name != drop}
        wrong = {n: r for n, r in wrong.items() if r.fault is not Fault.CONTRADICTION}
    example = {"unit": "MOP05", "sign": "ARMES", "severity": "3"}
    parts = []
    for field in ("unit", "kind", "sign", "severity"):
        given = str(fields.get(field, ""))
        if field in wrong:
            meant = wrong[field].meant
            given = meant[0].split()[0] if meant else example.get(field, "")
        elif field == "sign" and not given and "kind" in wrong:
            given = example["sign"]
        elif field == "kind" and given == SAID[ReportKind.WARNING_SIGN].code:
            given = ""
        parts.append(given)
    return scrub_text(" ".join([KEYWORD, *filter(None, parts)]))


def reply_cancelled(report_id: str | None) -> str:
    """Whether a report was taken back."""
    if report_id is None:
        return gsm(f"Aucun signalement de vous sous ce numéro. Ex: {KEYWORD} ANNULE A1B2C")
    return gsm(f"Signalement {reference(report_id)} annulé. Merci.")


def reply_again(report_id: str) -> str:
    """The same message came twice."""
    return gsm(f"Déjà reçu ({reference(report_id)}). Merci.")
