"""A sandbox that is shared by tests begins anew for each, without a new start."""

import threading
from collections.abc import Iterator

import httpx
import pytest

from core.sandbox.server import RunningSandbox
from tests.support.servers.sandboxes import QUICK, api_of, create, until


@pytest.fixture
def own() -> Iterator[RunningSandbox]:
    with RunningSandbox(**QUICK) as running:
        yield running


def test_after_a_reset_nothing_is_known_and_addresses_and_keys_are_the_same(own: RunningSandbox) -> None:
    before = (own.url, own.files_url, own.token, own.state.signing_key)
    own.faults.add("http_500", times=None)
    own.clock.advance(1e6)
    own.state.refuse_tokens = True
    own.reset()
    assert (own.url, own.files_url, own.token, own.state.signing_key) == before
    with api_of(own) as api:
        assert api.get("/v1/predictions").json()["results"] == []
        assert create(api)["status"] == "starting"
    assert len(own.state.order) == 1


def test_what_was_under_way_ends_with_the_reset_and_writes_nothing_afterwards(own: RunningSandbox) -> None:
    ended: list[Exception] = []

    def wait() -> None:
        try:
            with api_of(own) as api:
                create(api, "A hero [sandbox:create_hangs]")
        except httpx.HTTPError as exc:
            ended.append(exc)

    with api_of(own) as api:
        create(api, "A hero [sandbox:never_ends]")
    hanging = threading.Thread(target=wait)
    hanging.start()
    until(lambda: sum(each.method == "POST" for each in list(own.state.requests)) == 2)
    own.reset()
    hanging.join(timeout=60)
    assert len(ended) == 1
    assert own.state.order == []
    assert list(own.state.requests) == []


def test_one_that_was_stopped_starts_again(own: RunningSandbox) -> None:
    own.stop()
    own.reset()
    with api_of(own) as api:
        assert create(api)["status"] == "starting"
