"""`/v1/bulletins`: bulletins and their scores."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from sqlalchemy.orm import Session

from features.errors import ContractError, ForbiddenError
from features.vocabulary import Band, Language
from serve import cursors, documented
from serve.auth import Now, OpenSession, Reader, audit_read
from serve.formats import MEDIA, Format, choose
from serve.lane import key_of
from serve.language import Wanted, spoken
from serve.schemas import (
    BULLETIN_ID,
    BulletinOut,
    Bulletins,
    Day,
    FeatureCollection,
    Scores,
)
from serve.shelf import Shelf, Written, packs, write
from serve.tables import Table, written
from store import reading, selecting
from store.schema import Bulletin
from store.selecting import Selection

router = APIRouter(prefix="/v1", tags=["bulletins"])

BulletinId = Annotated[str, Path(description="Id of a bulletin", examples=[BULLETIN_ID])]
Cursor = Annotated[
    str | None, Query(description="Where the page before ended; follow `next` instead")
]


def out(session: Session, bulletin: Bulletin, language: Language) -> BulletinOut:
    """A bulletin as the API says it."""
    columns = {c.name: getattr(bulletin, c.name) for c in Bulletin.__table__.columns}
    country = reading.country(session, bulletin)
    return BulletinOut.model_validate({**spoken(columns, language), "country": country})


@router.get("/bulletins", responses=documented.errors(422), summary="Find bulletins")
def bulletins(
    request: Request,
    session: OpenSession,
    _caller: Reader,
    language: Wanted,
    election_id: Annotated[str | None, Query(examples=["MLI-2018-PRES-1"])] = None,
    as_of: Annotated[Day | None, Query(examples=["2018-07-01"])] = None,
    target: Annotated[str | None, Query(examples=["any"])] = None,
    iso3: Annotated[str | None, Query(examples=["MLI"])] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Most to return")] = 50,
    cursor: Cursor = None,
) -> Bulletins:
    """Bulletins that match every filter given, the newest `as_of` first."""
    after = cursors.read(cursor, date.fromisoformat, _moment, str)
    page = reading.bulletins(
        session,
        election_id=election_id,
        as_of=as_of,
        target=target,
        iso3=iso3,
        limit=limit + 1,
        after=after,
    )
    shown = page.bulletins[:limit]
    following = None
    if len(page.bulletins) > limit:
        last = shown[-1]
        following = cursors.following(request, (last.as_of, last.created_at, last.bulletin_id))
    found = [out(session, row, language) for row in shown]
    return Bulletins(bulletins=found, total=page.total, next=following)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("expected a time zone")
    return moment


@router.get(
    "/bulletins/{bulletin_id}", responses=documented.errors(404, 422), summary="One bulletin"
)
def bulletin(
    session: OpenSession, _caller: Reader, bulletin_id: BulletinId, language: Wanted
) -> BulletinOut:
    """What a bulletin says about itself."""
    return out(session, reading.bulletin(session, bulletin_id), language)


def box(text: str) -> tuple[float, float, float, float]:
    """A box written `west,south,east,north` in degrees.

    Raises:
        ContractError: not four numbers in that order, within the world.
    """
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        west, south, east, north = 1.0, 1.0, 0.0, 0.0
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise ContractError(
            f"bbox: expected west,south,east,north in degrees, got {text!r}; "
            "for example -6,13,-3,16"
        )
    return west, south, east, north


def selected(
    caller: Reader,
    region: Annotated[str | None, Query(examples=["ML05"], description="Id of a region")] = None,
    parent: Annotated[
        str | None, Query(examples=["ML0505"], description="Id of a parent area")
    ] = None,
    band: Annotated[Band | None, Query(description="Only this band")] = None,
    bbox: Annotated[
        str | None,
        Query(
            examples=["-6,13,-3,16"],
            description="west,south,east,north in degrees: units whose centre lies within",
        ),
    ] = None,
) -> Selection:
    """Which units a request asks for, of those that its token may see."""
    return Selection(region, parent, band, box(bbox) if bbox is not None else None, caller.areas)


def chosen_format(
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
) -> Format:
    """The format of an answer."""
    return choose(accept, format_)


_SCORES: dict[int | str, dict[str, Any]] = {
    **documented.errors(404, 406, 422),
    200: {
        "description": "The scores, in the format asked for",
        "headers": documented.KEPT,
        "content": {
            MEDIA[Format.GEOJSON]: {"schema": FeatureCollection.model_json_schema()},
            MEDIA[Format.CSV]: {"schema": {"type": "string"}},
            MEDIA[Format.PARQUET]: {"schema": {"type": "string", "format": "binary"}},
        },
    },
    304: {"description": "What If-None-Match names is still right", "headers": documented.KEPT},
}


@router.get(
    "/bulletins/{bulletin_id}/scores",
    responses=_SCORES,
    response_model=Scores,
    summary="A bulletin's scores, as JSON, GeoJSON, CSV or Parquet",
)
def scores(
    request: Request,
    session: OpenSession,
    caller: Reader,
    now: Now,
    bulletin_id: BulletinId,
    selection: Annotated[Selection, Depends(selected)],
    format_: Annotated[Format, Depends(chosen_format)],
    language: Wanted,
    limit: Annotated[int, Query(ge=1, le=5000, description="Most units to return")] = 1000,
    cursor: Cursor = None,
    if_none_match: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> Response:
    """Scores by rank, abstained units last. Each read is written in the audit.

    A page holds up to `limit` units; `next`, and the header `Link`, lead to the following one.
    A bulletin never changes, so an answer may be kept for ever. A token with areas sees the
    units in them, and is refused where a bulletin has none of them.
    """
    after = cursors.read(cursor, int) or (0,)
    if not 0 <= after[0] < 2**31:
        raise ContractError(f"cursor: expected the one of a page before, got {cursor!r}")
    shelf: Shelf = request.app.state.shelf
    key = key_of(request.scope, caller)
    with request.app.state.writing:  # one at a time: who waited finds it on the shelf
        answer = shelf.get(key)
        if answer is None:
            found = reading.bulletin(session, bulletin_id)
            answer = _write(request, session, found, selection, after[0], limit, format_, language)
            shelf.put(key, answer)
    audit_read(request, now, caller.token_id, answer.bulletin_id)
    status, headers, body = answer.for_reader(if_none_match)
    response = Response(body, status)
    response.raw_headers = headers
    return response


def _write(
    request: Request,
    session: Session,
    bulletin: Bulletin,
    selection: Selection,
    after: int,
    limit: int,
    format_: Format,
    language: Language,
) -> Written:
    seen = selecting.count_scores(session, bulletin, Selection(areas=selection.areas))
    if seen == 0:
        raise ForbiddenError(
            f"expected a bulletin with units of {', '.join(selection.areas)}, which is what this "
            f"token sees, got {bulletin.bulletin_id}; ask for another token"
        )
    rows = selecting.score_rows(
        session,
        bulletin,
        selection,
        after=after,
        limit=limit + 1,
        outlines=format_ is Format.GEOJSON,
    )
    following = None
    if len(rows) > limit:
        following = cursors.following(request, (rows[limit - 1]["position"],))
    table = Table(
        bulletin=out(session, bulletin, language),
        rows=[spoken(row, language) for row in rows[:limit]],
        matched=selecting.count_scores(session, bulletin, selection),
        following=following,
    )
    media = MEDIA[format_]
    return write(
        written(table, format_),
        bulletin_id=bulletin.bulletin_id,
        language=language,
        media_type=f"{media}; charset=utf-8" if format_ is Format.CSV else media,
        pack=format_ is not Format.PARQUET and packs(request.headers.get("accept-encoding")),
        filename=f"{bulletin.bulletin_id}.{format_}" if format_ is not Format.JSON else None,
        following=following,
    )
