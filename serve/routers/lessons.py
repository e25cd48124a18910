"""Lessons of a round: which there are, the document, and the page that prints."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import HTMLResponse

from features.errors import ForbiddenError
from features.vocabulary import Language
from serve import documented
from serve.auth import Now, OpenSession, Reader, audit_read
from serve.language import Wanted
from serve.lesson_schemas import LESSONS_ID, LessonsDocument, LessonsHead, LessonsList
from serve.routers.elections import ElectionId
from store import lessons as kept
from store.lesson_schema import Lessons
from store.tokens import Caller

router = APIRouter(tags=["lessons"])

LessonsId = Annotated[str, Path(description="Id of lessons", examples=[LESSONS_ID])]
PAGE_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "sandbox allow-popups",
    )
)
"""The page stands alone: its style and pictures are in it, and it runs nothing."""


def whole(caller: Reader) -> Caller:
    """Let in who may read every area: lessons speak of all of a country.

    Raises:
        ForbiddenError: the token is for some areas.
    """
    if caller.areas:
        raise ForbiddenError(
            "expected a token without areas, since lessons speak of every unit, got one for "
            f"{', '.join(caller.areas)}; ask for another one"
        )
    return caller


Whole = Annotated[Caller, Depends(whole)]


def head(found: Lessons) -> LessonsHead:
    """Lessons as the API says them, without the document."""
    names = ("lessons_id", "election_id", "bulletin_id", "as_of", "is_settled", "synthetic")
    said = {name: getattr(found, name) for name in (*names, "digest", "created_at")}
    return LessonsHead(
        **said,
        document=f"/v1/lessons/{found.lessons_id}",
        page=f"/lessons/{found.lessons_id}",
    )


@router.get(
    "/v1/elections/{election_id}/lessons",
    responses=documented.errors(422),
    summary="Which lessons of a round there are",
)
def lessons_of_round(session: OpenSession, _caller: Whole, election_id: ElectionId) -> LessonsList:
    """Lessons of a round, those of the newest day first; none while nobody drew them."""
    found = kept.lessons_of_round(session, election_id)
    return LessonsList(lessons=[head(one) for one in found])


@router.get(
    "/v1/lessons/{lessons_id}",
    responses=documented.errors(404, 422),
    summary="Lessons as plain values",
)
def lessons(
    request: Request, session: OpenSession, caller: Whole, now: Now, lessons_id: LessonsId
) -> LessonsDocument:
    """What a round taught, as it was known on a day. It never changes; each read is audited."""
    found = kept.read_lessons(session, lessons_id)
    audit_read(request, now, caller.token_id, found.bulletin_id)
    return LessonsDocument.model_validate(found.document)


@router.get("/lessons/{lessons_id}", include_in_schema=False)
def page(
    request: Request,
    session: OpenSession,
    caller: Whole,
    now: Now,
    language: Wanted,
    lessons_id: LessonsId,
) -> Response:
    """The page of lessons, in the language asked for."""
    found = kept.read_lessons(session, lessons_id)
    audit_read(request, now, caller.token_id, found.bulletin_id)
    text = found.page_fr if language is Language.FR else found.page_en
    headers = {"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-store"}
    headers |= {"Content-Language": language, "Vary": "Accept-Language"}
    return HTMLResponse(text, headers=headers)
