"""The page of deployments in a real browser: a planner plans and edits, a coordinator approves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from kit.tabs import Tabs, sign_in
from playwright.sync_api import Page, Route, expect

from store import database, tokens

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def secrets(seeded: Any) -> dict[str, str]:
    engine = database.connect(seeded.settings.database)
    with database.sessions(engine).begin() as session:
        found = {
            role: tokens.create(session, label=role, now=datetime.now(UTC), role=role, areas=areas)[
                1
            ]
            for role, areas in (("planner", []), ("coordinator", []), ("field", ["XX00"]))
        }
    engine.dispose()
    return found


@pytest.fixture
def visit(tabs: Tabs, server: str) -> Callable[..., tuple[Page, list[str]]]:
    """Opens a page of deployments for whoever has a token; what it complains of comes with it."""

    def opened(secret: str, width: int, locale: str, path: str = "/plan") -> tuple[Page, list[str]]:
        tab = tabs.open(server, width=width, locale=locale)
        sign_in(tab.page, secret)
        tab.page.goto(path)
        return tab.page, tab.said

    return opened


def test_a_plan_is_made_edited_and_approved(visit: Any, secrets: dict[str, str]) -> None:
    page, said = visit(secrets["planner"], 1400, "en-GB")
    shown = page.locator("#plan")
    page.locator("#mediators").fill("14")
    page.locator("#regions-box summary").click()
    page.get_by_label("At most, Région A").fill("8")
    page.get_by_label("At least, Région B").fill("6")
    page.locator("#why").fill("first draft")
    page.get_by_role("button", name="Plan", exact=True).click()
    # The first plan after a start waits for the solver to load.
    expect(shown.locator(".plan-head .notes")).to_have_text("first draft", timeout=30_000)
    expect(shown.get_by_role("heading", level=1)).to_contain_text("14 mediators")
    expect(shown.locator(".state")).to_have_text("draft, not approved")
    expect(shown.locator(".assumed")).to_contain_text("claims no causal effect")
    people = [int(n) for n in shown.locator(".posts .region .people").all_inner_texts()]
    assert people == [8, 6]
    expect(shown.locator(".rivals li")).to_have_count(5)
    assert shown.locator(".curve .hover").count() > 10
    expect(shown).to_contain_text("Commune 37 é")  # no score, and said so
    expect(shown).to_contain_text("A coordinator can approve it.")
    assert shown.get_by_role("button", name="Approve version 1").count() == 0
    first = shown.locator(".posts tr[data-unit] input").first
    before = int(first.input_value())
    first.fill("0")
    shown.get_by_label("Add a commune").fill("XX0405")
    shown.get_by_role("button", name="Add", exact=True).click()
    bar = shown.locator(".save-bar")
    expect(bar).to_contain_text(f"2 changes: {14 - before + 2} mediators in all")
    bar.get_by_role("button", name="Save as version 2").click()
    expect(bar).to_be_visible()  # not without a reason
    bar.get_by_label("Reason for the change").fill("the bridge is out")
    bar.get_by_role("button", name="Save as version 2").click()
    expect(shown.locator(".plan-head .notes")).to_have_text("the bridge is out")
    expect(shown.locator(".tags")).to_contain_text("Changed by a person (planner)")
    expect(shown.locator(".posts tr[data-unit=XX0405] input")).to_have_value("2")
    expect(shown).to_contain_text("Moves from the first version")
    address = page.evaluate("location.pathname + location.hash")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert said == []

    page, said = visit(secrets["coordinator"], 390, "fr-FR", address)
    shown = page.locator("#plan")
    shown.get_by_label("Mots qui accompagnent l'approbation").fill("vu")
    shown.get_by_role("button", name="Approuver la version 2").click()
    expect(shown.locator(".state")).to_contain_text("approuvé par\u202f: coordination")
    expect(shown.locator(".assumed")).to_contain_text("aucun effet causal")
    with page.expect_download() as given:
        shown.get_by_role("link", name="CSV").click()
    text = Path(given.value.path()).read_text(encoding="utf-8")
    assert "XX0405" in text
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert said == []


def test_a_clash_is_said_and_nothing_is_lost(visit: Any, secrets: dict[str, str]) -> None:
    page, _ = visit(secrets["planner"], 1400, "en-GB")
    page.locator("#mediators").fill("4")
    page.locator("#regions-box summary").click()
    page.get_by_label("At least, Région A").fill("8")
    page.get_by_role("button", name="Plan", exact=True).click()
    expect(page.locator("#ask-error")).to_contain_text("Région A (X0)")
    expect(page.locator("#mediators")).to_have_value("4")


@pytest.mark.parametrize(
    ("language", "label"),
    [
        ("en-GB", "At most so many communes (empty: all that can be)"),
        ("fr-FR", "Au plus tant de communes (vide\u202f: toutes celles qu'on peut)"),
    ],
)
def test_how_many_communes_reports_may_ask_for_is_said_in_the_form(
    visit: Any, secrets: dict[str, str], language: str, label: str
) -> None:
    page, said = visit(secrets["planner"], 390, language)
    expect(page.locator("#plan h1")).to_be_visible()
    page.locator("#make").evaluate("(details) => { details.open = true; }")
    most = page.get_by_label(label)
    expect(most).to_be_hidden()
    page.locator("#mediators").fill("4")
    page.locator("#follows").select_option(index=1)
    expect(most).to_be_hidden()
    page.locator("#reports-from").select_option("3")
    asked: list[dict[str, Any]] = []
    # What is asked is looked at, not planned: the answer is a clash.
    page.route("**/v1/deployments?*", lambda route: _answer_with_a_clash(route, asked))
    for n, typed in enumerate(("", "0", "7"), 1):
        most.fill(typed)
        page.locator("#ask-go").click()
        expect(page.locator("#ask-error")).to_have_text(f"asked {n}")
    wanted = [request["cover_reports_from"] for request in asked]
    assert wanted == [3, 3, 3]
    assert [request.get("cover_reports_most") for request in asked] == [None, 0, 7]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("#reports-from").select_option("")
    expect(most).to_be_hidden()
    assert [text for text in said if "409" not in text] == []


def _answer_with_a_clash(route: Route, asked: list[dict[str, Any]]) -> None:
    if route.request.method != "POST":
        route.fallback()
        return
    asked.append(route.request.post_data_json["request"])
    route.fulfill(
        status=409,
        json={"title": "x", "status": 409, "detail": f"asked {len(asked)}"},
        content_type="application/problem+json",
    )


def test_who_may_not_plan_only_looks(visit: Any, secrets: dict[str, str]) -> None:
    page, said = visit(secrets["field"], 390, "en-GB")
    expect(page.locator("#plan h1")).to_be_visible()
    expect(page.locator("#make")).to_be_hidden()
    assert page.locator("#plan input").count() == 0
    assert page.locator("#plan .figure").count() == 0  # totals speak of every unit
    assert said == []
