"""Every wrong or half-given setting is one line that names the variable."""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from core.catalog.models import MODELS
from core.foundation.errors import SetupError
from core.provider.outputs import OutputHosts
from core.settings import Settings, load_settings
from core.startup.ports import free_port

OURS = ("INKDESK_", "REPLICATE_", "OPENAI_")


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(OURS)]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"INKDESK_LEASE_SECONDS": "-1"}, "INKDESK_LEASE_SECONDS: input should be greater than 0"),
        ({"INKDESK_LEASE_SECONDS": "soon"}, "INKDESK_LEASE_SECONDS: input should be a valid number"),
        ({"INKDESK_MAX_ATTEMPTS": "0"}, "INKDESK_MAX_ATTEMPTS: "),
        ({"INKDESK_WORKER": "elsewhere"}, "INKDESK_WORKER: "),
        ({"INKDESK_MODEL": "openai/dall-e-9"}, "INKDESK_MODEL: .*known models: openai/gpt-image-1"),
        ({"INKDESK_S3_ENDPOINT": "minio:9000"}, "INKDESK_S3_ACCESS_KEY is missing"),
        ({"INKDESK_S3_BUCKET": "No Bucket!"}, "INKDESK_S3_BUCKET: "),
        ({"INKDESK_DATABASE_URL": "mysql://x"}, "INKDESK_DATABASE_URL must start with postgresql://"),
        ({"REPLICATE_BASE_URL": "http://127.0.0.1:9"}, "REPLICATE_API_TOKEN is missing"),
        ({"REPLICATE_BASE_URL": "http://127.0.0.1:9/v1"}, "REPLICATE_BASE_URL: "),
        (
            {"REPLICATE_API_TOKEN": "r8_x", "INKDESK_MODEL": "openai/gpt-image-1"},
            "OPENAI_API_KEY is missing: openai/gpt-image-1",
        ),
        ({"INKDESK_PUBLIC_URL": "http://desk"}, "INKDESK_PUBLIC_URL: "),
        ({"INKDESK_LEASE_SECONDS": "5"}, "INKDESK_LEASE_SECONDS must be longer than"),
        ({"INKDESK_ADOPTION_GRACE_SECONDS": "5"}, "INKDESK_ADOPTION_GRACE_SECONDS must be longer than"),
    ],
)
def test_a_wrong_setting_is_one_line_with_its_name(
    given: dict[str, str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SetupError, match=sentence) as told:
        load_settings()
    assert "\n" not in str(told.value)


def test_the_defaults_need_nothing() -> None:
    settings = load_settings()
    assert settings.uses_sandbox
    assert settings.output_hosts == ("replicate.delivery", "*.replicate.delivery")


def test_a_token_alone_is_enough_for_the_default_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLICATE_API_TOKEN", "r8_x")
    assert not MODELS[load_settings().model].needs_openai_key


@pytest.mark.parametrize(
    ("base_url", "allowed"),
    [
        (None, False),
        ("https://api.replicate.com/", False),
        ("http://127.0.0.1:9", True),
        ("http://127.0.0.1", True),
        ("http://127.0.0.2:9", False),
        ("http://[::1]:9", False),
    ],
)
def test_the_host_of_an_own_provider_may_serve_pictures_at_any_port_and_no_other_host(
    base_url: str | None, allowed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPLICATE_API_TOKEN", "r8_x")
    if base_url:
        monkeypatch.setenv("REPLICATE_BASE_URL", base_url)
    hosts = OutputHosts(load_settings().all_output_hosts)
    assert hosts.allows(httpx.URL("http://127.0.0.1:4711/out.png")) is allowed
    assert hosts.allows(httpx.URL("https://replicate.delivery/out.png"))
    assert hosts.allows(httpx.URL("http://[::1]:80/out.png")) is (base_url == "http://[::1]:9")


def test_an_own_key_counts_where_a_real_provider_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not load_settings().own_openai_key
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    assert load_settings().own_openai_key
    assert not load_settings().model_copy(update={"sandboxed": True}).own_openai_key


def test_secrets_show_in_no_representation(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REPLICATE_API_TOKEN", "OPENAI_API_KEY", "INKDESK_DATABASE_URL"):
        monkeypatch.setenv(name, f"postgresql://hidden-{name}")
    assert "hidden" not in repr(Settings())


@pytest.mark.slow
def test_every_program_stops_with_code_2_and_that_line(repository: Path) -> None:
    for program in (["-m", "jobs.worker"], ["-m", "core.schema.migrate"], ["-m", "core.startup.preflight"]):
        ended = subprocess.run(
            [sys.executable, *program],
            env={**os.environ, "INKDESK_LEASE_SECONDS": "never"},
            cwd=repository,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == 2
        assert ended.stderr == (
            "Inkdesk cannot start. INKDESK_LEASE_SECONDS: input should be a valid number, "
            "unable to parse string as a number\n"
        )


AUTH = (
    '[auth]\nredirect_uri = "https://desk.example.com/oauth2callback"\ncookie_secret = "{secret}"\n'
    'client_id = "x"\nclient_secret = "y"\nserver_metadata_url = "https://login.example.com/x"\n'
)


@pytest.mark.parametrize(
    ("secrets", "sentence"),
    [
        (AUTH.format(secret="changeme"), "[auth] cookie_secret has 8 characters and needs at least 32"),
        (AUTH.format(secret=""), "[auth] cookie_secret is missing or empty."),
        ("[auth]\n", "[auth] redirect_uri is missing or empty."),
        ('auth = "yes"\n', "[auth] in secrets.toml is not a section."),
        ("[auth\n", "cannot be read as TOML."),
    ],
)
def test_the_app_does_not_start_with_sign_in_that_cannot_be_trusted(
    repository: Path, tmp_path: Path, secrets: str, sentence: str
) -> None:
    (tmp_path / "secrets.toml").write_text(secrets)
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            "app.py",
            "--server.port",
            str(free_port()),
            "--secrets.files",
            str(tmp_path / "secrets.toml"),
        ],
        env={**os.environ, "INKDESK_HOME": str(tmp_path / "home")},
        cwd=repository,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 2
    told = [line for line in ended.stderr.splitlines() if line.startswith("Inkdesk cannot start.")]
    assert len(told) == 1
    assert sentence in told[0]
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "home").exists()
