"""An object store of a test's own, one that is away, and what the books say."""

import contextlib
import socket
import uuid
from collections.abc import Iterator

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import select, text

from core.foundation.database import Database, connect
from core.ledger.books import check_books
from core.settings import Settings
from core.startup.object_store import ObjectStoreAddress
from core.storage.objects import ObjectStore
from core.tables.seals import LedgerSeal
from tests.support.wallets import rich


def store_at(endpoint: str, access_key: str, secret_key: str) -> ObjectStore:
    """A bucket of its own at that address."""
    given = {
        "s3_endpoint": endpoint,
        "s3_access_key": access_key,
        "s3_secret_key": SecretStr(secret_key),
        "s3_secure": False,
        "s3_bucket": f"b-{uuid.uuid4().hex[:20]}",
    }
    return ObjectStore.from_settings(Settings().model_copy(update=given))


@pytest.fixture
def bucket(object_store: ObjectStoreAddress) -> Iterator[ObjectStore]:
    """An empty bucket that only this test uses."""
    store = store_at(object_store.endpoint, object_store.access_key, object_store.secret_key)
    store.ensure_bucket()
    yield store
    store.close()


def away() -> ObjectStore:
    """An object store at whose address nobody answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return store_at(f"127.0.0.1:{free.getsockname()[1]}", "nobody", "nothing")


def rules_found(database: Database) -> set[str]:
    """The rules that a full check finds broken."""
    with database.transaction() as session:
        return {finding.rule for finding in check_books(session)}


@contextlib.contextmanager
def restored(postgres_url: str, database: Database) -> Iterator[Database]:
    """The same ledger in another database, as a restored backup holds it."""
    source = database.engine.url.database
    database.dispose()  # a database with connections cannot be copied
    name = f"t_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_url.replace("/inkdesk?", "/postgres?"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {source}".encode())
        backup = connect(postgres_url.replace("/inkdesk?", f"/{name}?"))
        try:
            yield backup
        finally:
            backup.dispose()
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def as_superuser(database: Database, sql: str) -> None:
    """Change rows past every trigger, and commit."""
    with database.transaction() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in sql.split(";"):
            session.execute(text(statement))


def post(database: Database, amount: int = 5) -> int:
    """One more customer with credits; the number of the grant."""
    with database.transaction() as session:
        rich(session, amount)
        return int(session.execute(text("SELECT max(id) FROM transfer")).scalar_one())


def seals(database: Database) -> list[LedgerSeal]:
    """All seals, the oldest first."""
    with database.transaction() as session:
        return list(session.scalars(select(LedgerSeal).order_by(LedgerSeal.number)))
