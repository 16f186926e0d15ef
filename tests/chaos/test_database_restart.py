"""PostgreSQL is restarted under load, orderly and by force: work goes on as soon as it is back."""

import contextlib
import dataclasses
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from core.foundation.database import connect
from core.generation.store import claim_to_store, store
from core.generation.submit import claim_to_submit, submit
from core.generation.sweep import sweep
from core.sandbox.server import RunningSandbox
from core.schema.migrate import upgrade
from core.startup.object_store import ObjectStoreAddress
from core.startup.postgres import EmbeddedPostgres
from core.storage.objects import ObjectStore
from core.tables.generation import State
from tests.chaos.checks import at_least, check_all, count
from tests.chaos.conftest import LIMITS
from tests.support.desk import TestDesk, quick_settings, wait_for, working
from tests.support.running.databases import POSTGRES_VERSION

GENERATIONS = 30


class Server:
    """A PostgreSQL of one test. Its commits are durable, because a forced stop comes amid them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = EmbeddedPostgres(folder, version=POSTGRES_VERSION, options={"fsync": "off"})
        self.url = self._server.start()

    def stop(self, how: signal.Signals) -> None:
        """SIGINT is PostgreSQL's fast shutdown, SIGQUIT its immediate one (PostgreSQL docs, 18.5)."""
        postmaster = psutil.Process(int((self._folder / "postmaster.pid").read_text().split()[0]))
        postmaster.send_signal(how)
        psutil.wait_procs([postmaster], timeout=30)

    def start(self) -> None:
        assert self._server.start() == self.url

    def end(self) -> None:
        self._server.stop()


@pytest.fixture
def server(short_folder: Path) -> Iterator[Server]:
    server = Server(short_folder / "pg")
    database = connect(server.url)
    upgrade(database)
    database.dispose()
    yield server
    server.end()


def test_generations_survive_restarts_of_the_database(
    server: Server, object_store: ObjectStoreAddress, sandbox: RunningSandbox
) -> None:
    with contextlib.closing(
        TestDesk.open(quick_settings(server.url, object_store, sandbox, **LIMITS), sandbox)
    ) as desk:
        for number in range(GENERATIONS):
            desk.ask(f"Hero {number}")
        with working(desk):
            for how, goal in ((signal.SIGINT, 5), (signal.SIGQUIT, 15)):
                wait_for(at_least(desk, goal))
                server.stop(how)
                server.start()
            wait_for(desk.all_ended)
        assert count(desk, State.SUCCEEDED) == GENERATIONS
        check_all(desk)


def test_a_picture_fetched_while_the_database_went_away_is_recorded_when_it_is_back(
    server: Server, object_store: ObjectStoreAddress, sandbox: RunningSandbox
) -> None:
    with contextlib.closing(
        TestDesk.open(quick_settings(server.url, object_store, sandbox, **LIMITS), sandbox)
    ) as desk:
        generation_id = desk.ask()
        [sent] = claim_to_submit(desk.services, worker="w", free=1)
        assert submit(desk.services, sent)
        wait_for(lambda: sweep(desk.services, worker="w") is not None and count(desk, State.STORING) == 1)
        [drawn] = claim_to_store(desk.services, worker="w", free=1)
        interrupted = dataclasses.replace(desk.services, objects=Interrupting(desk.services.objects, server))
        assert store(interrupted, drawn)
        assert desk.generation(generation_id).state == State.SUCCEEDED
        assert [output.fetches for output in sandbox.state.outputs.values()] == [1]
        check_all(desk)


class Interrupting(ObjectStore):
    """The object store, at whose first word PostgreSQL is stopped for a second."""

    def __init__(self, objects: ObjectStore, server: Server) -> None:
        self._objects = objects
        self._restart: threading.Timer | None = threading.Timer(1.0, server.start)
        self._server = server

    def put(self, key: str, content: bytes, content_type: str) -> None:
        self._objects.put(key, content, content_type)
        if self._restart is not None:
            self._server.stop(signal.SIGQUIT)
            self._restart.start()
            self._restart = None
