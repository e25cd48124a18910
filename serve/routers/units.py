"""`/v1/units`: one unit, its score, and what was known of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from features.errors import ForbiddenError
from serve import documented
from serve.auth import Now, OpenSession, Reader, audit_read
from serve.formats import flat
from serve.history import history
from serve.language import Wanted
from serve.routers.bulletins import out
from serve.schemas import BULLETIN_ID, UNIT_ID, Day, ScoreOut, UnitDetail, UnitOut
from store import reading
from store.selecting import in_areas

router = APIRouter(prefix="/v1", tags=["units"])


@router.get(
    "/units/{unit_id}",
    responses=documented.errors(404, 422),
    summary="One unit, its score with every driver, and its history",
)
def unit(
    request: Request,
    session: OpenSession,
    caller: Reader,
    now: Now,
    language: Wanted,
    unit_id: Annotated[str, Path(description="P-code of a unit", examples=[UNIT_ID])],
    bulletin_id: Annotated[str | None, Query(examples=[BULLETIN_ID])] = None,
    as_of: Annotated[Day | None, Query(examples=["2018-07-01"])] = None,
) -> UnitDetail:
    """The score of `bulletin_id`, or of the newest bulletin by `as_of` that scores the unit.

    The history holds only what was known on `as_of`: the bulletin's day unless an earlier one
    is asked for. The answer says which.
    """
    if bulletin_id is None:
        bulletin = reading.newest_for_unit(session, unit_id, as_of)
    else:
        bulletin = reading.bulletin(session, bulletin_id)
    # What became known after the bulletin was not kept with it: silence would look like calm.
    day = min(as_of or bulletin.as_of, bulletin.as_of)
    scored = reading.score(session, bulletin, unit_id)
    if not in_areas(scored.unit, caller.areas):
        raise ForbiddenError(
            f"expected a unit of {', '.join(caller.areas)}, which is what this token sees, got "
            f"{unit_id!r}; ask for another token"
        )
    audit_read(request, now, caller.token_id, bulletin.bulletin_id)
    return UnitDetail(
        synthetic=bulletin.synthetic,
        as_of=day,
        bulletin=out(session, bulletin, language),
        unit=UnitOut.model_validate(scored.unit),
        score=ScoreOut.model_validate(flat(scored, language)),
        scored_count=bulletin.units - bulletin.abstained,
        history=history(reading.history(session, bulletin, unit_id, day), day, language),
    )
