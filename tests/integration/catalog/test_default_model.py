"""A fresh home with nothing but a token and the address of a provider draws with the default model."""

import json
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import select

from core.catalog.lifetimes import default_model
from core.catalog.models import MODELS
from core.prompts.labels import labelled
from core.sandbox.server import RunningSandbox
from core.tables.prompts import PromptVersion
from tests.support.desk import TestDesk, wait_for
from tests.support.servers.app import SOURCE, RunningApp, settings_of
from tests.support.servers.sandboxes import until


@pytest.fixture
def provider(short_folder: Path) -> Iterator[dict[str, Any]]:
    """A provider sandbox as a process of its own; its addresses and token."""
    ready = short_folder / "provider.json"
    command = [sys.executable, "-m", "core.sandbox", "--time-scale", "0.05", "--exit-with-stdin"]
    child = subprocess.Popen([*command, "--ready-file", str(ready)], cwd=SOURCE, stdin=subprocess.PIPE)
    try:
        yield until(lambda: json.loads(ready.read_text()) if ready.exists() else None, seconds=120)
    finally:
        assert child.stdin is not None
        child.stdin.close()
        child.kill()
        child.wait()


def test_a_fresh_home_with_only_a_token_and_an_address_draws_with_the_default_model(
    short_folder: Path, provider: dict[str, Any]
) -> None:
    named = {"REPLICATE_API_TOKEN": provider["token"], "REPLICATE_BASE_URL": provider["api"]}
    with RunningApp(short_folder / "home", **named) as app:
        settings = settings_of(
            app.home, replicate_api_token=SecretStr(provider["token"]), replicate_base_url=provider["api"]
        )
        desk = TestDesk.open(settings, cast(RunningSandbox, None))
        try:
            expected = default_model(settings.started_on)
            with desk.database.transaction() as session:
                assert set(session.scalars(select(PromptVersion.model))) == {expected}
                version = labelled(session)
            number = desk.ask(
                version.resolved,
                values={},
                model=version.model,
                parameters=version.parameters,
                prompt_version_id=version.id,
            )
            wait_for(lambda: desk.generation(number).state in ("succeeded", "failed"))
            drawn = desk.generation(number)
            assert (drawn.state, drawn.failure_message) == ("succeeded", None)
            [attempt] = desk.attempts(number)
        finally:
            desk.close()
    listed = MODELS[expected].replicate
    assert listed is not None
    assert attempt.cost_usd == drawn.price_usd == listed.of("medium") != Decimal(0)
    with httpx.Client(base_url=provider["api"], trust_env=False) as api:
        headers = {"Authorization": f"Bearer {provider['token']}"}
        [made] = api.get("/v1/predictions", headers=headers).json()["results"]
    assert made["model"] == expected
    assert made["input"].keys().isdisjoint({"openai_api_key", "input_fidelity"})
