"""What people type: words without accents and case, and which known word was meant."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable


def fold(text: str) -> str:
    """Letters and digits in capitals, without accents, one space between words.

    For example "présence  armée!" -> "PRESENCE ARMEE".
    """
    plain = unicodedata.normalize("NFKD", re.sub("[œŒ]", "oe", text)).upper()
    kept = "".join(
        c if c.isalnum() and c.isascii() else " " for c in plain if not unicodedata.combining(c)
    )
    return " ".join(kept.split())


def distance(left: str, right: str) -> int:
    """Letters to change, add, drop or swap with their neighbour to turn one word into the other.

    The restricted Damerau-Levenshtein distance (optimal string alignment).
    """
    before: list[int] = []
    above = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        row = [i]
        for j, b in enumerate(right, 1):
            best = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                best = min(best, before[j - 2] + 1)
            row.append(best)
        before, above = above, row
    return above[-1]


def nearest(word: str, known: Iterable[str], most: int) -> list[str]:
    """Known words at the smallest distance from `word`, in order; none beyond `most`."""
    close = [w for w in known if abs(len(w) - len(word)) <= most]
    found = sorted((d, w) for w in close if (d := distance(word, w)) <= most)
    return [w for d, w in found if d == found[0][0]]
