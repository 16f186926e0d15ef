"""Fixtures of this folder: a sandbox that hardly waits, alert rules at work, and a mail server."""

from collections.abc import Iterator

import httpx
import pytest

from core.foundation.database import Database
from core.sandbox.server import RunningSandbox
from tests.support.alerting import Watch
from tests.support.servers.receivers import Mailbox
from tests.support.servers.sandboxes import QUICK, api_of


@pytest.fixture(scope="module")
def quick_sandbox() -> Iterator[RunningSandbox]:
    with RunningSandbox(**QUICK) as running:
        yield running


@pytest.fixture
def api(quick_sandbox: RunningSandbox) -> Iterator[httpx.Client]:
    with api_of(quick_sandbox) as client:
        yield client


@pytest.fixture
def watch(database: Database) -> Watch:
    return Watch.open(database)


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()
    yield box
    box.stop()
