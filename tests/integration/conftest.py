"""Fixtures of the sandbox's own tests: one that hardly waits at all, shared by a file's tests."""

from collections.abc import Iterator

import httpx
import pytest

from core.provider.sandbox.server import RunningSandbox
from tests.support.sandboxes import QUICK, api_of


@pytest.fixture(scope="module")
def quick_sandbox() -> Iterator[RunningSandbox]:
    with RunningSandbox(**QUICK) as running:
        yield running


@pytest.fixture
def api(quick_sandbox: RunningSandbox) -> Iterator[httpx.Client]:
    with api_of(quick_sandbox) as client:
        yield client
