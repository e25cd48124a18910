"""Lessons over HTTP: the list, the document, the page, and who may read them."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select

from features.vocabulary import Language
from serve.lesson_schemas import LessonsDocument
from store import database
from store.audit import READ
from store.schema import Audit

from .conftest import PAGES, Seeded, lessons


def test_a_round_leads_to_its_lessons(client: TestClient, seeded: Seeded) -> None:
    (head,) = client.get("/v1/elections/XXA-2018-PRES-1/lessons").json()["lessons"]
    assert head["lessons_id"] == seeded.lessons_id
    assert head["bulletin_id"] == seeded.bulletin_id
    assert head["synthetic"] is True
    assert client.get(head["document"]).json() == lessons(seeded.bulletin_id)
    assert client.get(head["page"]).status_code == 200


def test_a_round_without_lessons_has_an_empty_list(client: TestClient) -> None:
    assert client.get("/v1/elections/XXA-2030-PRES-1/lessons").json() == {"lessons": []}


def test_the_document_keeps_the_shape_that_the_api_declares(seeded: Seeded) -> None:
    document = lessons(seeded.bulletin_id)
    declared = LessonsDocument.model_json_schema(by_alias=True)["properties"]
    assert set(declared) == set(document)
    LessonsDocument.model_validate(document)


@pytest.mark.parametrize("language", list(Language))
def test_the_page_speaks_both_languages_and_runs_nothing(
    client: TestClient, seeded: Seeded, language: Language
) -> None:
    answer = client.get(f"/lessons/{seeded.lessons_id}?lang={language}")
    assert answer.text == PAGES[language]
    assert answer.headers["content-language"] == language
    policies = answer.headers.get_list("content-security-policy")
    assert len(policies) == 1
    assert "sandbox" in policies[0]
    assert "script-src" not in policies[0]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_other_pages_keep_their_policy(anyone: TestClient) -> None:
    policies = anyone.get("/static/app/app.js").headers.get_list("content-security-policy")
    assert policies == [p for p in policies if "script-src 'self'" in p]
    assert len(policies) == 1


def test_each_reading_is_audited(client: TestClient, seeded: Seeded, app: FastAPI) -> None:
    engine = database.connect(seeded.settings.database)

    def audited() -> list[tuple[str, str | None]]:
        app.state.audit.flush()
        with database.sessions(engine)() as session:
            rows = session.scalars(select(Audit).where(Audit.action == READ).order_by(Audit.id))
            return [(row.subject, row.bulletin_id) for row in rows]

    before = len(audited())
    addresses = [f"/v1/lessons/{seeded.lessons_id}", f"/lessons/{seeded.lessons_id}"]
    for address in addresses:
        client.get(address)
    assert audited()[before:] == [(address, seeded.bulletin_id) for address in addresses]
    engine.dispose()


def test_what_is_not_there_is_said(client: TestClient) -> None:
    answer = client.get("/v1/lessons/none")
    assert answer.status_code == 404
    assert "expected the id of lessons, got 'none'" in answer.json()["detail"]
