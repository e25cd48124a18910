"""Why an alert was drafted, in the words that its recipients read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from features.vocabulary import NARROW, Language
from features.wording import number, percent
from response.vocabulary import SAID, Level, Sign, Verification

MOST_NAMED = 5
"""Units named in a reason; the P-codes of the others go out all the same."""

FR, EN = Language.FR, Language.EN
Said = dict[Language, str]


class Scored(NamedTuple):
    """A unit's name, its probability now and, for a rise, before."""

    name: str
    now: float
    before: float | None = None


class Seen(NamedTuple):
    """An incident that was reported."""

    name: str
    sign: str | None
    severity: int
    verification: str


def _both(fr: str, en: str) -> Said:
    return {FR: fr, EN: en}


def _listed(items: Sequence[str], language: Language) -> str:
    shown, more = ", ".join(items[:MOST_NAMED]), len(items) - MOST_NAMED
    if more <= 0:
        return shown
    others = f" et {more} autre" if language is FR else f" and {more} other"
    return f"{shown}{others}{'s' if more > 1 else ''}"


def hours(value: float, language: Language) -> str:
    """A number of hours, in days from two whole ones on: "36 hours", "3 jours"."""
    if value >= 48 and value % 24 == 0:
        return f"{value / 24:.0f} {'jours' if language is FR else 'days'}"
    unit = "heure" if language is FR else "hour"
    many = value >= 2 if language is FR else value != 1
    return f"{number(value, language)} {unit}{'s' if many else ''}"


def _colon(language: Language) -> str:
    return f"{NARROW}: " if language is FR else ": "


def probability(units: Sequence[Scored], threshold: float) -> Said:
    """Units at or over a threshold, the most likely first."""

    def said(language: Language) -> str:
        names = [f"{unit.name} ({percent(unit.now, language)})" for unit in units]
        least, many = percent(threshold, language), len(units) > 1
        lead = {
            FR: f"Probabilité d'au moins un incident de {least} ou plus",
            EN: f"Probability of at least one incident of {least} or more",
        }[language]
        if many:
            lead += {FR: f" dans {len(units)} communes", EN: f" in {len(units)} communes"}[language]
        return f"{lead}{_colon(language)}{_listed(names, language)}."

    return {language: said(language) for language in Language}


def rise(units: Sequence[Scored], within_hours: float) -> Said:
    """Units whose probability rose, the greatest rise first."""

    def said(language: Language) -> str:
        to = "à" if language is FR else "to"
        names = [
            f"{unit.name} ({percent(unit.before or 0.0, language)} {to} "
            f"{percent(unit.now, language)})"
            for unit in units
        ]
        lead = {
            FR: f"La probabilité a monté en {hours(within_hours, FR)}",
            EN: f"The probability rose within {hours(within_hours, EN)}",
        }[language]
        return f"{lead}{_colon(language)}{_listed(names, language)}."

    return {language: said(language) for language in Language}


def _word(value: str | None, kind: type[Sign] | type[Verification], language: Language) -> str:
    return SAID[kind(value) if value else Sign.OTHER].in_language(language)


def incident(seen: Sequence[Seen], within_hours: float) -> Said:
    """Incidents that were reported, the gravest first."""

    def said(language: Language) -> str:
        names = [
            f"{one.name}, {_word(one.sign, Sign, language)}, "
            f"{'gravité' if language is FR else 'severity'} {one.severity} "
            f"({_word(one.verification, Verification, language)})"
            for one in seen
        ]
        count = len(names)
        lead = {
            FR: f"{count} incident{'s' if count > 1 else ''} en {hours(within_hours, FR)}",
            EN: f"{count} incident{'s' if count > 1 else ''} within {hours(within_hours, EN)}",
        }[language]
        shown, more = "; ".join(names[:MOST_NAMED]), count - MOST_NAMED
        if more > 0:
            shown += {FR: f" et {more} de plus", EN: f" and {more} more"}[language]
        return f"{lead}{_colon(language)}{shown}."

    return {language: said(language) for language in Language}


def cluster(area: str, signs: Mapping[str, int], reporters: int, within_hours: float) -> Said:
    """Warning signs that came together, the most frequent first."""

    def said(language: Language) -> str:
        each = [f"{_word(sign, Sign, language)} ({count})" for sign, count in signs.items()]
        count, several = sum(signs.values()), reporters > 1
        lead = {
            FR: f"{count} signes d'alerte en {hours(within_hours, FR)} à {area}, "
            f"par {reporters} personne{'s' if several else ''}",
            EN: f"{count} warning signs within {hours(within_hours, EN)} in {area}, "
            f"from {reporters} {'people' if several else 'person'}",
        }[language]
        return f"{lead}{_colon(language)}{_listed(each, language)}."

    return {language: said(language) for language in Language}


def silence(area: str, after_hours: float) -> Said:
    """No report where some are expected. It says neither how many are posted nor where."""
    return _both(
        f"Aucun signalement depuis au moins {hours(after_hours, FR)} dans une zone suivie"
        f"{NARROW}: {area}. Ce silence n'est pas du calme.",
        f"No report for at least {hours(after_hours, EN)} from an area that is watched: {area}. "
        "This silence is not calm.",
    )


def escalation(reason: Mapping[Language, str], level: Level, after_hours: float) -> Said:
    """An alert that nobody acknowledged in time, told to the next level."""
    names = {language: SAID[level].in_language(language) for language in Language}
    return _both(
        f"Personne n'a accusé réception de l'alerte de niveau {names[FR]} en "
        f"{hours(after_hours, FR)}. {reason[FR]}",
        f"Nobody acknowledged the {names[EN]} alert within {hours(after_hours, EN)}. {reason[EN]}",
    )


_HEADLINES: dict[str, Said] = {
    "probability": _both("risque élevé", "high risk"),
    "rise": _both("risque en hausse", "rising risk"),
    "incident": _both("incident signalé", "incident reported"),
    "cluster": _both("signes d'alerte groupés", "cluster of warning signs"),
    "silence": _both("silence d'une zone suivie", "silence from a watched area"),
}


def headline(kind: str, area: str) -> Said:
    """One line: "Mopti: rising risk"."""
    return {
        language: f"{area}{_colon(language)}{_HEADLINES[kind][language]}" for language in Language
    }
