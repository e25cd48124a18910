"""`/v1/elections`: the rounds that bulletins speak about, and the newest bulletin of each."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import RedirectResponse

from serve import cursors, documented
from serve.auth import Now, OpenSession, Reader
from serve.language import Wanted
from serve.routers.bulletins import Cursor, out
from serve.schemas import Day, ElectionOut, Elections, Latest
from serve.settings import Settings
from store import reading

router = APIRouter(prefix="/v1", tags=["elections"])

ElectionId = Annotated[str, Path(description="Id of a round", examples=["MLI-2018-PRES-1"])]
Target = Annotated[str, Query(examples=["any"], description="What is forecast")]
AsOf = Annotated[Day | None, Query(examples=["2018-07-01"], description="Known by this day")]
_AGE: dict[str, Any] = {
    "Vigie-Age-Days": {
        "schema": {"type": "integer"},
        "description": "Whole days since the bulletin was issued",
    }
}


@router.get("/elections", responses=documented.errors(422), summary="All rounds")
def elections(
    request: Request,
    session: OpenSession,
    _caller: Reader,
    iso3: Annotated[str | None, Query(examples=["MLI"])] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="Most to return")] = 500,
    cursor: Cursor = None,
) -> Elections:
    """Rounds, the latest polling day first."""
    after = cursors.read(cursor, date.fromisoformat, str)
    rows = reading.elections(session, iso3, after=after, limit=limit + 1)
    shown, following = rows[:limit], None
    if len(rows) > limit:
        last = shown[-1]
        following = cursors.following(request, (last.polling_date, last.election_id))
    found = [ElectionOut.model_validate(row) for row in shown]
    return Elections(elections=found, next=following)


@router.get(
    "/elections/{election_id}/latest",
    responses=documented.errors(404, 422),
    summary="The newest bulletin of a round, and how old it is",
)
def latest(
    request: Request,
    response: Response,
    session: OpenSession,
    _caller: Reader,
    now: Now,
    language: Wanted,
    election_id: ElectionId,
    target: Target = "any",
    as_of: AsOf = None,
) -> Latest:
    """The newest bulletin, of `as_of` at the latest; 404 while there is none."""
    settings: Settings = request.app.state.settings
    found = reading.latest(session, election_id, target, as_of)
    age = (now - found.created_at).days
    response.headers["Vigie-Age-Days"] = str(age)
    return Latest(
        bulletin=out(session, found, language),
        age_days=age,
        as_of_age_days=(now.date() - found.as_of).days,
        stale=age > settings.stale_after_days,
        scores=f"/v1/bulletins/{found.bulletin_id}/scores",
    )


@router.get(
    "/elections/{election_id}/latest/scores",
    responses={
        **documented.errors(404, 422),
        307: {
            "description": "The scores, at the address where they stay",
            "headers": {**_AGE, "Location": {"schema": {"type": "string"}}},
        },
    },
    status_code=307,
    response_class=Response,
    summary="Leads to the scores of the newest bulletin of a round",
)
def latest_scores(
    request: Request,
    session: OpenSession,
    _caller: Reader,
    now: Now,
    election_id: ElectionId,
    target: Target = "any",
    as_of: AsOf = None,
) -> Response:
    """Redirects to `/v1/bulletins/{bulletin_id}/scores` with the rest of the query."""
    found = reading.latest(session, election_id, target, as_of)
    rest = request.url.remove_query_params(["target", "as_of"]).query
    address = f"/v1/bulletins/{found.bulletin_id}/scores"
    age = str((now - found.created_at).days)
    headers = {"Vigie-Age-Days": age, "Cache-Control": "no-store"}
    return RedirectResponse(f"{address}?{rest}" if rest else address, 307, headers)
