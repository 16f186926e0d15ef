"""A tuner in Chromium: edits a prompt, compares, promotes it, and takes it back in one click."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.fields import said_in
from tests.support.servers.app import RunningApp

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

# The first version that a new desk has is the one in production.
FIRST = 1


def test_a_promoted_version_reaches_an_open_page_by_itself_and_one_click_takes_it_back(
    app: RunningApp, page: Page
) -> None:
    generate = page.context.new_page()
    generate.goto(f"{app.url}/generate")
    expect(generate.get_by_text("Ink and halftone v1")).to_be_visible()

    page.goto(f"{app.url}/prompts?version={FIRST}")
    template = page.get_by_label("Template", exact=True)
    former = said_in(template)
    template.fill(former.replace("Style:", "Manner:"))
    template.press("Control+Enter")
    note = page.get_by_label("What changed")
    expect(note).to_be_enabled()
    note.fill("Manner reads better")
    note.press("Enter")
    page.get_by_role("button", name="Save as new version").click()
    expect(page.get_by_text("Ink and halftone v1 → Ink and halftone v2")).to_be_visible()
    expect(page.locator(".prompt-diff del")).to_have_text(["Style"])
    expect(page.locator(".prompt-diff ins")).to_have_text(["Manner"])

    page.get_by_role("button", name="Promote").click()
    expect(page.get_by_text("no experiment has drawn this version")).to_be_visible()
    why = page.get_by_label("Why promote it all the same")
    why.fill("Won the votes")
    why.press("Enter")
    page.get_by_role("button", name="Promote Ink and halftone v2 all the same").click()
    expect(page.get_by_text("Ink and halftone v2 is in production")).to_be_visible()
    expect(generate.get_by_text("Ink and halftone v2").first).to_be_visible()
    expect(generate.get_by_label("Template")).to_have_value(former.replace("Style:", "Manner:"))

    page.goto(f"{app.url}/prompts?view=promotion")
    expect(page.get_by_text("0 of 500 customer jobs")).to_be_visible()
    expect(page.get_by_text("Gate overridden")).to_be_visible()
    page.goto(f"{app.url}/prompts")
    page.get_by_role("button", name="Roll back to Ink and halftone v1").click()
    expect(page.get_by_role("button", name="Roll back to Ink and halftone v2")).to_be_visible()
    expect(generate.get_by_label("Template")).to_have_value(former)
