"""Scores as CSV and GeoJSON, and which of the formats a request asks for."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from starlette.exceptions import HTTPException

from features.vocabulary import STARTING_POINT, Language
from serve.language import spoken
from serve.schemas import BulletinOut, Feature, FeatureCollection, ScoreLine
from store.reading import ScoredUnit


class Format(StrEnum):
    """What scores can be read as."""

    JSON = "json"
    CSV = "csv"
    GEOJSON = "geojson"


MEDIA: dict[Format, str] = {
    Format.JSON: "application/json",
    Format.GEOJSON: "application/geo+json",
    Format.CSV: "text/csv",
}
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_MAIN_DRIVERS = 3


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


def line(scored: ScoredUnit, language: Language) -> ScoreLine:
    """A unit and its score as the API says it, without drivers."""
    return ScoreLine.model_validate(flat(scored, language))


def flat(scored: ScoredUnit, language: Language) -> dict[str, Any]:
    """The columns of a unit and of its score, side by side, their words in a language."""
    both: dict[str, Any] = {}
    for row in (scored.unit, scored.score):
        both.update({c.name: getattr(row, c.name) for c in row.__table__.columns})
    return spoken(both, language)


def as_csv(bulletin: BulletinOut, scored: Sequence[ScoredUnit], language: Language) -> str:
    """Scores as a table for a spreadsheet.

    It starts with a byte order mark, without which Excel garbles accents, and no cell of text
    can start a formula.
    """
    out = io.StringIO()
    head = {
        "bulletin_id": bulletin.bulletin_id,
        "as_of": bulletin.as_of.isoformat(),
        "synthetic": str(bulletin.synthetic).lower(),
    }
    columns = [*head, *ScoreLine.model_fields, "main_drivers"]
    writer = csv.DictWriter(out, columns)
    writer.writeheader()
    for one in scored:
        drivers = flat(one, language)["drivers"]
        moving = [d for d in drivers if d["feature"] != STARTING_POINT]
        moving.sort(key=lambda d: -abs(d["contribution"]))
        main = " | ".join(driver["says"] for driver in moving[:_MAIN_DRIVERS])
        row = {**head, **line(one, language).model_dump(mode="json"), "main_drivers": main}
        writer.writerow({key: _safe(value) for key, value in row.items()})
    return "\ufeff" + out.getvalue()


def _safe(value: object) -> object:
    """`value`, but text that a spreadsheet would run as a formula is made plain text."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return value


def as_geojson(bulletin: BulletinOut, scored: Sequence[ScoredUnit], language: Language) -> str:
    """Scores as a GeoJSON feature collection."""
    return FeatureCollection(
        synthetic=bulletin.synthetic,
        bulletin=bulletin,
        features=[
            Feature(
                id=one.unit.unit_id,
                geometry=json.loads(one.unit.geometry) if one.unit.geometry else None,
                properties=line(one, language),
            )
            for one in scored
        ],
    ).model_dump_json()
