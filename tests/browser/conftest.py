"""A headless Chromium and the whole application for it to look at."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.chromium import FLAGS, find
from tests.support.app import RunningApp
from tests.support.folders import quick_folder

PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = find()
    assert path is not None, "no Chromium: run `python -m tests.browser.chromium`"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def app() -> Iterator[RunningApp]:
    """The application on an empty home; the sandbox draws five times faster than the provider."""
    with quick_folder() as folder:
        home = Path(folder) / "home"
        with RunningApp(home, INKDESK_SANDBOX_TIME_SCALE="0.2") as running:
            yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()
