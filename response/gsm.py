"""Text messages: what a phone network carries in one message, and French made to fit.

The alphabet is the default one of GSM 03.38 (3GPP TS 23.038, section 6.2.1): 160 of its
characters make one message, where one character outside of it leaves room for 70. Characters
of its extension table count twice.
"""

from __future__ import annotations

import unicodedata

ONE_MESSAGE = 160
_DEFAULT = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = "\f^{}\\[~]|€"
_INSTEAD = {
    "œ": "oe",
    "Œ": "OE",
    "’": "'",
    "‘": "'",
    "«": '"',
    "»": '"',
    "“": '"',
    "”": '"',
    "–": "-",
    "—": "-",
    "…": "...",
    "\u00a0": " ",
    "\u202f": " ",
    "×": "x",
}


def plain(text: str) -> str:
    """A text in the alphabet: é, è, à and ù stay, ê becomes e, and what is left a question mark."""
    return "".join(_fitted(character) for character in unicodedata.normalize("NFC", text))


def _fitted(character: str) -> str:
    if character in _DEFAULT or character in _EXTENSION:
        return character
    if character in _INSTEAD:
        return _INSTEAD[character]
    bare = "".join(
        c for c in unicodedata.normalize("NFD", character) if not unicodedata.combining(c)
    )
    return bare if bare and all(c in _DEFAULT for c in bare) else "?"


def length(text: str) -> int:
    """How many places of a message a text takes.

    Raises:
        ValueError: a character is not in the alphabet; `plain` first.
    """
    unknown = sorted({c for c in text if c not in _DEFAULT and c not in _EXTENSION})
    if unknown:
        raise ValueError(f"SMS: expected characters of GSM 03.38, got {unknown}; use plain() first")
    return len(text) + sum(c in _EXTENSION for c in text)


def one_message(start: str, middle: str, end: str) -> str:
    """A text of at most one message: what does not fit is cut from the middle, at a word.

    Args:
        start: kept whole.
        middle: cut where it is too long, and then ends with `...`.
        end: kept whole.

    Raises:
        ValueError: start and end alone do not fit.
    """
    first, body, last = plain(start), plain(middle), plain(end)
    room = ONE_MESSAGE - length(first) - length(last)
    if room < 4:
        raise ValueError(f"SMS: expected room between start and end, got {first + last!r}")
    if length(body) <= room:
        return first + body + last
    words = body.split(" ")
    while words and length(" ".join(words)) > room - 3:
        words.pop()
    cut = " ".join(words) or body[: (room - 3) // 2]
    return f"{first}{cut.rstrip(' ,;:')}...{last}"
