"""Pages of a browser that are used again by test after test, and look new to each."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

CHROMIUM = Path(os.environ.get("VIGIE_TEST_CHROMIUM", "/usr/bin/chromium"))
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window. While it is open no other one can be, nor an event loop."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Tab:
    """A page, and what it complained of: errors, warnings, requests that failed."""

    page: Page
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        page, said = self.page, self.said
        page.on(
            "console", lambda m: said.append(m.text) if m.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("requestfailed", lambda request: said.append(f"failed: {request.url}"))


def sign_in(page: Page, secret: str) -> None:
    """Take the cookie of a session, as the form on the first page does."""
    answer = page.request.post("/v1/session", data={"token": secret})
    assert answer.ok, answer.text()


class Tabs:
    """One page for each site and language: to open a new one takes as long as a whole test."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._kept: dict[tuple[str, str | None], Tab] = {}

    def open(
        self, site: str, *, width: int = 1400, height: int = 900, locale: str | None = None
    ) -> Tab:
        """A page of this size that remembers nothing; another one of the language is used up."""
        tab = self._kept.get((site, locale))
        if tab is None:
            context = self._browser.new_context(base_url=site, locale=locale)
            tab = self._kept[site, locale] = Tab(context.new_page())
        _forget(tab)
        tab.page.set_viewport_size({"width": width, "height": height})
        return tab


def _forget(tab: Tab) -> None:
    """Cookies, storage, routes and complaints of whoever was here; its other pages are closed."""
    page = tab.page
    context: BrowserContext = page.context
    for other in context.pages:
        if other != page:
            other.close()
    page.unroute_all(behavior="ignoreErrors")
    if page.url.startswith("http"):
        page.evaluate("localStorage.clear(); sessionStorage.clear()")
    page.goto("about:blank")
    context.clear_cookies()
    tab.said.clear()
