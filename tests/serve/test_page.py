"""The planners' page in a real browser, on a real server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kit.tabs import Tabs
from playwright.sync_api import Page, ViewportSize, expect

from store import database

PHONE: ViewportSize = {"width": 390, "height": 844}

pytestmark = pytest.mark.browser


@pytest.fixture
def page(tabs: Tabs, server: str) -> Iterator[Page]:
    """A page that must not complain."""
    tab = tabs.open(server)
    yield tab.page
    assert tab.said == []


def _sign_in(page: Page, secret: str) -> None:
    page.goto("/")
    page.get_by_label("Token").fill(secret)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#rows tr").first).to_be_visible()


def _column(page: Page, key: str) -> list[str]:
    return page.locator(f'#rows [data-key="{key}"]').all_text_contents()


def test_a_planner_reads_a_bulletin(page: Page, seeded: Any) -> None:
    _sign_in(page, seeded.secret)
    expect(page.locator("#synthetic")).to_contain_text("SYNTHETIC DATA")
    expect(page.locator("#health")).to_be_hidden()
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Testland: Presidential, round 1, 29 Jul 2018"
    )
    expect(page.locator("#facts")).to_contain_text("logistic, vigie-xxa-any v3")
    expect(page.locator("#notes")).to_have_text("Made-up data for tests. Act on none of this.")
    expect(page.locator("path[data-unit-id]")).to_have_count(40)
    expect(page.locator('path[data-unit-id="XX0405"]')).to_have_attribute("fill", "url(#hatch)")
    expect(page.locator("#legend")).to_contain_text("No score too little reporting1")

    page.locator('path[data-unit-id="XX0203"]').click()
    detail = page.locator("#detail")
    expect(detail.get_by_role("heading", level=2)).to_have_text("Commune 19 é")
    expect(detail).to_contain_text("Cercle 2 · Région A · XX0203")
    expect(detail).to_contain_text("20th of 39")
    expect(detail).to_contain_text("21 incidents in the last 12 months")
    expect(detail.locator(".drivers li")).to_have_count(3)
    expect(detail).to_contain_text("Every commune starts at 10%")
    expect(detail).to_contain_text("10 incidents of any type known by 1 Jul 2018")
    expect(detail.locator(".month-chart rect")).to_have_count(10)
    expect(detail.locator(".incidents")).to_contain_text("Battle: Armed clash")
    expect(page.locator('#rows tr[aria-current="true"]')).to_contain_text("Commune 19 é")

    page.reload()  # the address remembers the commune
    expect(detail.get_by_role("heading", level=2)).to_have_text("Commune 19 é")
    page.keyboard.press("Escape")
    expect(detail.locator(".highest li")).to_have_count(10)
    detail.get_by_role("button", name="Commune 00 é").click()
    expect(detail).to_contain_text("1st of 39")


def test_the_lessons_of_a_round_are_a_link_away(page: Page, seeded: Any) -> None:
    _sign_in(page, seeded.secret)
    link = page.get_by_role("link", name="Lessons of this round, as known on 31 Dec 2018")
    with page.context.expect_page() as opened:
        link.click()
    lessons = opened.value
    expect(lessons.locator("p")).to_have_text("lessons")
    expect(lessons.locator("p")).to_have_css("color", "rgb(1, 2, 3)")  # its own style may speak


@pytest.fixture
def french(tabs: Tabs, server: str) -> Page:
    return tabs.open(server, locale="fr-FR").page


def test_the_page_is_in_the_language_of_the_browser(french: Page, seeded: Any) -> None:
    french.goto("/")
    french.get_by_label("Jeton").fill(seeded.secret)
    french.get_by_role("button", name="Se connecter").click()
    expect(french.locator("html")).to_have_attribute("lang", "fr")
    expect(french.get_by_role("heading", level=1)).to_have_text(
        "Testland\u202f: Présidentielle, premier tour, 29 juil. 2018"
    )
    expect(french.locator("#notes")).to_contain_text("Données inventées")
    french.locator('#rows tr[data-unit-id="XX0203"]').click()
    detail = french.locator("#detail")
    expect(detail).to_contain_text("20e sur 39")
    expect(detail).to_contain_text("incidents passés ici\u202f: 21 incidents violents")
    expect(detail).to_contain_text("8\u202f%")
    expect(detail).to_contain_text("9 fois sur 10, au plus3 incidents")
    # Nothing that the page itself says is left in English.
    spoken = french.evaluate(
        """() => document.body.innerText + [...document.querySelectorAll('[aria-label]')]
        .map((node) => '\\n' + node.getAttribute('aria-label')).join('')"""
    )
    for english in ("Expected", "Search", "Baseline", "Highest", "Reading", "Legend", "Zoom in"):
        assert english not in spoken


def test_the_language_chosen_is_remembered(french: Page, seeded: Any) -> None:
    french.goto("/")
    chosen = french.get_by_role("button", name="EN", exact=True)
    expect(chosen).to_have_attribute("aria-pressed", "false")
    chosen.click()
    expect(french.locator("html")).to_have_attribute("lang", "en")
    _sign_in(french, seeded.secret)
    french.locator('#rows tr[data-unit-id="XX0203"]').click()
    expect(french.locator("#detail")).to_contain_text("20th of 39")
    french.reload()
    expect(french.locator("html")).to_have_attribute("lang", "en")
    # Changing it keeps the bulletin and the commune that are open.
    french.get_by_role("button", name="FR", exact=True).click()
    expect(french.locator("#detail")).to_contain_text("20e sur 39")


def test_what_was_not_known_is_not_shown(page: Page, seeded: Any) -> None:
    _sign_in(page, seeded.secret)
    page.locator('#rows tr[data-unit-id="XX0000"]').click()
    expect(page.locator("#detail")).to_contain_text("9 incidents of any type known by")


def test_an_abstained_commune_says_why(page: Page, seeded: Any) -> None:
    _sign_in(page, seeded.secret)
    page.locator('path[data-unit-id="XX0405"]').click()
    expect(page.locator("#detail")).to_contain_text("No score is not a low score")
    expect(page.locator("#detail")).to_contain_text("No report from this region in a year.")


def test_the_table_sorts_filters_and_works_by_keyboard(page: Page, seeded: Any) -> None:
    _sign_in(page, seeded.secret)
    assert _column(page, "rank") == [*map(str, range(1, 40)), "–"]
    page.get_by_role("button", name="Commune", exact=True).click()
    names = _column(page, "name")
    assert names[1:] == sorted(names[1:])
    heading = page.locator('#columns [data-key="name"]')
    expect(heading).to_have_attribute("aria-sort", "ascending")
    page.get_by_role("button", name="Commune", exact=True).click()
    expect(heading).to_have_attribute("aria-sort", "descending")
    assert _column(page, "name") == names[::-1]
    page.get_by_role("button", name="Probability", exact=True).click()
    assert _column(page, "rank")[-1] == "–"  # no score comes last, both ways
    page.get_by_role("button", name="Probability", exact=True).click()
    assert _column(page, "rank")[-1] == "–"

    page.locator("#filter-region").select_option("Région B")
    expect(page.locator("#count")).to_have_text("16 of 40 communes")
    expect(page.locator("path.dimmed")).to_have_count(24)
    page.get_by_label("Search").fill("COMMUNE 30 e")  # accents and case do not matter
    expect(page.locator("#count")).to_have_text("1 of 40 communes")
    row = page.locator("#rows tr:visible")
    row.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#detail h2")).to_have_text("Commune 30 é")


def test_names_are_text_and_never_markup(page: Page, seeded: Any) -> None:
    _sign_in(page, seeded.secret)
    page.locator('#rows tr[data-unit-id="XX0003"]').click()
    expect(page.locator("#detail h2")).to_have_text("=HYPERLINK(1)")


def test_another_as_of_is_another_bulletin(page: Page, seeded: Any) -> None:
    _sign_in(page, seeded.secret)
    page.get_by_label("As of").select_option("1 Jun 2018")
    expect(page.locator("#subtitle")).to_contain_text("as known on 1 Jun 2018")
    page.locator('#rows tr[data-unit-id="XX0101"]').click()
    expect(page.locator("#detail")).to_contain_text("known by 1 Jun 2018")


def test_the_map_can_be_coloured_by_probability(page: Page, seeded: Any) -> None:
    _sign_in(page, seeded.secret)
    commune = page.locator('path[data-unit-id="XX0007"]')
    before = commune.get_attribute("fill")
    page.get_by_text("Probability", exact=True).first.click()
    expect(page.locator("#legend")).to_contain_text("50% or more")
    assert commune.get_attribute("fill") != before


def test_scores_can_be_taken_away(page: Page, seeded: Any) -> None:
    _sign_in(page, seeded.secret)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download CSV").click()
    assert waiting.value.suggested_filename == f"{seeded.bulletin_id}.csv"
    text = waiting.value.path().read_text(encoding="utf-8-sig")
    assert text.startswith("bulletin_id,as_of,synthetic,unit_id")


def test_signing_out_leaves_nothing_behind(page: Page, seeded: Any) -> None:
    _sign_in(page, seeded.secret)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Token")).to_be_visible()
    assert page.evaluate("sessionStorage.length") == 0
    assert page.locator("#rows tr").count() == 0
    assert "XX0" not in page.content()


def test_on_a_phone_the_map_comes_first_and_the_panel_is_a_sheet(page: Page, seeded: Any) -> None:
    page.set_viewport_size(PHONE)
    _sign_in(page, seeded.secret)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE["width"]
    tops = [page.locator(s).bounding_box() for s in ("#map", "#table", "#facts")]
    assert [box["y"] for box in tops if box] == sorted(box["y"] for box in tops if box)
    page.locator('#rows tr[data-unit-id="XX0101"]').click()
    expect(page.locator("#detail")).to_be_in_viewport()
    expect(page.locator("#detail")).to_have_css("position", "fixed")
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#detail")).to_be_hidden()


def test_a_wrong_token_is_told_so(tabs: Tabs, server: str) -> None:
    page = tabs.open(server).page
    page.goto("/")
    page.get_by_label("Token").fill("vigie_wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("expected a valid token")


def test_an_error_of_the_api_is_shown(tabs: Tabs, server: str, seeded: Any) -> None:
    page = tabs.open(server).page
    problem = '{"title": "Service Unavailable", "detail": "the database is not usable"}'
    page.route(re.compile("/scores"), lambda r: r.fulfill(status=503, body=problem))
    page.goto("/")
    page.get_by_label("Token").fill(seeded.secret)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#message")).to_contain_text("the database is not usable")
    page.unroute(re.compile("/scores"))
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#rows tr").first).to_be_visible()


def test_a_store_without_bulletins_says_so(tabs: Tabs, tmp_path: Path, serving: Any) -> None:
    from datetime import UTC, datetime

    from store import tokens

    engine = database.connect(f"sqlite:///{tmp_path / 'vigie.db'}")
    database.migrate(engine)
    with database.sessions(engine).begin() as session:
        _, secret = tokens.create(session, label="t", now=datetime.now(UTC))
    with serving(tmp_path) as (url, _):
        page = tabs.open(url).page
        page.goto("/")
        page.get_by_label("Token").fill(secret)
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator("#message")).to_contain_text("No bulletin yet")
        expect(page.locator("#health")).to_contain_text("no bulletin yet")


def test_a_planner_counts_in_the_reports_and_switches_back(page: Page, seeded: Any) -> None:
    _sign_in(page, seeded.secret)
    before = _column(page, "probability")
    page.get_by_role("button", name="Count in the reports").click()
    # The first one imports what it needs.
    expect(page.get_by_label("Nowcast")).to_be_checked(timeout=60_000)
    expect(page.locator("#nowcast-says")).to_contain_text("field reports")
    page.locator("#rows tr").first.click()
    expect(page.locator("#detail")).to_contain_text("Now, with field reports of")
    expect(page.locator("#detail")).to_contain_text("In the next 7 days")
    page.get_by_text("Bulletin", exact=True).click()
    expect(page.locator("#detail h3").first).not_to_contain_text("Now, with field reports")
    assert _column(page, "probability") == before
    page.set_viewport_size(PHONE)
    expect(page.locator("#version-switch")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
