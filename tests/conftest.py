"""What every kind of test shares: real servers, one set a process, and a fresh database for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from core.exports.shelf import shelf
from core.foundation.database import Database, connect
from core.sandbox.server import RunningSandbox
from core.startup.object_store import EmbeddedObjectStore, ObjectStoreAddress
from tests.support.desk import KEPT, TIME_SCALE, Begun, TestDesk, quick_settings
from tests.support.running import databases, kinds
from tests.support.running.databases import fresh_database
from tests.support.running.run import SEED, Run, quick_folder, seed

RUN = pytest.StashKey[Run]()


def pytest_configure(config: pytest.Config) -> None:
    """The first process of a run begins it; xdist's workers belong to it."""
    if not hasattr(config, "workerinput"):
        config.stash[RUN] = Run()


def pytest_unconfigure(config: pytest.Config) -> None:
    if run := config.stash.get(RUN, None):
        run.end()


def pytest_report_header() -> str:
    return f"dice: {SEED}={seed()}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    kinds.mark(items)


@pytest.fixture(scope="session", autouse=True)
def downloads_closed() -> Iterator[None]:
    """Files that tests prepared for a download wait for the end of their process: close them there."""
    yield
    shelf.close()


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder with a short path that a database server may live in, also when root runs the tests.

    Not pytest's own: another pytest that starts meanwhile closes those folders to all but root.
    """
    with quick_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The address of one PostgreSQL server of this test process, with a migrated template in it."""
    with databases.running_postgres() as url:
        yield url


@pytest.fixture
def database_url(request: pytest.FixtureRequest, postgres_url: str) -> Iterator[str]:
    """The address of a migrated database that only this test uses; where it has a `desk`, the desk's."""
    template = databases.MIGRATED
    if "desk" in request.fixturenames:
        request.getfixturevalue("begun")
        template = databases.BEGUN
    with fresh_database(postgres_url, template) as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated database that only this test uses."""
    database = connect(database_url)
    yield database
    database.dispose()


@pytest.fixture(scope="module")
def shared_database(postgres_url: str) -> Iterator[Database]:
    """A migrated database that the tests of one module share: they commit nothing."""
    with fresh_database(postgres_url) as url:
        database = connect(url)
        yield database
        database.dispose()


@pytest.fixture
def session(shared_database: Database) -> Iterator[Session]:
    """A session on the shared database; what the test did is checked as at a commit, and rolled back."""
    with shared_database.sessions() as session:
        yield session
        if session.is_active:
            session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        session.rollback()


@pytest.fixture
def repository() -> Path:
    """The folder of the source code."""
    return Path(__file__).parent.parent


@pytest.fixture(scope="session")
def object_store() -> Iterator[ObjectStoreAddress]:
    """One S3 server of this test process."""
    with quick_folder() as folder:
        store = EmbeddedObjectStore(folder / "objects", folder / "run")
        yield store.start()
        store.stop()


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[RunningSandbox]:
    """One provider sandbox of this test process; its seconds pass a hundred times faster."""
    with RunningSandbox(time_scale=TIME_SCALE, **KEPT) as running:
        yield running


@pytest.fixture
def sandbox(running_sandbox: RunningSandbox) -> Iterator[RunningSandbox]:
    """A provider sandbox that knows nothing yet."""
    yield running_sandbox
    running_sandbox.reset()


@pytest.fixture(scope="session")
def begun(postgres_url: str, object_store: ObjectStoreAddress, running_sandbox: RunningSandbox) -> Begun:
    """What each desk begins with; its database is a template from now on."""
    databases.copy(postgres_url, databases.MIGRATED, databases.BEGUN)
    url = databases.named(postgres_url, databases.BEGUN)
    desk = TestDesk.open(quick_settings(url, object_store, running_sandbox), running_sandbox)
    begun = Begun.of(desk)
    desk.close()
    return begun


@pytest.fixture
def desk(
    database_url: str, object_store: ObjectStoreAddress, sandbox: RunningSandbox, begun: Begun
) -> Iterator[TestDesk]:
    """A whole desk with one customer, 1000 credits and a selfie."""
    resumed = TestDesk.resume(quick_settings(database_url, object_store, sandbox), sandbox, begun)
    yield resumed
    resumed.close()
