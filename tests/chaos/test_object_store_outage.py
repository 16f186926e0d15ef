"""The object store is away while avatars are to be stored: they are kept, and stored when it is back."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.sandbox.server import RunningSandbox
from core.startup.object_store import EmbeddedObjectStore
from core.startup.ports import free_port
from core.tables.generation import State
from tests.chaos.checks import check_all, count, kept_outputs
from tests.chaos.conftest import LIMITS
from tests.support.desk import UNHURRIED, TestDesk, quick_settings, wait_for, working

GENERATIONS = 8
A_DAY = 86_400


class Store:
    """An object store of one test, that goes away and comes back at the same address."""

    def __init__(self, folder: Path) -> None:
        self._server = EmbeddedObjectStore(folder / "objects", folder / "run")
        self._port = free_port()
        self.address = self._server.start(self._port)

    def go_away(self) -> None:
        self._server.stop()

    def come_back(self) -> None:
        self._server.start(self._port)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    yield store
    store.go_away()


def test_what_is_drawn_while_the_object_store_is_away_is_stored_when_it_is_back(
    database_url: str, store: Store, sandbox: RunningSandbox
) -> None:
    with contextlib.closing(
        TestDesk.open(quick_settings(database_url, store.address, sandbox, **LIMITS | UNHURRIED), sandbox)
    ) as desk:
        sandbox.clock.scale = 10.0
        for number in range(GENERATIONS):
            desk.ask(f"Hero {number}")
        with working(desk):
            wait_for(lambda: count(desk, State.RENDERING) == GENERATIONS)
            store.go_away()
            sandbox.clock.advance(60)
            wait_for(lambda: kept_outputs(desk) == GENERATIONS)
            # Meanwhile the provider deletes what it drew.
            sandbox.clock.advance(A_DAY)
            store.come_back()
            wait_for(desk.all_ended)
        assert count(desk, State.SUCCEEDED) == GENERATIONS
        check_all(desk)
        assert all(len(desk.attempts(generation_id)) == 1 for generation_id in range(1, GENERATIONS + 1))
