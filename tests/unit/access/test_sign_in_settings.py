"""`[auth]` is whole and safe, or names the field at fault in one line."""

from typing import Any

import pytest

from core.access.sign_in import SignIn, check_auth
from core.foundation.errors import SetupError

SECRET = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
PROVIDER: dict[str, Any] = {
    "client_id": "inkdesk-desk",
    "client_secret": "of-the-provider",
    "server_metadata_url": "https://login.example.com/.well-known/openid-configuration",
}
COMMON: dict[str, Any] = {"redirect_uri": "https://desk.example.com/oauth2callback", "cookie_secret": SECRET}
WHOLE = COMMON | PROVIDER
WEAK = [
    "",
    " ",
    "changeme",
    "x" * 64,
    "ab" * 32,
    "abc123" * 8,
    "0123456789abcdef0123456789abcdef",
    "please-change-me-" + "9f86d081884c7d65",
    "your-cookie-secret-your-cookie-secret!",
    "a long random text of forty characters..",
    "ReplaceThisWithARandomValueOfYourOwn",
    "password-password-password-pass-4711",
    SECRET[:31],
    "generate-me-with-openssl-rand-hex-32",
    "$(openssl rand -hex 32)aaaaaaaaaaaaaaaa",
    "your_long_string_here_your_long_string_here",
    "put-a-very-long-string-of-your-own-here",
    "TODO-TODO-TODO: fill in before deploy",
    "0000000000000000000000000000000076543210",
    "00112233445566778899aabbccddeeff",
    "zyxwvutsrqponmlkjihgfedcba0987654321",
    "hunter2hunter2hunter2hunter2hunter2!",
    "p@ssw0rdp@ssw0rdp@ssw0rdp@ssw0rdX",
]


@pytest.mark.parametrize(
    ("auth", "providers"),
    [
        (WHOLE, (None,)),
        (WHOLE | {"client_kwargs": {"prompt": "login"}, "expose_tokens": ["id"]}, (None,)),
        (COMMON | {"google": PROVIDER}, ("google",)),
        (COMMON | {"google": PROVIDER | {"client_kwargs": {}}, "entra": PROVIDER}, ("google", "entra")),
        (WHOLE | {"google": PROVIDER}, (None, "google")),
    ],
)
def test_what_is_whole_names_its_providers(auth: dict[str, Any], providers: tuple[str | None, ...]) -> None:
    assert check_auth(auth) == SignIn(WHOLE["redirect_uri"], providers)


@pytest.mark.parametrize(
    "address",
    [
        "http://localhost:8501/oauth2callback",
        "http://127.0.0.1:{port}/oauth2callback",
        "http://[::1]:8501/oauth2callback",
        "https://desk.example.com/inkdesk/oauth2callback",
    ],
)
def test_where_the_provider_may_send_people_back_to(address: str) -> None:
    assert check_auth(WHOLE | {"redirect_uri": address}).redirect_uri == address


@pytest.mark.parametrize("secret", WEAK)
def test_a_secret_that_can_be_guessed_is_refused(secret: str) -> None:
    with pytest.raises(SetupError, match=r"^\[auth\] cookie_secret") as refused:
        check_auth(WHOLE | {"cookie_secret": secret})
    assert not secret.strip() or secret not in str(refused.value)


@pytest.mark.parametrize(
    "made", [SECRET, "Zq3vT8kLw0nR5yB1dF7hJ2mX9cP4gS6a", "oM4+/pQz7YtVfGkE2sXcLw8NbHj1uR0d="]
)
def test_a_random_secret_is_taken(made: str) -> None:
    check_auth(WHOLE | {"cookie_secret": made})


@pytest.mark.parametrize("field", sorted(WHOLE))
@pytest.mark.parametrize("value", [None, "", "  ", 5, True, ["x"], {"x": "y"}])
def test_a_field_that_is_no_text_is_refused_by_its_name(field: str, value: object) -> None:
    auth = {name: given for name, given in WHOLE.items() if name != field}
    if value is not None:
        auth[field] = value
    with pytest.raises(SetupError) as refused:
        check_auth(auth)
    assert field in str(refused.value) or isinstance(value, dict)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("field", sorted(PROVIDER))
def test_a_named_provider_is_checked_as_well(field: str) -> None:
    with pytest.raises(SetupError, match=rf"^\[auth.entra\] {field}"):
        check_auth(WHOLE | {"entra": PROVIDER | {field: ""}})


@pytest.mark.parametrize(
    "address",
    [
        "http://desk.example.com/oauth2callback",
        "http://192.168.1.5:8501/oauth2callback",
        "https://desk.example.com",
        "https://desk.example.com/callback",
        "https://desk.example.com/oauth2callback?next=/",
        "https://desk.example.com/oauth2callback#x",
        "https://desk.example.com/oauth2callback?",
        "https://user:pass@desk.example.com/oauth2callback",
        "https:///oauth2callback",
        "desk.example.com/oauth2callback",
        "ftp://desk.example.com/oauth2callback",
        "https://desk.example.com:99999/oauth2callback",
        "https://[::1/oauth2callback",
        "https://desk example.com/oauth2callback",
    ],
)
def test_no_other_way_back_is_taken(address: str) -> None:
    with pytest.raises(SetupError, match=r"^\[auth\] redirect_uri"):
        check_auth(WHOLE | {"redirect_uri": address})


def test_a_provider_without_tls_is_taken_on_this_machine_only() -> None:
    check_auth(WHOLE | {"server_metadata_url": "http://localhost:9400/.well-known/openid-configuration"})
    with pytest.raises(SetupError, match="server_metadata_url"):
        check_auth(
            WHOLE | {"server_metadata_url": "http://login.example.com/.well-known/openid-configuration"}
        )


@pytest.mark.parametrize("auth", ["text", 5, None, [], True, {}])
def test_a_section_that_is_none_is_refused(auth: object) -> None:
    with pytest.raises(SetupError, match=r"^\[auth\]"):
        check_auth(auth)
