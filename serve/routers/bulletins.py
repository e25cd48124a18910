"""`/v1/bulletins`: bulletins and their scores."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request, Response
from sqlalchemy.orm import Session

from features.vocabulary import Language
from serve import documented
from serve.auth import Bearer, Now, OpenSession, audit
from serve.formats import MEDIA, Format, as_csv, as_geojson, choose, flat
from serve.language import VARY, Wanted, spoken
from serve.schemas import (
    BULLETIN_ID,
    BulletinOut,
    Bulletins,
    Day,
    FeatureCollection,
    ScoreOut,
    Scores,
)
from store import reading
from store.schema import Bulletin

router = APIRouter(prefix="/v1", tags=["bulletins"])

BulletinId = Annotated[str, Path(description="Id of a bulletin", examples=[BULLETIN_ID])]


def out(session: Session, bulletin: Bulletin, language: Language) -> BulletinOut:
    """A bulletin as the API says it."""
    columns = {c.name: getattr(bulletin, c.name) for c in Bulletin.__table__.columns}
    country = reading.country(session, bulletin)
    return BulletinOut.model_validate({**spoken(columns, language), "country": country})


@router.get("/bulletins", responses=documented.errors(401, 422, 503), summary="Find bulletins")
def bulletins(
    session: OpenSession,
    _token: Bearer,
    language: Wanted,
    election_id: Annotated[str | None, Query(examples=["MLI-2018-PRES-1"])] = None,
    as_of: Annotated[Day | None, Query(examples=["2018-07-01"])] = None,
    target: Annotated[str | None, Query(examples=["any"])] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Most to return")] = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000, description="How many to skip")] = 0,
) -> Bulletins:
    """Bulletins that match every filter given, the newest `as_of` first."""
    page = reading.bulletins(
        session,
        election_id=election_id,
        as_of=as_of,
        target=target,
        limit=limit,
        offset=offset,
    )
    found = [out(session, row, language) for row in page.bulletins]
    return Bulletins(bulletins=found, total=page.total, limit=limit, offset=offset)


@router.get(
    "/bulletins/{bulletin_id}",
    responses=documented.errors(401, 404, 422, 503),
    summary="One bulletin",
)
def bulletin(
    session: OpenSession, _token: Bearer, bulletin_id: BulletinId, language: Wanted
) -> BulletinOut:
    """What a bulletin says about itself."""
    return out(session, reading.bulletin(session, bulletin_id), language)


_SCORES: dict[int | str, dict[str, Any]] = {
    **documented.errors(401, 404, 406, 422, 503),
    200: {
        "description": "The scores, in the format asked for",
        "content": {
            MEDIA[Format.GEOJSON]: {"schema": FeatureCollection.model_json_schema()},
            MEDIA[Format.CSV]: {"schema": {"type": "string"}},
        },
    },
}


@router.get(
    "/bulletins/{bulletin_id}/scores",
    responses=_SCORES,
    response_model=Scores,
    summary="A bulletin's scores, as JSON, CSV or GeoJSON",
)
def scores(
    request: Request,
    session: OpenSession,
    token: Bearer,
    now: Now,
    bulletin_id: BulletinId,
    language: Wanted,
    format_: Annotated[
        str | None,
        Query(
            alias="format",
            description="Counts before the header Accept; anything else is refused with 406",
            examples=["csv"],
            json_schema_extra={"enum": [*Format, None]},
        ),
    ] = None,
    accept: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> Response:
    """All scores by rank, abstained units last. Each read is written in the audit."""
    chosen = choose(accept, format_)
    found = reading.bulletin(session, bulletin_id)
    scored = reading.scores(session, found)
    audit(session, token=token, now=now, request=request, bulletin_id=bulletin_id)
    head = out(session, found, language)
    if chosen is Format.CSV:
        text = as_csv(head, scored, language)
    elif chosen is Format.GEOJSON:
        text = as_geojson(head, scored, language)
    else:
        lines = [ScoreOut.model_validate(flat(one, language)) for one in scored]
        text = Scores(synthetic=head.synthetic, bulletin=head, scores=lines).model_dump_json()
    headers = {"Vary": f"Accept, {VARY}", "Content-Language": str(language)}
    if chosen is not Format.JSON:
        headers["Content-Disposition"] = f'attachment; filename="{bulletin_id}.{chosen}"'
    return Response(text, media_type=MEDIA[chosen], headers=headers)
