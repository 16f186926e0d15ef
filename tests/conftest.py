"""Fixtures that every kind of test shares: real servers, started once, and a fresh database for each test."""

import contextlib
import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from core.database import Database, connect
from core.embedded.objects import EmbeddedObjectStore, ObjectStoreAddress
from core.embedded.postgres import EmbeddedPostgres
from core.migrate import upgrade
from core.prompts.share.shelf import shelf
from core.provider.sandbox.server import RunningSandbox
from tests.support.desk import KEPT, TIME_SCALE, TestDesk, quick_settings
from tests.support.folders import quick_folder

POSTGRES_VERSION = int(os.environ.get("INKDESK_TEST_POSTGRES", "18"))
# The tests' data is thrown away: it need not survive a power cut, nor keep much of a log (it may be in RAM).
FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "400",
    "max_wal_size": "64MB",
}


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
    with tempfile.TemporaryDirectory(prefix="inkdesk-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The address of one PostgreSQL server of this test process, with a migrated template in it."""
    with quick_folder() as folder:
        server = EmbeddedPostgres(Path(folder) / "pg", version=POSTGRES_VERSION, options=FAST)
        url = server.start()
        database = connect(url)
        upgrade(database)
        database.dispose()
        yield url
        server.stop()


@contextlib.contextmanager
def fresh_database(postgres_url: str) -> Iterator[str]:
    """The address of a new migrated database, which is dropped at the end."""
    name = f"t_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_url.replace("/inkdesk?", "/postgres?"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE inkdesk STRATEGY file_copy")
        yield postgres_url.replace("/inkdesk?", f"/{name}?")
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database_url(postgres_url: str) -> Iterator[str]:
    """The address of a migrated database that only this test uses."""
    with fresh_database(postgres_url) as url:
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
        store = EmbeddedObjectStore(Path(folder) / "objects", Path(folder) / "run")
        yield store.start()
        store.stop()


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    """A provider sandbox of this test alone; its seconds pass a hundred times faster."""
    with RunningSandbox(time_scale=TIME_SCALE, **KEPT) as running:
        yield running


@pytest.fixture
def desk(database_url: str, object_store: ObjectStoreAddress, sandbox: RunningSandbox) -> Iterator[TestDesk]:
    """A whole desk with one customer, 1000 credits and a selfie."""
    opened = TestDesk.open(quick_settings(database_url, object_store, sandbox), sandbox)
    yield opened
    opened.close()
