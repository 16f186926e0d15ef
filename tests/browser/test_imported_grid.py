"""An imported grid in the browser: the same keys and addresses as at its home, and no way to buy or rate."""

import contextlib
import re

import pytest
from playwright.sync_api import Page, expect

from core.exports.exports import Kind, Wish
from core.sandbox.server import RunningSandbox
from tests.browser.comparing import loaded, whole
from tests.support.desk import TestDesk
from tests.support.grids import drawn_grid
from tests.support.servers.app import RunningApp, settings_of
from tests.support.share import export, import_file

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture
def address(app: RunningApp) -> str:
    """Where an import of two versions on two selfies is seen."""
    with contextlib.closing(TestDesk.open(settings_of(app.home), RunningSandbox())) as desk:
        drawn = drawn_grid(desk.services, desk.admin, labels=["Noir v1", "Manga v3"], selfies=2)
        number = import_file(desk, export(desk, Wish(drawn.experiment_id, Kind.BUNDLE, selfies=True)))
    return f"{app.url}/experiments?import={number}"


def test_it_opens_at_an_address_moves_by_keys_and_keeps_its_place(page: Page, address: str) -> None:
    page.goto(f"{address}&level=row&selfie=2")
    row = page.locator(".compare .row-level")
    expect(row.locator("figure")).to_have_count(3)  # the selfie and two versions
    assert whole(loaded(page, row.locator("img")))
    assert row.get_by_title("Open this generation (G)").count() == 0
    page.keyboard.press("Escape")
    expect(page.locator(".compare .cell")).to_have_count(4)
    expect(page.get_by_role("button", name="Rate")).to_have_count(0)
    page.get_by_role("button", name="Swap axes").click()
    expect(page).to_have_url(re.compile(re.escape(address) + ".*swap=1"))
    page.reload()
    expect(page.locator(".compare .cell")).to_have_count(4)
    assert "swap=1" in page.url
