"""Keeping and reading lessons. Works inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, defer

from features.errors import NotFoundError
from features.vocabulary import Language
from store import audit
from store.digests import digest
from store.lesson_schema import Lessons
from store.mark import hold
from store.schema import Bulletin

ISSUER = "pipelines"


def keep_lessons(
    session: Session,
    document: Mapping[str, Any],
    pages: Mapping[Language, str],
    created_at: datetime,
) -> str:
    """Freeze lessons; the same document twice is kept once, with its first pages.

    Args:
        session: an open session.
        document: as `response.lessons.learn` makes it.
        pages: the page in every language.
        created_at: now, with a time zone.

    Returns:
        The `lessons_id`.

    Raises:
        NotFoundError: the bulletin that the document is about is not in the store.
        ConflictError: the store holds the other kind of data, real or synthetic.
    """
    about = document["about"]
    hold(session, synthetic=about["synthetic"])
    if session.get(Bulletin, about["bulletin_id"]) is None:
        raise NotFoundError(
            f"lessons: expected bulletin {about['bulletin_id']!r} in the store, got none; "
            "issue it first"
        )
    sha256 = digest(dict(document))
    lessons_id = f"{about['bulletin_id']}.lessons.{about['as_of']}.{sha256[:8]}"
    if session.get(Lessons, lessons_id) is not None:
        return lessons_id
    session.add(
        Lessons(
            lessons_id=lessons_id,
            digest=sha256,
            election_id=about["election_id"],
            bulletin_id=about["bulletin_id"],
            as_of=date.fromisoformat(about["as_of"]),
            is_settled=document["settled"]["is_settled"],
            synthetic=about["synthetic"],
            document=dict(document),
            page_en=pages[Language.EN],
            page_fr=pages[Language.FR],
            created_at=created_at,
        )
    )
    session.flush()
    audit.record(
        session,
        audit.Entry(created_at, ISSUER, "lessons.kept", lessons_id, about["bulletin_id"]),
    )
    return lessons_id


def lessons_of_round(session: Session, election_id: str) -> list[Lessons]:
    """Heads of the lessons of a round, those of the newest day first; documents come when read."""
    query = (
        select(Lessons)
        .where(Lessons.election_id == election_id)
        .order_by(Lessons.as_of.desc(), Lessons.created_at.desc(), Lessons.lessons_id)
    )
    late = (Lessons.document, Lessons.page_en, Lessons.page_fr)
    return list(session.scalars(query.options(*(defer(column) for column in late))))


def read_lessons(session: Session, lessons_id: str) -> Lessons:
    """Lessons by their id.

    Raises:
        NotFoundError: there are none.
    """
    found = session.get(Lessons, lessons_id)
    if found is None:
        raise NotFoundError(
            f"expected the id of lessons, got {lessons_id!r}; "
            "GET /v1/elections/{election_id}/lessons lists those of a round"
        )
    return found
