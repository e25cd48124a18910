"""Sentences in every language: numbers, plurals, and what fails when a word is missing."""

from __future__ import annotations

import pytest

from features.errors import ConfigError
from features.panel import registered
from features.registry import FAMILIES, FEATURES, register
from features.vocabulary import Language
from features.wording import Phrase, last, number, numbered, percent, phrases, worded

EN, FR = Language


@pytest.mark.parametrize(
    ("value", "english", "french"),
    [
        (0, "0 attacks", "0 attaque"),
        (0.5, "0.5 attacks", "0,5 attaque"),
        (1, "1 attack", "1 attaque"),
        (1.5, "1.5 attacks", "1,5 attaque"),
        (1.96, "2 attacks", "2 attaques"),
        (2, "2 attacks", "2 attaques"),
        (99.6, "100 attacks", "100 attaques"),
        (12345.6, "12,346 attacks", "12\u202f346 attaques"),
        (0.0004, "under 0.01 attacks", "moins de 0,01 attaque"),
        (float("nan"), "not known: attacks", "non connu\u202f: attaques"),
    ],
)
def test_numbers_and_plurals_follow_the_language(value: float, english: str, french: str) -> None:
    assert worded(Phrase("attack[s]"), value, EN) == english
    assert worded(Phrase("attaque[s]"), value, FR) == french


def test_a_value_can_stand_within_its_sentence_or_have_one_of_its_own() -> None:
    phrase = Phrase("index: {} [point|points]", {3650.0: "never"})
    assert worded(phrase, 1, EN) == "index: 1 point"
    assert worded(phrase, 2.5, EN) == "index: 2.5 points"
    assert worded(phrase, 3650, EN) == "never"


def test_shares_and_spans_of_time() -> None:
    assert (percent(0.456, EN), percent(0.456, FR)) == ("46%", "46\u202f%")
    assert worded(Phrase("des communes"), 0.5, FR, share=True) == "50\u202f% des communes"
    assert [last(d, "fr") for d in (28, 182, 365, 30)] == [
        "des 4 dernières semaines",
        "des 6 derniers mois",
        "des 12 derniers mois",
        "des 30 derniers jours",
    ]
    assert number(1095, FR) == "1\u202f095"


@pytest.mark.parametrize(
    ("says", "exactly", "fault"),
    [
        ({"en": "x"}, None, "expected words in en, fr, got en"),
        ({"en": "x", "fr": "x", "bm": "x"}, None, "got bm, en, fr"),
        ({"en": "x", "fr": " "}, None, "language 'fr'"),
        ({"en": "x[s", "fr": "x"}, None, "closed brackets"),
        ({"en": "x", "fr": "x"}, {"en": {0: "none"}}, "expected words in en, fr"),
        ({"en": "x", "fr": "x"}, {"en": {0: "none"}, "fr": {1: "un"}}, "the same values"),
    ],
)
def test_missing_words_fail_when_the_feature_is_registered(
    says: dict[str, str], exactly: dict[str, dict[float, str]] | None, fault: str
) -> None:
    with pytest.raises(ConfigError, match=fault):
        phrases("feature 'x'", says, exactly)
    with pytest.raises(ConfigError, match=fault):
        register("x_new", "election", "x", "elections", says, lambda _: 0.0, exactly)
    assert "x_new" not in FEATURES


def test_a_family_without_words_is_refused() -> None:
    says = {"en": "x", "fr": "x"}
    with pytest.raises(ConfigError, match="FAMILIES"):
        register("x_new", "omens", "x", "elections", says, lambda _: 0.0)


def test_every_family_and_feature_is_said_in_every_language() -> None:
    assert all(set(words) == set(Language) for words in FAMILIES.values())
    for feature in registered():
        english, french = feature.says[EN], feature.says[FR]
        assert english.text != french.text
        for value in (0.0, 1.0, 2.0, *english.exactly):
            told = worded(french, value, FR)
            assert not set(told) & set("[]|{}"), told
        assert numbered(french.text, True) or french.exactly
