"""Which of the formats a request asks for."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from starlette.exceptions import HTTPException

from features.vocabulary import Language
from serve.language import spoken
from store.reading import ScoredUnit


class Format(StrEnum):
    """What scores can be read as."""

    JSON = "json"
    CSV = "csv"
    GEOJSON = "geojson"
    PARQUET = "parquet"


MEDIA: dict[Format, str] = {
    Format.JSON: "application/json",
    Format.GEOJSON: "application/geo+json",
    Format.CSV: "text/csv",
    Format.PARQUET: "application/vnd.apache.parquet",
}


def choose(accept: str | None, asked: str | None) -> Format:
    """The format of an answer; `?format=` counts before `Accept`.

    Args:
        accept: the header of that name.
        asked: the query parameter `format`.

    Raises:
        HTTPException: 406, nothing that was asked for is offered.
    """
    if asked is not None:
        if asked in list(Format):
            return Format(asked)
        raise _not_offered(f"format={asked}")
    weights = _weights(accept or "*/*")
    best, weight = Format.JSON, 0.0
    for format_, media in MEDIA.items():
        own = weights.get(media, weights.get(f"{media.split('/')[0]}/*", weights.get("*/*", 0)))
        if own > weight:
            best, weight = format_, own
    if weight == 0:
        raise _not_offered(f"Accept: {accept}")
    return best


def _weights(accept: str) -> dict[str, float]:
    """Media ranges and their q values; a q that is not a number counts as 1."""
    weights = {}
    for part in accept.lower().split(","):
        media, *parameters = (piece.strip() for piece in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q" and value.strip().replace(".", "", 1).isascii():
                weight = float(value) if value.strip().replace(".", "", 1).isdigit() else 1.0
        weights[media] = weight
    return weights


def _not_offered(got: str) -> HTTPException:
    offered = ", ".join(f"{media} (format={format_})" for format_, media in MEDIA.items())
    return HTTPException(406, f"expected one of {offered}, got {got}")


def flat(scored: ScoredUnit, language: Language) -> dict[str, Any]:
    """The columns of a unit and of its score, side by side, their words in a language."""
    both: dict[str, Any] = {}
    for row in (scored.unit, scored.score):
        both.update({c.name: getattr(row, c.name) for c in row.__table__.columns})
    return spoken(both, language)
