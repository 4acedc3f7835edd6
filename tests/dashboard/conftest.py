"""Fixtures: everything running, a browser, and a page of it that notes each error."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from dashboard.browser import ARGUMENTS, PROBES, Shown, chromium

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    if not chromium():
        pytest.skip("NO CHROMIUM: the dashboard is not looked at in a browser; apt-get install chromium")
    one = Shown(tmp_path_factory.mktemp("dashboard"))
    try:
        yield one.start()
    finally:
        one.close()


@pytest.fixture(scope="module")
def browser(shown: Shown) -> Iterator[Any]:
    """After the product: what does not start there needs no browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        yield one
        one.close()


@pytest.fixture
def open_page(shown: Shown, browser: Any) -> Iterator[Open]:
    """Opens a page; no page that a test has opened may have said an error, or asked anybody else."""
    errors: list[str] = []
    contexts = []

    def listen(page: Any) -> None:
        page.on("pageerror", lambda error: errors.append(f"thrown: {error}"))
        page.on(
            "console",
            lambda told: (
                errors.append(f"{told.type}: {told.text} {told.location['url']}")
                if told.type == "error" and not told.location["url"].endswith(PROBES)
                else None
            ),
        )
        page.on(
            "request",
            lambda asked: (
                None
                if asked.url.startswith((shown.url, shown.url.replace("http", "ws"), "data:", "blob:"))
                else errors.append(f"asked elsewhere: {asked.url}")
            ),
        )

    def start(path: str = "", width: int = 1440, scheme: str = "light") -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, accept_downloads=True
        )
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        listen(page)
        page.goto(f"{shown.url}/{path}")
        return page

    yield start
    for context in contexts:
        context.close()
    assert errors == []
