"""Checks of the books while customers are served: each sees one moment, and finds no ghosts."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from sqlalchemy import event, text

from core.foundation.database import Database, connect
from core.ledger.anchors import AnchorState, verify_anchors
from core.ledger.books.records import check_full, check_in_turn, check_recent
from core.ledger.books_desk import check_now
from core.ledger.seals import anchor_seals, seal_ledger
from core.storage.objects import ObjectStore
from core.tables.seals import BooksCheck, BooksFinding
from tests.support.prompts import make_actor
from tests.support.sealing import bucket, post
from tests.support.wallets import charged, ended, rich

__all__ = ["bucket"]

Check = Callable[[Database, ObjectStore], BooksCheck | None]


def by_hand(database: Database, objects: ObjectStore) -> BooksCheck:
    with database.transaction() as session:
        actor = make_actor(session, "admin")
    return check_now(database, objects, actor=actor)


def by_tick(database: Database, objects: ObjectStore) -> BooksCheck | None:
    return check_in_turn(database, objects, worker="a")


CHECKS = {"full": check_full, "recent": check_recent, "button": by_hand, "tick": by_tick}


@pytest.fixture
def customers(database_url: str) -> Iterator[Database]:
    """The same database, over connections of its own: what customers do meanwhile."""
    other = connect(database_url)
    yield other
    other.dispose()


def serve(database: Database) -> None:
    """A delivered avatar, a canceled one, and one under way."""
    with database.transaction() as session:
        customer = rich(session)
        waiting = [charged(session, customer) for _ in range(3)]
    with database.transaction() as session:
        for generation_id, state in zip(waiting, ("succeeded", "canceled"), strict=False):
            ended(session, generation_id, state)


@contextmanager
def between_statements(database: Database, act: Callable[[], None]) -> Iterator[list[str]]:
    """Do something after each statement of a check, before its next one; the statements so far."""
    heard: list[str] = []

    def hear(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        heard.append(statement)
        act()

    event.listen(database.engine, "after_cursor_execute", hear)
    yield heard
    event.remove(database.engine, "after_cursor_execute", hear)


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_what_is_posted_between_two_statements_of_a_check_is_no_finding(
    database: Database, customers: Database, bucket: ObjectStore, check: Check
) -> None:
    if check is check_recent:
        check_full(database, bucket)
    with customers.transaction() as session:
        customer = rich(session, 1_000)
        waiting = [charged(session, customer) for _ in range(100)]

    def deliver_one() -> None:
        with customers.transaction() as session:
            ended(session, waiting.pop(), "succeeded")
            charged(session, rich(session))

    with between_statements(database, deliver_one) as heard:
        done = check(database, bucket)

    assert sum("by_charge" in statement for statement in heard) > 2
    with database.transaction() as session:
        assert session.query(BooksFinding).all() == []
    assert done is not None
    assert done.findings == 0
    assert (check_recent(database, bucket).findings, check_full(database, bucket).findings) == (0, 0)


def test_checks_in_a_loop_find_nothing_while_postings_run(
    database: Database, customers: Database, bucket: ObjectStore
) -> None:
    over = threading.Event()
    failed: list[BaseException] = []

    def keep_serving() -> None:
        try:
            while not over.is_set():
                serve(customers)
        except BaseException as exc:  # noqa: BLE001 - told by the test
            failed.append(exc)

    threads = [threading.Thread(target=keep_serving) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        found = []
        for _ in range(4):
            seal_ledger(database, bucket)
            anchor_seals(database, bucket)
            found += [check_recent(database, bucket).findings, check_full(database, bucket).findings]
    finally:
        over.set()
        for thread in threads:
            thread.join()

    assert failed == []
    assert found == [0] * 8


def test_what_is_broken_is_still_found(database: Database, bucket: ObjectStore, database_url: str) -> None:
    serve(database)
    with psycopg.connect(database_url) as admin:
        admin.execute("SET LOCAL session_replication_role = replica")
        admin.execute("UPDATE charge SET captured = 0 WHERE captured > 0")

    assert check_full(database, bucket).findings > 0
    with database.transaction() as session:
        kept = session.scalars(text("SELECT rule FROM books_finding")).all()
    assert "charge_counter" in kept


def test_a_seal_copied_while_the_store_is_asked_is_not_missed(
    database: Database, bucket: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(database)
    seal_ledger(database, bucket)
    anchor_seals(database, bucket)
    listed = bucket.keys

    def one_more_first(prefix: str, *, after: str | None = None) -> Iterator[str]:
        post(database)
        seal_ledger(database, bucket)
        anchor_seals(database, bucket)
        return listed(prefix, after=after)

    monkeypatch.setattr(bucket, "keys", one_more_first)
    assert verify_anchors(database, bucket).state is AnchorState.MATCHES


def test_a_snapshot_for_reading_cannot_write(database: Database) -> None:
    with pytest.raises(Exception, match="read-only transaction"), database.snapshot() as session:
        rich(session)
