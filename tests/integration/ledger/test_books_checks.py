"""Checks of the books that are written down: what is due, and what a recent one looks at."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.foundation.database import Database
from core.ledger.anchors import AnchorState, compare, expected
from core.ledger.books.check import scope_since
from core.ledger.books.records import badge, check_due, check_full, check_in_turn, check_recent, standing
from core.ledger.seals import anchor_seals, seal_ledger
from core.storage.objects import ObjectStore
from core.tables.ledger import Transfer
from core.tables.seals import BooksCheck
from tests.support.books.faults import ANCHORS
from tests.support.books.inject import inject, past_the_triggers
from tests.support.books.scene import Scene
from tests.support.sealing import as_superuser, away, bucket
from tests.support.wallets import charged, ended, rich

__all__ = ["bucket"]


def trade(database: Database) -> None:
    """A customer, a delivered avatar and one under way."""
    with database.transaction() as session:
        customer = rich(session)
        ended(session, charged(session, customer), "succeeded")
        charged(session, customer)


def test_a_check_writes_down_what_it_read_and_the_seal_that_stood(
    database: Database, bucket: ObjectStore
) -> None:
    trade(database)
    seal_ledger(database, bucket)
    anchor_seals(database, bucket)
    check = check_full(database, bucket)
    assert (check.kind, check.transfers, check.findings, check.anchor) == ("full", 4, 0, "matches")
    with database.transaction() as session:
        shown = badge(session)
    assert shown.full is not None
    assert shown.seal is not None
    assert shown.full.head_hash == shown.seal.hash
    assert shown.anchored_at is not None
    assert shown.standing == ()


def test_a_recent_check_reads_what_was_posted_since_the_last_one(
    database: Database, bucket: ObjectStore
) -> None:
    trade(database)
    seal_ledger(database, bucket)
    assert check_recent(database, bucket).transfers == 4  # there was no check before
    assert check_recent(database, bucket).transfers == 0
    trade(database)
    assert check_recent(database, bucket).transfers == 4
    # Sealed since, but the last check stood at the seal before: looked at once more, and then no longer.
    seal_ledger(database, bucket)
    assert check_recent(database, bucket).transfers == 4
    assert check_recent(database, bucket).transfers == 0


def test_what_commits_late_is_in_the_next_recent_check(database: Database, bucket: ObjectStore) -> None:
    trade(database)
    seal_ledger(database, bucket)
    check_recent(database, bucket)
    with database.sessions() as late:
        rich(late, 7)
        trade(database)
        check_recent(database, bucket)
        seal_ledger(database, bucket)
        late.commit()
    assert check_recent(database, bucket).transfers == 5


def test_a_recent_check_finds_a_generation_that_ended_without_moving_a_credit(
    database: Database, bucket: ObjectStore
) -> None:
    trade(database)
    seal_ledger(database, bucket)
    check_full(database, bucket)
    as_superuser(
        database, "UPDATE generation SET state = 'succeeded', finished_at = now() WHERE state = 'queued'"
    )
    assert check_recent(database, bucket).findings > 0
    with database.transaction() as session:
        assert {finding.rule for finding in standing(session)} >= {"succeeded_not_captured"}


def test_findings_stand_until_a_full_check_no_longer_has_them(
    database: Database, bucket: ObjectStore
) -> None:
    trade(database)
    check_full(database, bucket)
    as_superuser(database, "UPDATE wallet_balance SET balance = balance + 1")
    check_recent(database, bucket)
    as_superuser(database, "UPDATE wallet_balance SET balance = balance - 1")
    check_recent(database, bucket)
    with database.transaction() as session:
        assert {finding.rule for finding in standing(session)} == {"balance_drift"}
    check_full(database, bucket)
    with database.transaction() as session:
        assert standing(session) == []


def test_an_object_store_that_is_away_is_no_finding_and_is_told(
    database: Database, bucket: ObjectStore
) -> None:
    trade(database)
    seal_ledger(database, bucket)
    anchor_seals(database, bucket)
    check = check_full(database, away())
    assert (check.findings, check.anchor) == (0, AnchorState.UNREACHABLE)


NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def written(session: Session, kind: str, ago: timedelta) -> None:
    session.add(
        BooksCheck(
            kind=kind, started_at=NOW - ago, took_seconds=1, transfers=0, findings=0, anchor=AnchorState.NONE
        )
    )
    session.flush()


@pytest.mark.parametrize(
    ("full", "recent", "due"),
    [
        (None, None, "full"),
        (timedelta(hours=2), None, "recent"),
        (timedelta(hours=2), timedelta(minutes=1), None),
        (timedelta(hours=2), timedelta(minutes=5), "recent"),
        (timedelta(hours=10), timedelta(minutes=1), "full"),  # 02:00, before the night's hour
        (timedelta(hours=25), timedelta(minutes=1), "full"),
    ],
)
def test_the_full_check_comes_once_a_night_and_recent_ones_every_five_minutes(
    session: Session, full: timedelta | None, recent: timedelta | None, due: str | None
) -> None:
    for kind, ago in (("full", full), ("recent", recent)):
        if ago is not None:
            written(session, kind, ago)
    assert check_due(session, NOW) == due


def test_two_workers_do_not_check_twice(database: Database, bucket: ObjectStore) -> None:
    trade(database)
    first = check_in_turn(database, bucket, worker="a")
    assert first is not None
    assert first.kind == "full"
    assert check_in_turn(database, bucket, worker="b") is None


@pytest.mark.parametrize("rule", ANCHORS)
def test_a_seal_that_no_longer_says_what_its_copy_says_is_found(
    database: Database, bucket: ObjectStore, rule: str
) -> None:
    for _ in range(2):
        trade(database)
        seal_ledger(database, bucket)
    anchor_seals(database, bucket)
    for sql in ANCHORS[rule]:
        with database.sessions() as session:
            names = Scene(session).names
            past_the_triggers(session)
            assert compare(expected(session), bucket).findings == ()
            inject(session, sql, names)
            assert rule in {finding.rule for finding in compare(expected(session), bucket).findings}
            session.rollback()


def test_a_scope_behind_a_seal_is_what_no_seal_up_to_it_covers(
    database: Database, bucket: ObjectStore
) -> None:
    trade(database)
    seal_ledger(database, bucket)
    trade(database)
    with database.transaction() as session:
        every = set(session.scalars(select(Transfer.id)))
        later = scope_since(session, seal=1, since=datetime.now(UTC))
        assert set(scope_since(session, seal=0, since=datetime.now(UTC)).transfers) == every
    assert len(later.transfers) == 4
    assert set(later.transfers) < every
