"""The language of an answer: which one a request asks for, and its words in a stored row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends, Header, Query, Response

from features.vocabulary import Language

VARY = "Accept-Language"


def choose(accept: str | None, asked: Language | None) -> Language:
    """The language of an answer; `?lang=` counts before `Accept-Language`.

    Args:
        accept: the header `Accept-Language` (RFC 9110); of `fr-ML` only `fr` counts.
        asked: the query parameter `lang`.

    Returns:
        The one wanted most; the first of `Language` where none that is offered is wanted.
    """
    if asked is not None:
        return asked
    weights: dict[str, float] = {}
    for part in (accept or "").lower().split(","):
        name, _, parameters = part.partition(";")
        tag = name.strip().split("-")[0]
        weights[tag] = max(weights.get(tag, 0.0), _weight(parameters))
    rest = weights.get("*", 0.0)
    # The first of the heaviest: max keeps the order of Language.
    return max(Language, key=lambda language: weights.get(language, rest))


def _weight(parameters: str) -> float:
    """The q of a part; 1 where it has none, 0 where it is not a number from 0 to 1."""
    text = parameters.strip().removeprefix("q=").strip()
    if not text:
        return 1.0
    digits = text.replace(".", "", 1)
    return min(float(text), 1.0) if digits.isascii() and digits.isdigit() else 0.0


def wanted(
    response: Response,
    lang: Annotated[
        Language | None, Query(description="Language of the words; before Accept-Language")
    ] = None,
    accept_language: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> Language:
    """The language of an answer, said in its headers."""
    language = choose(accept_language, lang)
    response.headers["Content-Language"] = language
    response.headers["Vary"] = VARY
    return language


Wanted = Annotated[Language, Depends(wanted)]


def spoken(record: Mapping[Any, Any], language: Language) -> dict[str, Any]:
    """A stored row, its words in a language; those never translated stay English.

    Args:
        record: with `translations` (language -> field -> words), and `drivers` with theirs.
        language: the one wanted.
    """
    said = {key: value for key, value in record.items() if key != "translations"}
    said |= (record.get("translations") or {}).get(str(language), {})
    if "drivers" in said:
        said["drivers"] = [spoken(driver, language) for driver in said["drivers"]]
    return said
