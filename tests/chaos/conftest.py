"""A desk whose limits leave room for processes that start and die."""

from collections.abc import Iterator

import pytest

from core.sandbox.server import RunningSandbox
from core.startup.object_store import ObjectStoreAddress
from tests.support.desk import KEPT, TIME_SCALE, Begun, TestDesk, quick_settings

# Roomier than other tests' limits: starting processes take the processor away from the others for a second.
LIMITS: dict[str, object] = {
    "provider_timeout_seconds": 1.5,
    "transfer_timeout_seconds": 1.5,
    "adoption_grace_seconds": 2.5,
    "lease_seconds": 3.5,
    "tick_seconds": 0.1,
    "sweep_interval_seconds": 0.2,
    "straggler_interval_seconds": 0.3,
    "generation_deadline_seconds": 150.0,
    "max_attempts": 5,
}


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    """A quick sandbox that does not repeat whole selfies in its lists."""
    with RunningSandbox(time_scale=TIME_SCALE, echo_data_uris=False, **KEPT) as running:
        yield running


@pytest.fixture
def desk(
    database_url: str, object_store: ObjectStoreAddress, sandbox: RunningSandbox, begun: Begun
) -> Iterator[TestDesk]:
    """A whole desk with one customer, 1000 credits and a selfie."""
    resumed = TestDesk.resume(quick_settings(database_url, object_store, sandbox, **LIMITS), sandbox, begun)
    yield resumed
    resumed.close()
