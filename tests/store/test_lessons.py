"""Lessons in the store: kept once, never changed, found by round."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from kit import lessons_round
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from features.errors import ConflictError, NotFoundError
from features.vocabulary import Language
from response.lessons import learn
from store import audit
from store.bulletins import write_bulletin
from store.lesson_schema import Lessons
from store.lessons import keep_lessons, lessons_of_round, read_lessons

NOW = datetime(2018, 9, 1, tzinfo=UTC)
PAGES = {Language.EN: "<p>lessons</p>", Language.FR: "<p>leçons</p>"}


def document(bulletin_id: str, as_of: date, **changed: Any) -> dict[str, Any]:
    about = replace(
        lessons_round.ABOUT,
        election_id="XXA-2018-PRES-1",
        bulletin_id=bulletin_id,
        **changed,
    )
    return learn(lessons_round.evidence(about=about), as_of)


@pytest.fixture
def bulletin_id(session: Session, country: Any) -> str:
    registry_id = country.write(session)
    return write_bulletin(session, country.head(registry_id), country.scores, NOW)


def test_the_same_lessons_are_kept_once_and_a_later_day_is_another(
    session: Session, bulletin_id: str
) -> None:
    early, late = (document(bulletin_id, date(2018, 9, day)) for day in (1, 15))
    one = keep_lessons(session, early, PAGES, NOW)
    assert keep_lessons(session, early, PAGES, datetime(2019, 1, 1, tzinfo=UTC)) == one
    two = keep_lessons(session, late, PAGES, NOW)
    assert [x.lessons_id for x in lessons_of_round(session, "XXA-2018-PRES-1")] == [two, one]
    assert read_lessons(session, one).document == early
    assert read_lessons(session, one).created_at == NOW
    assert one.startswith(f"{bulletin_id}.lessons.2018-09-01.")
    kept = [e for e in audit.entries(session) if e.action == "lessons.kept"]
    assert [e.subject for e in kept] == [two, one]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE lessons SET page_en = 'better'",
        "DELETE FROM lessons",
        "REPLACE INTO lessons SELECT * FROM lessons",
    ],
)
def test_the_database_refuses_to_change_them(
    session: Session, bulletin_id: str, change: str
) -> None:
    keep_lessons(session, document(bulletin_id, date(2018, 9, 1)), PAGES, NOW)
    with pytest.raises(DBAPIError), session.begin_nested():
        session.execute(text(change))
    assert session.query(Lessons).count() == 1


def test_lessons_of_a_bulletin_that_is_not_kept_are_refused(
    session: Session, bulletin_id: str
) -> None:
    with pytest.raises(NotFoundError, match="expected bulletin 'other' in the store"):
        keep_lessons(session, document("other", date(2018, 9, 1)), PAGES, NOW)


def test_real_lessons_do_not_go_into_a_store_of_made_up_data(
    session: Session, bulletin_id: str
) -> None:
    real = document(bulletin_id, date(2018, 9, 1), synthetic=False)
    with pytest.raises(ConflictError, match="synthetic"):
        keep_lessons(session, real, PAGES, NOW)


def test_what_is_not_there_is_said(session: Session) -> None:
    with pytest.raises(NotFoundError, match="expected the id of lessons, got 'none'"):
        read_lessons(session, "none")
    assert lessons_of_round(session, "XXX-2018-PRES-1") == []
