"""The page of alerts in a real browser: a coordinator signs, others follow."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from response.alerts import Step
from response.rules import Channel
from response.vocabulary import Level
from store import alert_reading, alerts, database, publishing, recipients, tokens
from store.publishing import Sender

CHROMIUM = Path(os.environ.get("VIGIE_TEST_CHROMIUM", "/usr/bin/chromium"))
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        missing = f"{CHROMIUM.name} is missing: install Chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        yield opened
        opened.close()


def _opened(browser: Browser, server: str, secret: str, width: int, locale: str) -> Page:
    context = browser.new_context(
        viewport={"width": width, "height": 844}, base_url=server, locale=locale
    )
    page = context.new_page()
    page.goto("/")
    page.locator("#token").fill(secret)
    page.locator("#sign-in-form button").click()
    expect(page.locator("#rows tr").first).to_be_visible()
    return page


def test_a_draft_is_signed_sent_and_acknowledged(
    browser: Browser, server: str, seeded: Any, drafted: Any
) -> None:
    engine = database.connect(seeded.settings.database)
    made, now = database.sessions(engine), datetime.now(UTC)
    with made.begin() as session:
        alert_id = drafted(session, "XX0101", "XX0102")
        _, secret = tokens.create(session, label="Coordination", now=now, role="coordinator")
        recipients.add(
            session,
            name="Préfecture",
            level=Level.LOCAL,
            channel=Channel.EMAIL,
            address="secret@example.org",
            language="fr",
            areas=["XX01"],
            now=now,
            actor="t",
        )
    page = _opened(browser, server, secret, 390, "fr-FR")
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.locator("nav.rooms").get_by_role("link", name="Alertes").click()
    card = page.locator(f'[id="{alert_id}"]')
    expect(card).to_contain_text("3 signes é en 24 heures.")
    expect(card).to_contain_text("Call.")  # both texts that go out
    expect(page.locator("#synthetic")).to_be_visible()
    card.get_by_role("textbox").fill("d'accord")
    card.get_by_role("button", name="Signer et envoyer").click()
    expect(page.locator('#views [value="open"]')).to_be_checked()
    expect(card).to_contain_text("signée, en partance")
    with made.begin() as session:
        one = alert_reading.one(session, alert_id)
        assert [(e.step, e.name, e.note) for e in one.events][1] == (
            *("sign", "Coordination"),
            "d'accord",
        )
        publishing.publish(session, one, Sender("vigie@example.org"), datetime.now(UTC))
    page.reload()
    card.get_by_text("Qui a été prévenu").click()
    expect(card).to_contain_text("Préfecture s…@example.org")
    assert "secret@" not in page.content()
    card.get_by_role("button", name="Annuler l'alerte").click()
    expect(page.locator("#step-error")).to_contain_text("Dites dans la note pourquoi")
    card.get_by_role("button", name="Accuser réception").click()
    expect(card).to_contain_text("accusée")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert said == []
    engine.dispose()


def test_without_a_session_it_says_where_to_sign_in(browser: Browser, server: str) -> None:
    page = browser.new_context(base_url=server, locale="en-GB").new_page()
    page.goto("/alerts#alert=x")
    expect(page.get_by_role("heading", name="Sign in first")).to_be_visible()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()


def test_a_draft_that_is_held_back_is_brought_forward(
    browser: Browser, server: str, seeded: Any, drafted: Any
) -> None:
    engine = database.connect(seeded.settings.database)
    with database.sessions(engine).begin() as session:
        now = datetime.now(UTC)
        alert_id = drafted(session, "XX0104")
        alerts.take(session, alert_id, Step.HOLD, at=now, by=alerts.MACHINE)
        _, secret = tokens.create(session, label="Coordination", now=now, role="coordinator")
    engine.dispose()
    page = _opened(browser, server, secret, 390, "fr-FR")
    page.goto("/alerts")
    page.locator("#views").get_by_text("Retenues").click()
    card = page.locator(f'[id="{alert_id}"]')
    expect(card).to_contain_text("retenue")
    expect(page.locator("#held-says")).to_be_visible()
    assert card.get_by_role("button", name="Signer").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    card.get_by_role("button", name="Présenter à la signature").click()
    expect(page.locator('#views [value="sign"]')).to_be_checked()
    expect(card.get_by_role("button", name="Signer et envoyer")).to_be_visible()
    page.context.close()


def test_a_planner_cannot_sign(browser: Browser, server: str, seeded: Any, drafted: Any) -> None:
    engine = database.connect(seeded.settings.database)
    with database.sessions(engine).begin() as session:
        alert_id = drafted(session, "XX0103")
    engine.dispose()
    page = _opened(browser, server, seeded.secret, 1400, "en-GB")
    page.goto(f"/alerts#alert={alert_id}")
    card = page.locator(f'[id="{alert_id}"]')
    expect(card).to_contain_text("A coordinator can sign or reject it.")
    assert card.get_by_role("button").count() == 0


def test_a_store_of_made_up_data_says_so_before_any_alert(
    browser: Browser, server: str, seeded: Any
) -> None:
    engine = database.connect(seeded.settings.database)
    with database.sessions(engine).begin() as session:
        _, secret = tokens.create(
            session, label="elsewhere", now=datetime.now(UTC), role="field", areas=["X1"]
        )
    engine.dispose()
    context = browser.new_context(base_url=server, locale="en-GB")
    page = context.new_page()
    page.request.post("/v1/session", data={"token": secret})
    page.goto("/alerts")
    expect(page.locator("#sign-out")).to_be_visible()
    expect(page.locator("#synthetic")).to_be_visible()
    context.close()
