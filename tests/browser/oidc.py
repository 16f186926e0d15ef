"""A real OpenID Connect provider over HTTP, and a desk that signs its staff in there."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import oidc_provider_mock
from playwright.sync_api import Page

from tests.support.servers.app import RunningApp

SECRET = "Zq3vT8kLw0nR5yB1dF7hJ2mX9cP4gS6a"


class SignedApp(RunningApp):
    """The application with `[auth]`, which names the provider at this address."""

    def __init__(self, home: Path, provider: str, **environment: str) -> None:
        super().__init__(home, **environment)
        self._secrets = home.parent / f"{home.name}-secrets.toml"
        metadata = f"{provider}/.well-known/openid-configuration"
        auth = {
            "redirect_uri": f"{self.url}/oauth2callback",
            "cookie_secret": SECRET,
            "client_id": "inkdesk",
            "client_secret": "between-the-two",
            "server_metadata_url": metadata,
        }
        lines = [f"{name} = {json.dumps(value)}" for name, value in auth.items()]
        self._secrets.write_text("\n".join(["[auth]", *lines, ""]), encoding="utf-8")

    def command(self) -> list[str]:
        return [*super().command(), "--secrets.files", str(self._secrets)]


@contextlib.contextmanager
def provider(people: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    """Its address; `people` are the claims of each subject."""
    users = [oidc_provider_mock.User(sub=sub, claims=dict(claims)) for sub, claims in people.items()]
    with oidc_provider_mock.run_server_in_thread(user_claims=users) as server:
        yield f"http://localhost:{server.server_port}"


def sign_in(page: Page, app: RunningApp, subject: str) -> None:
    """Come to the desk, be sent to the provider, and be sent back as this subject."""
    page.goto(app.url)
    page.get_by_role("button", name="Sign in").click()
    page.locator("input[name=sub]").fill(subject)
    page.get_by_role("button", name="Authorize").click()
