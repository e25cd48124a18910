"""The page of alerts in a real browser: a coordinator signs, others follow."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from kit.tabs import Tabs, sign_in
from playwright.sync_api import expect

from response.alerts import Step
from response.rules import Channel
from response.vocabulary import Level
from store import alert_reading, alerts, database, publishing, recipients, tokens
from store.publishing import Sender

pytestmark = pytest.mark.browser


def test_a_draft_is_signed_sent_and_acknowledged(
    tabs: Tabs, server: str, seeded: Any, drafted: Any
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
    tab = tabs.open(server, width=390, locale="fr-FR")
    page = tab.page
    page.goto("/")
    page.locator("#token").fill(secret)
    page.locator("#sign-in-form button").click()
    expect(page.locator("#rows tr").first).to_be_visible()
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
    # The one step that is refused, since its note was empty.
    refused = "the server responded with a status of 400"
    assert [text for text in tab.said if refused not in text] == []
    engine.dispose()


def test_without_a_session_it_says_where_to_sign_in(tabs: Tabs, server: str) -> None:
    page = tabs.open(server, locale="en-GB").page
    page.goto("/alerts#alert=x")
    expect(page.get_by_role("heading", name="Sign in first")).to_be_visible()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()


def test_a_draft_that_is_held_back_is_brought_forward(
    tabs: Tabs, server: str, seeded: Any, drafted: Any
) -> None:
    engine = database.connect(seeded.settings.database)
    with database.sessions(engine).begin() as session:
        now = datetime.now(UTC)
        alert_id = drafted(session, "XX0104")
        alerts.take(session, alert_id, Step.HOLD, at=now, by=alerts.MACHINE)
        _, secret = tokens.create(session, label="Coordination", now=now, role="coordinator")
    engine.dispose()
    page = tabs.open(server, width=390, locale="fr-FR").page
    sign_in(page, secret)
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


def test_a_planner_cannot_sign(tabs: Tabs, server: str, seeded: Any, drafted: Any) -> None:
    engine = database.connect(seeded.settings.database)
    with database.sessions(engine).begin() as session:
        alert_id = drafted(session, "XX0103")
    engine.dispose()
    page = tabs.open(server, locale="en-GB").page
    sign_in(page, seeded.secret)
    page.goto(f"/alerts#alert={alert_id}")
    card = page.locator(f'[id="{alert_id}"]')
    expect(card).to_contain_text("A coordinator can sign or reject it.")
    assert card.get_by_role("button").count() == 0


def test_a_store_of_made_up_data_says_so_before_any_alert(
    tabs: Tabs, server: str, seeded: Any
) -> None:
    engine = database.connect(seeded.settings.database)
    with database.sessions(engine).begin() as session:
        _, secret = tokens.create(
            session, label="elsewhere", now=datetime.now(UTC), role="field", areas=["X1"]
        )
    engine.dispose()
    page = tabs.open(server, locale="en-GB").page
    sign_in(page, secret)
    page.goto("/alerts")
    expect(page.locator("#sign-out")).to_be_visible()
    expect(page.locator("#synthetic")).to_be_visible()
