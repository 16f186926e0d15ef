"""The tests' PostgreSQL: one server a process, and for each test a copy of a database that is ready."""

import contextlib
import os
import uuid
from collections.abc import Iterator

import psycopg

from core.foundation.database import connect
from core.schema.migrate import upgrade
from core.startup.postgres import DATABASE, EmbeddedPostgres
from tests.support.running.run import quick_folder

POSTGRES_VERSION = int(os.environ.get("INKDESK_TEST_POSTGRES", "18"))
# The tests' data is thrown away: it need not survive a power cut, nor keep much of a log (it may be in RAM).
FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "400",
    "max_wal_size": "64MB",
}
MIGRATED = DATABASE
# Migrated, and with what a desk of the tests begins with.
BEGUN = "begun"


@contextlib.contextmanager
def running_postgres() -> Iterator[str]:
    """The address of a server's migrated database, which is there to be copied."""
    with quick_folder() as folder:
        server = EmbeddedPostgres(folder / "pg", version=POSTGRES_VERSION, options=FAST)
        url = server.start()
        database = connect(url)
        upgrade(database)
        database.dispose()
        yield url
        server.stop()


@contextlib.contextmanager
def fresh_database(postgres_url: str, template: str = MIGRATED) -> Iterator[str]:
    """The address of a new copy of the template, which is dropped at the end."""
    name = f"t_{uuid.uuid4().hex}"
    copy(postgres_url, template, name)
    yield named(postgres_url, name)
    with _admin(postgres_url) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def copy(postgres_url: str, template: str, name: str) -> None:
    """Make a database like another one to which nobody is connected."""
    with _admin(postgres_url) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy".encode())


def named(postgres_url: str, name: str) -> str:
    """The address of another database of the same server."""
    return postgres_url.replace(f"/{DATABASE}?", f"/{name}?")


def _admin(postgres_url: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(named(postgres_url, "postgres"), autocommit=True)
