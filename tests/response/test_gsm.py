"""Text messages fit into one, and French stays readable."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from response.gsm import ONE_MESSAGE, length, one_message, plain


def test_french_is_kept_where_the_alphabet_has_it() -> None:
    assert plain("Région à l’œuvre\u202f: «être ici»… ça brûle, Noël €") == (
        'Région à l\'oeuvre : "etre ici"... ca brule, Noel €'
    )
    assert plain("日本") == "??"


def test_places_are_counted_as_networks_do() -> None:
    assert length("é" * 160) == 160
    assert length("[€]") == 6
    with pytest.raises(ValueError, match=r"\['ê'\]"):
        length("ê")


def test_the_middle_is_cut_at_a_word() -> None:
    text = one_message("VIGIE: ", "mot " * 80, " Ref AB12")
    assert text.startswith("VIGIE: mot mot")
    assert text.endswith("mot... Ref AB12")
    assert 150 < length(text) <= ONE_MESSAGE
    assert one_message("a ", "court", " b") == "a court b"
    with pytest.raises(ValueError, match="room"):
        one_message("x" * 158, "y", "z")


@given(st.text(max_size=400))
def test_whatever_is_said_fits(text: str) -> None:
    assert length(one_message("VIGIE ", text, " Ref 12345678")) <= ONE_MESSAGE
