"""The way in: local mode for this machine only, personas, sign-in, the banner and the navigation."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.runtime.context import ContextProxy
from streamlit.testing.v1 import AppTest

import core.services
from core.services import Services
from core.tables.access import Staff
from pages.shared.signin import is_local
from pages.shared.start import STAFF_ID
from tests.pages.looking import said
from tests.support.desk import TestDesk

pytestmark = pytest.mark.smoke

OpenShell = Callable[..., AppTest]
HERE = {"Host": "127.0.0.1:8501"}
AUTH: dict[str, object] = {
    "client_id": "x",
    "client_secret": "y",
    "server_metadata_url": "http://127.0.0.1:9/.well-known/openid-configuration",
    "redirect_uri": "http://127.0.0.1/oauth2callback",
    "cookie_secret": "Zq3vT8kLw0nR5yB1dF7hJ2mX9cP4gS6a",
}


@pytest.fixture
def open_shell(services: Services, repository: Path, monkeypatch: pytest.MonkeyPatch) -> OpenShell:
    """Open Inkdesk as a browser would, from an address and with headers."""

    def open_it(
        *,
        address: str | None = None,
        headers: dict[str, str] = HERE,
        query: dict[str, str] | None = None,
        user: dict[str, object] | None = None,
        auth: dict[str, object] = AUTH,
    ) -> AppTest:
        monkeypatch.setattr(ContextProxy, "ip_address", property(lambda _: address))
        monkeypatch.setattr(ContextProxy, "headers", property(lambda _: headers))
        at = AppTest.from_file(repository / "pages" / "shell.py", default_timeout=60)
        for name, value in (query or {}).items():
            at.query_params[name] = value
        if user is not None:
            at.secrets["auth"] = auth
            at.user = user
        return at.run()

    return open_it


@pytest.mark.parametrize(
    ("address", "headers", "local"),
    [
        (None, HERE, True),
        ("127.0.0.1", {"Host": "localhost:8501"}, True),
        ("::1", {"Host": "[::1]:8501"}, True),
        ("127.9.9.9", HERE, True),
        ("192.168.1.20", HERE, False),
        ("8.8.8.8", {"Host": "localhost:8501"}, False),
        ("somewhere", HERE, False),
        (None, {"Host": "desk.example.com"}, False),
        (None, HERE | {"X-Forwarded-For": "8.8.8.8"}, False),
        (None, HERE | {"X-Forwarded-For": "127.0.0.1"}, False),
        (None, HERE | {"Forwarded": "for=8.8.8.8"}, False),
        (None, HERE | {"X-Real-Ip": "8.8.8.8"}, False),
    ],
)
def test_only_a_browser_on_this_machine_without_a_proxy_is_local(
    address: str | None, headers: dict[str, str], local: bool
) -> None:
    assert is_local(address, headers) is local


def test_a_client_from_elsewhere_is_refused_with_the_way_out(open_shell: OpenShell) -> None:
    at = open_shell(address="192.168.1.20")

    assert at.error[0].value.startswith("Inkdesk runs in local mode")
    assert STAFF_ID not in at.session_state
    assert not at.selectbox


def test_somebody_who_is_refused_later_loses_who_they_were(
    open_shell: OpenShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = open_shell()
    assert at.session_state[STAFF_ID]

    monkeypatch.setattr(ContextProxy, "headers", property(lambda _: HERE | {"X-Forwarded-For": "8.8.8.8"}))
    at.run()

    assert STAFF_ID not in at.session_state


def test_local_mode_begins_as_the_admin_on_the_overview(open_shell: OpenShell, desk: TestDesk) -> None:
    at = open_shell()

    assert not at.exception
    assert at.session_state[STAFF_ID] == desk.admin.id
    assert [title.value for title in at.title] == ["Overview"]


def test_the_address_keeps_the_persona_over_a_reload(open_shell: OpenShell) -> None:
    at = open_shell()
    at.selectbox(key="shell_persona").set_value("Vic (viewer)").run()
    assert at.query_params["persona"] == "Vic (viewer)"

    again = open_shell(query={"persona": "Vic (viewer)"})

    assert again.selectbox(key="shell_persona").value == "Vic (viewer)"
    assert again.session_state[STAFF_ID] == at.session_state[STAFF_ID]
    assert open_shell(query={"persona": "Root"}).selectbox(key="shell_persona").value == "Ada (admin)"


def test_the_banner_says_that_the_sandbox_draws(open_shell: OpenShell) -> None:
    assert "Sandbox" in said(open_shell())


def test_a_signed_in_staff_member_acts_as_themselves(open_shell: OpenShell, desk: TestDesk) -> None:
    with desk.database.transaction() as session:
        nora = Staff(email="nora@example.com", name="Nora", roles=["operator"])
        session.add(nora)

    at = open_shell(
        address="8.8.8.8", user={"is_logged_in": True, "email": "Nora@Example.com", "email_verified": True}
    )

    assert not at.exception
    assert at.session_state[STAFF_ID] == nora.id
    assert "Signed in as Nora@Example.com" in said(at)


NOT_TRUE: tuple[object, ...] = (False, None, "true", "True", "false", 1, "1", [True], {})
UNVERIFIED = "Your identity provider sent no verified e-mail address"


@pytest.mark.parametrize(
    ("email", "sentence"),
    [
        ("eve@example.com", "eve@example.com is not entered as staff here."),
        ("ada.admin@inkdesk.local", "ada.admin@inkdesk.local is a persona of local mode."),
        (" ADA.Admin@INKDESK.local ", " ADA.Admin@INKDESK.local  is a persona of local mode."),
        ("new@inkdesk.local", "new@inkdesk.local is a persona of local mode."),
        ("", UNVERIFIED),
        (None, UNVERIFIED),
        (["nora@example.com"], UNVERIFIED),
    ],
)
def test_a_verified_address_that_is_not_staff_is_refused(
    open_shell: OpenShell, email: object, sentence: str
) -> None:
    at = open_shell(user={"is_logged_in": True, "email": email, "email_verified": True})

    assert at.error[0].value.startswith(sentence.lstrip())
    assert STAFF_ID not in at.session_state


@pytest.mark.parametrize("claim", [{}, *({"email_verified": value} for value in NOT_TRUE)])
def test_an_address_counts_only_where_it_is_verified_by_the_boolean_true(
    open_shell: OpenShell, desk: TestDesk, claim: dict[str, object]
) -> None:
    with desk.database.transaction() as session:
        session.add(Staff(email="nora@example.com", name="Nora", roles=["operator"]))

    at = open_shell(user={"is_logged_in": True, "email": "nora@example.com", **claim})

    assert at.error[0].value.startswith(UNVERIFIED)
    assert STAFF_ID not in at.session_state


@pytest.mark.parametrize("field", sorted(AUTH))
def test_with_half_of_sign_in_set_up_nobody_gets_in(open_shell: OpenShell, field: str) -> None:
    at = open_shell(user={"is_logged_in": False}, auth={**AUTH, field: ""})

    assert f"{field} is missing or empty." in at.error[0].value
    assert not at.button
    assert STAFF_ID not in at.session_state


def test_each_named_provider_has_its_own_button(open_shell: OpenShell) -> None:
    common = {name: AUTH[name] for name in ("redirect_uri", "cookie_secret")}
    own = {name: AUTH[name] for name in ("client_id", "client_secret", "server_metadata_url")}

    at = open_shell(user={"is_logged_in": False}, auth={**common, "google": own, "entra": own})

    assert [button.label for button in at.button] == ["Sign in with google", "Sign in with entra"]


def test_with_sign_in_set_up_nobody_gets_in_without_it(open_shell: OpenShell) -> None:
    at = open_shell(user={"is_logged_in": False})

    assert [button.label for button in at.button] == ["Sign in"]
    assert STAFF_ID not in at.session_state


def test_while_inkdesk_starts_the_page_waits(open_shell: OpenShell) -> None:
    core.services.install(None)

    at = open_shell()

    assert at.info[0].value.startswith("Inkdesk is still starting.")
    assert not at.error


@pytest.mark.parametrize("page", ["overview/page.py", "generate/page.py", "generations/page.py"])
def test_a_page_that_runs_past_the_shell_lets_nobody_in(
    services: Services, repository: Path, page: str
) -> None:
    at = AppTest.from_file(repository / "pages" / page, default_timeout=60).run()

    assert at.error[0].value.startswith("Nobody is signed in.")
    assert not at.button


@pytest.mark.parametrize("page", ["overview/page.py", "generate/page.py", "generations/page.py"])
def test_every_page_opens_on_an_empty_desk(open_shell: OpenShell, page: str) -> None:
    at = open_shell()

    at.switch_page(page).run()

    assert not at.exception
    assert len(at.title) == 1
