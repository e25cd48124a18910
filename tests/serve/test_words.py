"""The page's words: each in French, none left over."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

WEB = Path(__file__).parents[2] / "serve/web"
SCRIPTS = [f for f in sorted((WEB / "static").glob("*.js")) if f.name not in ("fr.js",)]
SAME = {"Vigie", "FR", "EN", "Français", "English", "Langue, language", "vigie_…"}
"""Words of the pages that are the same in every language."""

_LITERAL = r'"(?:[^"\\]|\\.)*"'
_JOINED = rf"{_LITERAL}(?:\s*\+\s*{_LITERAL})*"


def _text(joined: str) -> str:
    return "".join(json.loads(part) for part in re.findall(_LITERAL, joined))


def french() -> dict[str, str]:
    """fr.js as a dictionary."""
    page = (WEB / "static/fr.js").read_text(encoding="utf-8")
    pairs = re.findall(rf"^  ({_LITERAL}):\s*({_LITERAL}),$", page, re.M)
    assert len(pairs) == len(re.findall(r"^  \"", page, re.M))
    assert len({key for key, _ in pairs}) == len(pairs)
    return {json.loads(key): json.loads(said) for key, said in pairs}


class _Words(HTMLParser):
    """Texts and spoken attributes of a document."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.found.add(" ".join(data.split()))

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        spoken = ("aria-label", "placeholder", "title")
        self.found |= {value for name, value in attrs if name in spoken and value}


def on_the_page() -> set[str]:
    reader = _Words()
    for page in sorted(WEB.glob("*.html")):
        reader.feed(page.read_text(encoding="utf-8"))
    return reader.found - SAME


def in_the_scripts() -> set[str]:
    """First argument of every t(...), and the two words of every plural(...)."""
    found = set()
    for file in SCRIPTS:
        code = file.read_text(encoding="utf-8")
        for first, second in re.findall(
            rf"\bt\(\s*(?:[^\"()]*\?\s*)?({_JOINED})(?:\s*:\s*({_JOINED}))?", code
        ):
            found |= {_text(part) for part in (first, second) if part}
        for one, many in re.findall(rf"\bplural\([^\"]*?({_JOINED}),\s*({_JOINED})", code):
            found |= {_text(one), _text(many)}
    return found


def test_every_word_of_the_page_is_said_in_french() -> None:
    words = on_the_page() | in_the_scripts()
    assert len(words) > 100
    assert sorted(words - set(french())) == []


def test_no_french_word_is_left_over() -> None:
    # The states of the service and of a forecast come from the API, not from the page.
    from_the_api = {
        "degraded",
        "unusable",
        "waiting for its turn",
        "no worker is running: the forecast waits until one is started (vigie worker)",
        "reading the sources",
        "building the panel",
        "looking for a model",
        "scoring every unit",
    }
    assert sorted(set(french()) - on_the_page() - in_the_scripts() - from_the_api) == []


def test_the_same_values_are_filled_in() -> None:
    for english, said in french().items():
        assert sorted(re.findall(r"\{\w+\}", english)) == sorted(re.findall(r"\{\w+\}", said))


def test_french_marks_keep_their_narrow_spaces() -> None:
    for said in french().values():
        assert not re.search(r"[^\u202f] ?[:;!?%](?: |$)", said), said
