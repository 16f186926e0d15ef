"""Sign-in by OpenID Connect: `[auth]` of the secrets files, checked before anybody comes in."""

import dataclasses
import ipaddress
import itertools
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from core.foundation.errors import SetupError

CALLBACK = "/oauth2callback"
PROVIDER_FIELDS = ("client_id", "client_secret", "server_metadata_url")
SHORTEST_SECRET = 32  # characters
FEWEST_DIFFERENT = 8
# What stands in examples and in haste; a random text of 32 characters holds none of them.
PLACEHOLDERS = (
    "changeme",
    "changethis",
    "secret",
    "password",
    "example",
    "random",
    "cookie",
    "placeholder",
    "replace",
    "streamlit",
    "inkdesk",
    "default",
    "qwerty",
    "letmein",
    "abcdef",
    "123456",
    "deadbeef",
)
# A space, or three words in a row.
WORDS = re.compile(r"\s|[A-Za-z]{3,}[-_][A-Za-z]{3,}[-_][A-Za-z]{3,}")
MOSTLY = 0.7
HOW_TO_MAKE_ONE = "give a random one, as `openssl rand -hex 32` prints"


@dataclasses.dataclass(frozen=True)
class SignIn:
    """How staff sign in. `providers` are the names that `st.login` takes; None is the one without a name."""

    redirect_uri: str
    providers: tuple[str | None, ...]


def require_readable(file: Path) -> None:
    """Raises SetupError with the file's name where it is no TOML that we may read."""
    try:
        tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as exc:
        raise SetupError(f"{file} cannot be read as TOML. Correct it and start Inkdesk anew.") from exc


def require_no_other_name(secrets: Mapping[str, Any]) -> None:
    """Raises SetupError where sign-in was meant, but stands under a name that nobody reads."""
    fields = ("redirect_uri", "cookie_secret", *PROVIDER_FIELDS)
    for name, value in secrets.items():
        section = isinstance(value, Mapping) and any(field in value for field in fields)
        if name != "auth" and (section or name in fields or name.lower() == "auth"):
            raise SetupError(f"secrets.toml holds sign-in under {name}, but it belongs in [auth].")


def check_auth(auth: object) -> SignIn:
    """What `[auth]` says. Raises SetupError with one line that names the field at fault."""
    if not isinstance(auth, Mapping):
        raise SetupError("[auth] in secrets.toml is not a section. See .streamlit/secrets.toml.example.")
    redirect_uri = _text(auth, "redirect_uri")
    _check_redirect(redirect_uri)
    _check_secret(_text(auth, "cookie_secret"))
    return SignIn(redirect_uri, _providers(auth))


def _providers(auth: Mapping[str, Any]) -> tuple[str | None, ...]:
    named: dict[str | None, Mapping[str, Any]] = {
        name: section
        for name, section in auth.items()
        if isinstance(section, Mapping) and name != "client_kwargs"
    }
    sections = named
    if not named or any(field in auth for field in PROVIDER_FIELDS):
        sections = {None: auth, **named}
    for name, section in sections.items():
        for field in PROVIDER_FIELDS:
            _text(section, field, of=name)
        _check_metadata(section["server_metadata_url"], name)
    return tuple(sections)


def _check_secret(secret: str) -> None:
    where = "[auth] cookie_secret"
    if len(secret) < SHORTEST_SECRET:
        raise SetupError(
            f"{where} has {len(secret)} characters and needs at least {SHORTEST_SECRET}: {HOW_TO_MAKE_ONE}."
        )
    if _can_be_guessed(secret):
        raise SetupError(f"{where} can be guessed, so anybody could sign in: {HOW_TO_MAKE_ONE}.")


def _can_be_guessed(secret: str) -> bool:
    """Whether it is words, a pattern or a repetition; of a million random ones it is none to speak of."""
    plain = re.sub(r"[^0-9a-z]", "", secret.lower())
    worded = WORDS.search(secret) is not None or any(word in plain for word in PLACEHOLDERS)
    steps = {ord(after) - ord(before) for before, after in itertools.pairwise(secret)}
    triples = {secret[at : at + 3] for at in range(len(secret) - 2)}
    repeats = len(triples) < MOSTLY * (len(secret) - 2)
    return worded or repeats or len(steps) < FEWEST_DIFFERENT or len(set(secret)) < FEWEST_DIFFERENT


def _check_redirect(address: str) -> None:
    where = "[auth] redirect_uri"
    parts = _split(address.replace("{port}", "1"), where)
    _check_scheme(parts, where)
    if "?" in address or "#" in address or parts.username is not None or not parts.path.endswith(CALLBACK):
        raise SetupError(f"{where} must be the desk's address followed by {CALLBACK}, and nothing else.")


def _check_metadata(address: str, provider: str | None) -> None:
    where = f"{_section(provider)} server_metadata_url"
    _check_scheme(_split(address, where), where)


def _check_scheme(parts: SplitResult, where: str) -> None:
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname or "")):
        raise SetupError(f"{where} must begin with https://, except on this very machine.")


def _split(address: str, where: str) -> SplitResult:
    try:
        parts = urlsplit(address)
        reachable = parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        reachable = None
    if not reachable or re.search(r"\s", address):
        raise SetupError(f"{where} is not a whole address such as https://desk.example.com/...")
    return parts


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _text(section: Mapping[str, Any], field: str, *, of: str | None = None) -> str:
    value = section.get(field)
    if not isinstance(value, str) or not value.strip():
        raise SetupError(
            f"{_section(of)} {field} is missing or empty. Fill it in as secrets.toml.example shows; "
            "without [auth] Inkdesk runs in local mode."
        )
    return value


def _section(provider: str | None) -> str:
    return "[auth]" if provider is None else f"[auth.{provider}]"
