"""A headless Chromium for the figures that only a screen can tell."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.chromium import FLAGS, find

PATIENCE_MS = 120_000


@contextmanager
def chromium() -> Iterator[Browser]:
    """One that is closed afterwards."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=find(), args=FLAGS)
        yield running
        running.close()


@contextmanager
def fresh_page(browser: Browser, watch: str = "") -> Iterator[Page]:
    """A page with an empty store; the script `watch` runs in it before anything of the site does."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.add_init_script(watch)
    yield page
    context.close()
