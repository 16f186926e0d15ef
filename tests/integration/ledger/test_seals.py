"""Seals over the whole ledger: exact, found out when edited, and copied outside the database."""

import threading

import pytest
from sqlalchemy import select, text

from core.foundation.database import Database
from core.foundation.errors import ServiceUnavailable
from core.ledger.anchors import AnchorState, verify_anchors
from core.ledger.books import check_books
from core.ledger.seals import anchor_seals, seal_ledger
from core.ledger.statements import system_balances
from core.storage import keys
from core.storage.objects import ObjectStore
from core.tables.seals import BooksCheck, SealAnchor
from jobs.books import check_the_books, seal_the_ledger
from jobs.schedule import ticks
from jobs.ticker import Worker
from tests.support.books.faults import SEALING
from tests.support.books.inject import inject, past_the_triggers
from tests.support.books.scene import Scene
from tests.support.desk import TestDesk
from tests.support.sealing import as_superuser, away, bucket, post, rules_found, seals
from tests.support.wallets import charged, ended, rich

pytestmark = pytest.mark.slow

__all__ = ["bucket"]


def test_each_seal_covers_what_was_posted_since_the_last_one_once(
    database: Database, bucket: ObjectStore
) -> None:
    post(database)
    assert seal_ledger(database, bucket) == 1
    assert seal_ledger(database, bucket) is None  # nothing new
    post(database)
    post(database)
    assert seal_ledger(database, bucket) == 2
    first, second = seals(database)
    assert (first.transfers, second.transfers) == (1, 2)
    assert second.previous_hash == first.hash
    assert rules_found(database) == set()


def test_a_transaction_that_commits_late_under_a_lower_number_is_neither_lost_nor_sealed_early(
    database: Database, database_url: str, bucket: ObjectStore
) -> None:
    post(database)
    seal_ledger(database, bucket)
    with database.sessions() as late:
        rich(late, 7)
        early = late.execute(text("SELECT max(id) FROM transfer")).scalar_one()
        assert post(database) > early  # a higher number, committed first
        # It ran beside one that is still open, so it waits too; nothing is taken out of order.
        assert seal_ledger(database, bucket) is None
        assert rules_found(database) == set()
        late.commit()
    assert seal_ledger(database, bucket) == 2
    assert [seal.transfers for seal in seals(database)] == [1, 2]
    assert rules_found(database) == set()


def test_what_began_before_a_late_transaction_is_sealed_without_it(
    database: Database, bucket: ObjectStore
) -> None:
    post(database)
    seal_ledger(database, bucket)
    post(database)
    with database.sessions() as late:
        rich(late, 7)
        assert seal_ledger(database, bucket) == 2  # no writer is waited for
        assert seals(database)[1].transfers == 1
        late.commit()
    assert seal_ledger(database, bucket) == 3
    assert seals(database)[2].transfers == 1
    assert rules_found(database) == set()


