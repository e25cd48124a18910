"""Values and what they mean, as sentences in every language that planners read.

A phrase reads after a value, unless `{}` says where the value goes. What stands in brackets
depends on the number: `incident[s]` is "1 incident" and "2 incidents", `[person|people]`
gives both words. Each language has its own rule: French counts anything under 2 as one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from features.errors import ConfigError
from features.vocabulary import NARROW, Language

_BRACKETS = re.compile(r"\[([^\[\]|]*)(?:\|([^\[\]|]*))?\]")
_UNITS = {
    Language.EN: {
        "day": "the last {} days",
        "week": "the last {} weeks",
        "month": "the last {} months",
    },
    Language.FR: {
        "day": "des {} derniers jours",
        "week": "des {} dernières semaines",
        "month": "des {} derniers mois",
    },
}
_MONTHS = {182: 6, 365: 12}
_UNKNOWN = {Language.EN: "not known: ", Language.FR: f"non connu{NARROW}: "}
_SMALL = {Language.EN: "under ", Language.FR: "moins de "}


@dataclass(frozen=True)
class Phrase:
    """What a value means, in one language.

    Attributes:
        text: reads after the value, with brackets where it depends on the number.
        exactly: whole sentences for single values, such as 0.
    """

    text: str
    exactly: Mapping[float, str] = field(default_factory=dict)

    def instead(self, words: Sequence[str], others: Sequence[str]) -> Phrase:
        """The phrase with other words in the place of some, the first of them first."""

        def told(text: str) -> str:
            for ours, theirs in zip(words, others, strict=True):
                text = text.replace(ours, theirs)
            return text

        return Phrase(told(self.text), {value: told(text) for value, text in self.exactly.items()})


def phrases(
    what: str,
    says: Mapping[str, str],
    exactly: Mapping[str, Mapping[float, str]] | None = None,
) -> dict[Language, Phrase]:
    """A phrase in every language.

    Args:
        what: named when something is missing.
        says: language -> text of the phrase.
        exactly: language -> whole sentences for single values.

    Raises:
        ConfigError: a language is missing, unknown or empty, or a bracket is not closed.
    """
    exactly = exactly or {}
    for languages in (says, exactly) if exactly else (says,):
        if set(languages) != set(Language):
            raise ConfigError(
                f"{what}: expected words in {', '.join(Language)}, "
                f"got {', '.join(sorted(languages)) or 'none'}; give the same in every language"
            )
    for language, text in says.items():
        if not text.strip() or re.search(r"[\[\]]", _BRACKETS.sub("", text)):
            raise ConfigError(
                f"{what}, language {language!r}: expected words with closed brackets, got {text!r}"
            )
    if len({tuple(sorted(cases)) for cases in exactly.values()}) > 1:
        raise ConfigError(f"{what}: expected words for the same values in every language")
    return {lang: Phrase(says[lang], exactly.get(lang, {})) for lang in Language}


def last(days: int, language: str) -> str:
    """The last so many days as people say it: "the last 12 weeks", "des 12 derniers mois"."""
    words = _UNITS[Language(language)]
    if days in _MONTHS:
        return words["month"].format(_MONTHS[days])
    if days % 7 == 0:
        return words["week"].format(days // 7)
    return words["day"].format(days)


def numbered(text: str, plural: bool) -> str:
    """A phrase's text with its brackets filled in."""

    def fill(found: re.Match[str]) -> str:
        first, second = found[1], found[2]
        one, many = ("", first) if second is None else (first, second)
        return many if plural else one

    return _BRACKETS.sub(fill, text)


def plainly(phrase: Phrase) -> str:
    """A phrase of many, with dots for the value, for lists of features."""
    text = numbered(phrase.text, plural=True)
    return text.replace("{}", "…") if "{}" in text else f"… {text}"


def rounded(value: float) -> float:
    """A value as far as it is shown: whole from 10 on, else two significant digits."""
    return float(round(value)) if abs(value) >= 10 else float(f"{value:.2g}")


def number(value: float, language: Language) -> str:
    """A number as it is written in a language: 12,345.5 or 12 345,5."""
    shown = rounded(value)
    if 0 < abs(shown) < 0.01:
        return _SMALL[language] + number(0.01, language)
    text = f"{shown:,.0f}" if shown.is_integer() else f"{shown:,.10g}"
    if language is Language.FR:
        return text.replace(",", NARROW).replace(".", ",")
    return text


def percent(share: float, language: Language) -> str:
    """A share in whole per cent: 45% or 45 %."""
    return f"{share * 100:.0f}{NARROW if language is Language.FR else ''}%"


def is_plural(value: float, language: Language) -> bool:
    """Whether a shown value takes the plural: in French from 2 on, in English unless it is 1."""
    shown = abs(rounded(value))
    return shown >= 2 if language is Language.FR else shown != 1


def worded(phrase: Phrase, value: float, language: Language, share: bool = False) -> str:
    """A value with its phrase: "3 violent incidents here in the last 12 weeks".

    Args:
        phrase: what the value means.
        value: may be missing, which is said.
        language: the phrase's language.
        share: whether the value is a share of 1, told in per cent.
    """
    if pd.isna(value):
        return _UNKNOWN[language] + plainly(phrase).removeprefix("… ")
    if float(value) in phrase.exactly:
        return phrase.exactly[float(value)]
    text = numbered(phrase.text, plural=share or is_plural(value, language))
    told = percent(value, language) if share else number(value, language)
    return text.replace("{}", told) if "{}" in text else f"{told} {text}"


def in_languages(words: Mapping[Language, Mapping[str, str]]) -> dict[str, Any]:
    """Words in English, and those of the other languages under `translations`."""
    others = {str(lang): dict(said) for lang, said in words.items() if lang is not Language.EN}
    return {**words[Language.EN], "translations": others}
