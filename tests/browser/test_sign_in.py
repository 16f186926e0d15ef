"""Staff sign in at a real provider, and nobody else comes in."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from core.access.staff import PERSONAS, active_staff, enrol
from core.services import open_services
from tests.browser.oidc import SignedApp, provider, sign_in
from tests.support.running.run import quick_folder
from tests.support.servers.app import RunningApp, settings_of

NORA = "nora@example.org"
PEOPLE: dict[str, dict[str, object]] = {
    "nora": {"email": NORA, "email_verified": True},
    "silent": {"email": NORA},
    "worded": {"email": NORA, "email_verified": "true"},
    "denied": {"email": NORA, "email_verified": False},
    "stranger": {"email": "eve@example.org", "email_verified": True},
    "persona": {"email": PERSONAS[0][0], "email_verified": True},
}


@pytest.fixture(scope="module")
def signed() -> Iterator[RunningApp]:
    """A home that was in local mode before; Nora is an operator there."""
    with quick_folder() as folder, provider(PEOPLE) as address:
        home = Path(folder) / "home"
        with RunningApp(home):
            services = open_services(settings_of(home))
            with services.database.transaction() as session:
                assert len(active_staff(session)) == len(PERSONAS)
                enrol(session, email=NORA, name="Nora", roles=["operator"])
            services.close()
        with SignedApp(home, address) as running:
            yield running


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    # The provider's own page asks for a style sheet from elsewhere.
    context.route(lambda url: urlsplit(url).hostname not in ("localhost", "127.0.0.1"), lambda r: r.abort())
    yield context.new_page()
    context.close()


def test_staff_come_in_with_a_verified_address_and_no_persona_is_left(
    signed: RunningApp, visitor: Page
) -> None:
    sign_in(visitor, signed, "nora")
    expect(visitor.get_by_text(f"Signed in as {NORA}")).to_be_visible()
    expect(visitor.get_by_role("heading", name="Overview")).to_be_visible()
    expect(visitor.get_by_text("Acting as")).to_have_count(0)
    services = open_services(settings_of(signed.home))
    with services.database.transaction() as session:
        assert [person.email for person in active_staff(session)] == [NORA]
    services.close()


@pytest.mark.parametrize(
    ("subject", "sentence"),
    [
        ("silent", "Your identity provider sent no verified e-mail address"),
        ("worded", "Your identity provider sent no verified e-mail address"),
        ("denied", "Your identity provider sent no verified e-mail address"),
        ("stranger", "eve@example.org is not entered as staff here."),
        ("persona", f"{PERSONAS[0][0]} is a persona of local mode."),
    ],
)
def test_whoever_is_not_verified_staff_stays_outside(
    signed: RunningApp, visitor: Page, subject: str, sentence: str
) -> None:
    sign_in(visitor, signed, subject)
    expect(visitor.get_by_text(sentence)).to_be_visible()
    expect(visitor.get_by_role("heading", name="Overview")).to_have_count(0)
