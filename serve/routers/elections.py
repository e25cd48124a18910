"""`/v1/elections`: the rounds that bulletins speak about."""

from __future__ import annotations

from fastapi import APIRouter

from serve import documented
from serve.auth import Bearer, OpenSession
from serve.schemas import ElectionOut, Elections
from store import reading

router = APIRouter(prefix="/v1", tags=["elections"])


@router.get("/elections", responses=documented.errors(401, 503), summary="All rounds")
def elections(session: OpenSession, _token: Bearer) -> Elections:
    """All rounds, the latest polling day first."""
    rows = reading.elections(session)
    return Elections(elections=[ElectionOut.model_validate(row) for row in rows])
