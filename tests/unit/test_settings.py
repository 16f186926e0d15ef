"""Every wrong or half-given setting is one line that names the variable."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import SetupError
from core.settings import Settings, load_settings

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
        ({"REPLICATE_API_TOKEN": "r8_x"}, "OPENAI_API_KEY is missing: openai/gpt-image-1"),
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


def test_secrets_show_in_no_representation(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REPLICATE_API_TOKEN", "OPENAI_API_KEY", "INKDESK_DATABASE_URL"):
        monkeypatch.setenv(name, f"postgresql://hidden-{name}")
    assert "hidden" not in repr(Settings())


@pytest.mark.slow
def test_every_program_stops_with_code_2_and_that_line(repository: Path) -> None:
    for program in (["-m", "jobs.worker"], ["-m", "core.migrate"], ["-m", "core.preflight"]):
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
