"""Names as they are compared: without accents, case and punctuation."""

from __future__ import annotations

import re
import unicodedata


def fold(name: str) -> str:
    """A name without accents, case and punctuation: "Gourma-Rharous" -> "gourma rharous"."""
    plain = unicodedata.normalize("NFKD", re.sub("[œŒ]", "oe", name).replace("’", "'")).casefold()
    kept = "".join(c if c.isalnum() else " " for c in plain if not unicodedata.combining(c))
    return " ".join(kept.split())
