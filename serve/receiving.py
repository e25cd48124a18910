"""What every route that takes in reports needs: hashes, units, the body, and landing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from features.vocabulary import Language
from response.reports import Reason
from response.submissions import Arrival
from serve.auth import request_id
from serve.report_schemas import LandedOut, ReasonOut
from serve.settings import Settings
from store.audit import Entry, record
from store.landing import AT_A_TIME, Landed, receive
from store.report_places import places
from store.report_versions import State
from store.reporters import Reporters
from store.tokens import BEARER, Caller


@lru_cache(maxsize=8)
def _reporters(home: Path, key: str) -> Reporters:
    return Reporters.of(home, key)


def reporters(settings: Settings) -> Reporters:
    """What hashes reporters; its key is made when first needed."""
    return _reporters(settings.home, settings.report_key.get_secret_value())


def sender_of(caller: Caller, settings: Settings) -> str:
    """By whom a report came, for its history: a token, or an organisation's account as a hash."""
    if caller.kind == BEARER:
        return caller.token_id
    return caller.parent_id or f"account {reporters(settings).hash('account', caller.label)}"


def zone(settings: Settings) -> ZoneInfo:
    """Of times that mediators write without an offset."""
    return ZoneInfo(settings.report_timezone)


async def body(request: Request) -> bytes:
    """The whole body; how large it may be is checked before."""
    return await request.body()


Body = Annotated[bytes, Depends(body)]


def land(
    request: Request, session: Session, now: datetime, actor: str, arrivals: Sequence[Arrival]
) -> list[Landed]:
    """Let submissions land one after the other, and write down what changed."""
    settings: Settings = request.app.state.settings
    known = places(session)
    landed = [receive(session, one, known, now, zone(settings)) for one in arrivals]
    entries = [
        Entry(now, actor, f"report.{one.state}", one.report_id, request_id=request_id(request))
        for one in landed
        if one.state is not State.DUPLICATE
    ]
    record(session, *entries)
    return landed


def land_many(
    request: Request, now: datetime, actor: str, arrivals: Sequence[Arrival]
) -> list[Landed]:
    """The same, committed some at a time: nobody waits for a long list to be written.

    Where it breaks off, what has landed stays; sent again, it lands once.
    """
    landed: list[Landed] = []
    for start in range(0, len(arrivals), AT_A_TIME):
        with request.app.state.sessions.begin() as session:
            some = arrivals[start : start + AT_A_TIME]
            landed += land(request, session, now, actor, some)
    return landed


def said(reasons: Sequence[Reason], language: Language) -> list[ReasonOut]:
    """Reasons in a language."""
    return [ReasonOut(field=r.field, says=r.says(language), meant=list(r.meant)) for r in reasons]


def told(
    landed: Landed, language: Language, client_id: str | None = None, line: int | None = None
) -> LandedOut:
    """What became of a submission, as the API says it."""
    return LandedOut(
        client_id=client_id,
        line=line,
        state=landed.state,
        report_id=landed.report_id,
        inbox_id=landed.inbox_id,
        reasons=said(landed.reasons, language),
    )