def test_two_sealers_at_once_make_one_seal(database: Database, bucket: ObjectStore) -> None:
    post(database)
    seal_ledger(database, bucket)
    post(database)
    made: list[int | None] = []
    together = threading.Barrier(4)

    def seal() -> None:
        together.wait()
        made.append(seal_ledger(database, bucket))

    threads = [threading.Thread(target=seal) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [number for number in made if number] == [2]
    assert rules_found(database) == set()


@pytest.mark.parametrize("rule", SEALING)
def test_a_fault_injected_into_what_is_sealed_is_found(
    database: Database, bucket: ObjectStore, rule: str
) -> None:
    for _ in range(2):  # two seals, so that the newest one has another before it
        with database.transaction() as session:
            customer = rich(session)
            ended(session, charged(session, customer), "succeeded")
        seal_ledger(database, bucket)
    for sql in SEALING[rule]:
        with database.sessions() as session:
            names = Scene(session).names
            past_the_triggers(session)
            inject(session, sql, names)
            assert rule in {finding.rule for finding in check_books(session)}, sql
            session.rollback()


def test_a_capture_that_a_superuser_edits_with_both_its_entries_is_found_by_the_seal(
    database: Database, bucket: ObjectStore
) -> None:
    with database.transaction() as session:
        done = ended(session, charged(session, rich(session)), "succeeded")
    seal_ledger(database, bucket)
    # A capture touches no wallet, so no wallet's chain tells of it; everything else is made to agree.
    edit = f"UPDATE transfer SET actor = 'nobody' WHERE key = 'capture:{done}'"  # noqa: S608
    as_superuser(database, edit)
    assert rules_found(database) == {"sealed_rows"}


def test_a_row_that_a_superuser_puts_in_under_an_old_number_is_found(
    database: Database, bucket: ObjectStore
) -> None:
    post(database)
    seal_ledger(database, bucket)
    post(database)
    seal_ledger(database, bucket)
    with database.transaction() as session:
        rich(session)
        sealed = session.execute(text("SELECT min(xid::text) FROM transfer")).scalar_one()
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(
            text(
                "UPDATE transfer SET xid = cast(cast(:xid AS text) AS xid8)"
                " WHERE id = (SELECT max(id) FROM transfer)"
            ),
            {"xid": sealed},
        )
    assert "sealed_rows" in rules_found(database)


def test_every_seal_is_copied_outside_once(database: Database, bucket: ObjectStore) -> None:
    for _ in range(3):
        post(database)
        seal_ledger(database, bucket)
    assert verify_anchors(database, bucket).state is AnchorState.NONE
    assert anchor_seals(database, bucket) == 3
    assert anchor_seals(database, bucket) == 0
    assert list(bucket.keys(keys.SEALS)) == [keys.seal(1, number) for number in (1, 2, 3)]
    assert verify_anchors(database, bucket).state is AnchorState.MATCHES
    with database.transaction() as session:
        assert session.scalars(select(SealAnchor.seal).order_by(SealAnchor.seal)).all() == [1, 2, 3]


def test_a_copy_is_never_written_over(database: Database, bucket: ObjectStore) -> None:
    post(database)
    seal_ledger(database, bucket)
    bucket.put(keys.seal(1, 1), b"of another history", "application/json")
    assert anchor_seals(database, bucket) == 0
    assert bucket.get(keys.seal(1, 1)) == b"of another history"
    found = verify_anchors(database, bucket)
    assert found.state is AnchorState.MISMATCH
    assert [finding.rule for finding in found.findings] == ["anchor_mismatch"]


def forge(database: Database) -> None:
    """What a superuser who knows the code does: edit a sealed row, and compute every hash after it anew."""
    as_superuser(
        database,
        """
        UPDATE transfer SET actor = 'nobody' WHERE kind = 'capture';
        UPDATE ledger_seal s SET rows_hash = (
            SELECT sha256(string_agg(transfer_leaf(transfer_digest(t), t.xid, (
                SELECT string_agg(entry_bytes(e), '' ORDER BY e.account_id) FROM entry e
                WHERE e.transfer_id = t.id)), '' ORDER BY t.id))
            FROM transfer t WHERE t.id <= s.restored_id) WHERE number = 1;
        UPDATE ledger_seal s SET hash = seal_hash(s, e.home, seal_balances(s.number))
            FROM ledger_epoch e WHERE e.number = s.epoch AND s.number = 1
        """,
    )


def test_a_tail_that_is_rewritten_with_all_its_hashes_is_found_by_the_copy_alone(
    database: Database, bucket: ObjectStore
) -> None:
    with database.transaction() as session:
        ended(session, charged(session, rich(session)), "succeeded")
    seal_ledger(database, bucket)
    anchor_seals(database, bucket)
    forge(database)
    assert rules_found(database) == set()
    assert verify_anchors(database, bucket).state is AnchorState.MISMATCH


def test_a_tail_that_is_cut_off_is_found_by_the_copies_that_are_left(
    database: Database, bucket: ObjectStore
) -> None:
    for _ in range(3):
        post(database)
        seal_ledger(database, bucket)
        anchor_seals(database, bucket)
    as_superuser(
        database,
        """
        DELETE FROM seal_anchor WHERE seal = 3; DELETE FROM account_snapshot WHERE seal = 3;
        DELETE FROM ledger_seal WHERE number = 3
        """,
    )
    found = verify_anchors(database, bucket)
    assert found.state is AnchorState.MISMATCH
    assert [finding.subject for finding in found.findings] == [keys.seal(1, 3)]


def test_a_copy_that_is_gone_is_told_apart_from_one_that_differs_and_from_a_store_that_is_away(
    database: Database, bucket: ObjectStore
) -> None:
    post(database)
    seal_ledger(database, bucket)
    anchor_seals(database, bucket)
    assert verify_anchors(database, away()).state is AnchorState.UNREACHABLE
    bucket.delete(keys.seal(1, 1))
    found = verify_anchors(database, bucket)
    assert found.state is AnchorState.MISSING
    assert [finding.rule for finding in found.findings] == ["anchor_missing"]


def test_seals_go_on_while_the_object_store_is_away_and_are_copied_later(
    database: Database, bucket: ObjectStore
) -> None:
    post(database)
    seal_ledger(database, bucket)
    post(database)
    assert seal_ledger(database, away()) == 2
    with pytest.raises(ServiceUnavailable):
        anchor_seals(database, away())
    assert anchor_seals(database, bucket) == 2
    assert verify_anchors(database, bucket).state is AnchorState.MATCHES


def test_each_seal_draws_up_the_balances_of_the_system_accounts(
    database: Database, bucket: ObjectStore
) -> None:
    with database.transaction() as session:
        customer = rich(session, 50)
        ended(session, charged(session, customer), "succeeded")
    seal_ledger(database, bucket)
    with database.transaction() as session:
        held = "SELECT a.kind, s.balance FROM account_snapshot s JOIN account a ON a.id = s.account_id"
        drawn = {row.kind: row.balance for row in session.execute(text(held))}
        assert drawn == {"issued": -50, "in_flight": 0, "revenue": 10, "goodwill": 0, "clawback": 0}
        charged(session, customer)
        assert system_balances(session) == drawn | {"in_flight": 10}


def test_the_ticks_seal_copy_and_check(desk: TestDesk) -> None:
    worker = Worker(desk.services, [])
    seal_the_ledger(worker)
    check_the_books(worker)
    assert verify_anchors(desk.database, desk.services.objects).state is AnchorState.MATCHES
    with desk.database.transaction() as session:
        assert session.scalars(select(BooksCheck.kind)).all() == ["full"]
    assert {seal_the_ledger, check_the_books} <= {tick for tick, _ in ticks(desk.services.settings)}
