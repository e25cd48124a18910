"""`/v1/nowcasts`: bulletins updated by field reports, dated and separate."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from sqlalchemy.orm import Session

from features.errors import ContractError, ForbiddenError
from features.vocabulary import Language
from serve import cursors, documented
from serve.auth import Now, OpenSession, Planner, Reader, audit_read, request_id
from serve.formats import MEDIA, Format
from serve.language import Wanted, spoken
from serve.nowcast_schemas import (
    NOWCAST_ID,
    NowcastAsk,
    NowcastFeatures,
    NowcastOut,
    Nowcasts,
    NowcastScores,
)
from serve.nowcast_tables import NowcastTable, written
from serve.routers.bulletins import BulletinId, Cursor, chosen_format, selected
from serve.schemas import BULLETIN_ID, Moment
from serve.shelf import packs, write
from store import nowcasts as kept
from store.nowcast_schema import Nowcast
from store.selecting import Selection

router = APIRouter(prefix="/v1", tags=["nowcasts"])

NowcastId = Annotated[str, Path(description="Id of a nowcast", examples=[NOWCAST_ID])]


def out(found: Nowcast) -> NowcastOut:
    """A nowcast as the API says it."""
    columns = {c.name: getattr(found, c.name) for c in Nowcast.__table__.columns}
    return NowcastOut(**columns, scores=f"/v1/nowcasts/{found.nowcast_id}/scores")


@router.get("/nowcasts", responses=documented.errors(422), summary="Find nowcasts")
def nowcasts(
    request: Request,
    session: OpenSession,
    _caller: Reader,
    bulletin_id: Annotated[str | None, Query(examples=[BULLETIN_ID])] = None,
    election_id: Annotated[str | None, Query(examples=["MLI-2018-PRES-1"])] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Most to return")] = 50,
    cursor: Cursor = None,
) -> Nowcasts:
    """Nowcasts that match every filter given, the newest moment first."""
    after = cursors.read(cursor, _moment, _moment, str)
    rows = kept.nowcasts(
        session, bulletin_id=bulletin_id, election_id=election_id, limit=limit + 1, after=after
    )
    following = None
    if len(rows) > limit:
        last = rows[limit - 1]
        following = cursors.following(request, (last.moment, last.created_at, last.nowcast_id))
    return Nowcasts(nowcasts=[out(row) for row in rows[:limit]], next=following)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("expected a time zone")
    return moment


@router.post(
    "/nowcasts",
    status_code=201,
    responses=documented.errors(400, 404, 409, 422)
    | {
        201: {
            "description": "Made, or already there: the same knowledge gives the same nowcast",
            "headers": {"Location": {"schema": {"type": "string"}, "description": "The nowcast"}},
        }
    },
    summary="Update a bulletin with the field reports known by now",
)
def make_nowcast(
    request: Request,
    response: Response,
    session: OpenSession,
    planner: Planner,
    now: Now,
    asked: NowcastAsk,
) -> NowcastOut:
    """Make a nowcast of a bulletin. The bulletin stays as it is.

    A token for some areas may not ask: a nowcast speaks of every unit.
    """
    nowcast_id = kept.make(
        session,
        asked.bulletin_id,
        moment=asked.moment or now,
        now=now,
        actor=planner.token_id,
        request_id=request_id(request),
    )
    response.headers["Location"] = f"/v1/nowcasts/{nowcast_id}"
    return out(kept.nowcast(session, nowcast_id))


@router.get(
    "/bulletins/{bulletin_id}/nowcasts/latest",
    responses=documented.errors(404, 422),
    summary="The newest nowcast of a bulletin",
)
def latest_nowcast(
    session: OpenSession,
    _caller: Reader,
    bulletin_id: BulletinId,
    moment: Annotated[
        Moment | None,
        Query(examples=["2018-07-20T12:00:00Z"], description="Of this moment at the latest"),
    ] = None,
) -> NowcastOut:
    """The newest nowcast; 404 while there is none."""
    return out(kept.latest(session, bulletin_id, moment))


@router.get("/nowcasts/{nowcast_id}", responses=documented.errors(404, 422), summary="One nowcast")
def one_nowcast(session: OpenSession, _caller: Reader, nowcast_id: NowcastId) -> NowcastOut:
    """What a nowcast says about itself."""
    return out(kept.nowcast(session, nowcast_id))


_SCORES: dict[int | str, dict[str, Any]] = {
    **documented.errors(404, 406, 422),
    200: {
        "description": "The scores, in the format asked for",
        "headers": documented.KEPT,
        "content": {
            MEDIA[Format.GEOJSON]: {"schema": NowcastFeatures.model_json_schema()},
            MEDIA[Format.CSV]: {"schema": {"type": "string"}},
            MEDIA[Format.PARQUET]: {"schema": {"type": "string", "format": "binary"}},
        },
    },
    304: {"description": "What If-None-Match names is still right", "headers": documented.KEPT},
}


@router.get(
    "/nowcasts/{nowcast_id}/scores",
    responses=_SCORES,
    response_model=NowcastScores,
    summary="A nowcast's scores, as JSON, GeoJSON, CSV or Parquet",
)
def nowcast_scores(
    request: Request,
    session: OpenSession,
    caller: Reader,
    now: Now,
    nowcast_id: NowcastId,
    selection: Annotated[Selection, Depends(selected)],
    format_: Annotated[Format, Depends(chosen_format)],
    language: Wanted,
    limit: Annotated[int, Query(ge=1, le=5000, description="Most units to return")] = 1000,
    cursor: Cursor = None,
    if_none_match: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> Response:
    """Scores by rank, abstained units last. Each read is written in the audit.

    A page holds up to `limit` units; `next`, and the header `Link`, lead to the following one.
    A token with areas sees the units in them, and is refused where there are none of them.
    """
    after = cursors.read(cursor, int) or (0,)
    if not 0 <= after[0] < 2**31:
        raise ContractError(f"cursor: expected the one of a page before, got {cursor!r}")
    found = kept.nowcast(session, nowcast_id)
    table = _table(request, session, found, selection, after[0], limit, format_, language)
    audit_read(request, now, caller.token_id, found.bulletin_id)
    media = MEDIA[format_]
    answer = write(
        written(table, format_),
        bulletin_id=found.bulletin_id,
        language=language,
        media_type=f"{media}; charset=utf-8" if format_ is Format.CSV else media,
        pack=format_ is not Format.PARQUET and packs(request.headers.get("accept-encoding")),
        filename=f"{nowcast_id}.{format_}" if format_ is not Format.JSON else None,
        following=table.following,
    )
    status, headers, body = answer.for_reader(if_none_match)
    response = Response(body, status)
    response.raw_headers = headers
    return response


def _table(
    request: Request,
    session: Session,
    found: Nowcast,
    selection: Selection,
    after: int,
    limit: int,
    format_: Format,
    language: Language,
) -> NowcastTable:
    if kept.count_scores(session, found, Selection(areas=selection.areas)) == 0:
        raise ForbiddenError(
            f"expected a nowcast with units of {', '.join(selection.areas)}, which is what this "
            f"token sees, got {found.nowcast_id}; ask for another token"
        )
    outlines = format_ is Format.GEOJSON
    rows = kept.score_rows(
        session, found, selection, after=after, limit=limit + 1, outlines=outlines
    )
    following = None
    if len(rows) > limit:
        following = cursors.following(request, (rows[limit - 1]["position"],))
    shown = [spoken(row, language) for row in rows[:limit]]
    for row in shown:
        row["updates"] = [spoken(update, language) for update in row["updates"]]
    matched = kept.count_scores(session, found, selection)
    return NowcastTable(out(found), shown, matched, following)
