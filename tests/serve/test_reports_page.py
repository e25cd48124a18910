"""The page of field reports in a real browser, on a real server."""

from __future__ import annotations

import json
import re
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kit.tabs import Tabs, sign_in
from playwright.sync_api import Page, expect

from store import database, tokens

DESK, PHONE = 1400, 390

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def desk(server: str, seeded: Any) -> str:
    """A planner's token for one commune, from which came two reports and two that wait."""
    engine = database.connect(seeded.settings.database)
    with database.sessions(engine).begin() as session:
        _, secret = tokens.create(session, label="desk", now=datetime.now(UTC), areas=["XX0304"])
    engine.dispose()
    seen = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    report = {"unit": "XX0304", "kind": "incident", "sign": "clash", "severity": 4, "seen_at": seen}
    reports = [
        {**report, "client_id": "1", "reporter": "a"},
        {**report, "client_id": "2", "reporter": "b", "voting_center": "<b>École</b>"},
        {**report, "client_id": "3", "severity": "nine"},
    ]
    broken = "<img src=x onerror=alert(1)>" + "x" * 3000 + "the end"
    for path, body in (("", json.dumps({"reports": reports})), ("/kobo", broken)):
        request = urllib.request.Request(
            f"{server}/v1/reports{path}",
            data=body.encode(),
            headers={"Authorization": f"Bearer {secret}", "Content-Type": "application/json"},
        )
        urllib.request.urlopen(request).read()
    return secret


def _open(tabs: Tabs, server: str, secret: str, **how: Any) -> tuple[Page, list[str]]:
    tab = tabs.open(server, **how)
    sign_in(tab.page, secret)
    tab.page.goto("/reports")
    return tab.page, tab.said


def test_a_planner_verifies_and_reads_what_waits(tabs: Tabs, server: str, desk: str) -> None:
    page, said = _open(tabs, server, desk, width=DESK)
    expect(page.locator("#synthetic")).to_be_visible()
    cards = page.locator(".report")
    expect(cards).to_have_count(2)
    expect(cards.first).to_contain_text("An independent report bears this out")
    expect(page.get_by_text("<b>École</b>")).to_be_visible()
    cards.first.get_by_role("button", name="confirmed").click()
    expect(cards.first.locator(".state")).to_have_text("confirmed")
    cards.first.get_by_role("button", name="refuted").click()
    expect(cards.first.get_by_role("alert")).to_contain_text("expected a reason")
    cards.first.get_by_label("Reason").fill("seen: calm")
    cards.first.get_by_role("button", name="refuted").click()
    expect(cards.first.locator(".state")).to_have_text("refuted")
    cards.first.get_by_text("History").click()
    expect(cards.first.locator(".history li")).to_have_count(3)
    page.get_by_label("State").select_option("refuted")
    expect(cards).to_have_count(1)

    page.locator("#tabs input:checked").focus()
    page.keyboard.press("ArrowRight")  # the switch can be reached without a mouse
    expect(cards.first).to_contain_text("severity (nine) is not a number from 1 to 5")
    named = set(cards.first.locator("dt").all_inner_texts())
    assert named == {"Sender's id", "What", "Seen", "Severity", "Sign", "Commune"}
    told = cards.first.locator("dd").all_inner_texts()
    assert {"incident", "clash or brawl", "nine"} <= set(told)
    assert not any(re.match(r"\d{4}-\d\d-\d\dT", text) for text in told)
    cards.first.get_by_label("Severity, 1 to 5").fill("4")
    cards.first.get_by_role("button", name="Make a report").click()
    expect(page.locator("#said")).to_have_text("Done.")
    unread = cards.filter(has_text="what was sent (JSON, 1:1) cannot be read")
    expect(unread.locator("dd")).to_have_text(re.compile("^<img src=x onerror=alert.1.>x+…$"))
    unread.get_by_role("button", name="Show all of it").click()
    expect(unread.locator("dd")).to_contain_text("the end")
    unread.get_by_label("Reason").fill("a test")
    unread.get_by_role("button", name="Put aside").click()
    expect(unread).to_have_count(0)
    assert [text for text in said if "422" not in text] == []
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{server}/")
    page.goto("/reports")
    expect(page.locator("#message-title")).to_have_text("Sign in first")
    expect(page.locator("#sign-out")).to_be_hidden()


def test_the_page_fits_a_phone_and_speaks_french(tabs: Tabs, server: str, desk: str) -> None:
    page, said = _open(tabs, server, desk, width=PHONE, locale="fr-FR")
    expect(page.get_by_role("heading", level=1)).to_have_text("Signalements")
    expect(page.locator(".report").first).to_contain_text("affrontement ou bagarre (incident)")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
    spoken = page.evaluate("document.body.innerText")
    for english in ("Reports", "seen", "Reason", "History", "unverified"):
        assert english not in spoken
    assert said == []
