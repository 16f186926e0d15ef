"""Epochs of the seals: a restored backup, a new cluster, an undone history; each says why it began."""

import contextlib
import threading

import pytest
from sqlalchemy import select, text

from core.foundation.database import Database
from core.foundation.errors import InvalidInput, ServiceUnavailable
from core.ledger.anchors import AnchorState, verify_anchors
from core.ledger.seals import accept_epoch, anchor_seals, begin_epoch, seal_ledger
from core.startup import accept_epoch as accept_command
from core.storage import keys
from core.storage.objects import ObjectStore
from core.tables.seals import LedgerEpoch
from tests.support.desk import TestDesk
from tests.support.sealing import as_superuser, bucket, post, restored, rules_found, seals
from tests.support.wallets import rich

pytestmark = pytest.mark.slow

__all__ = ["bucket"]


def test_a_restored_backup_gets_a_new_epoch_that_is_reported_until_somebody_says_why(
    postgres_url: str, database: Database, database_url: str, bucket: ObjectStore
) -> None:
    post(database)
    seal_ledger(database, bucket)
    anchor_seals(database, bucket)
    post(database)  # in the backup, and not sealed there
    with restored(postgres_url, database) as backup:
        post(database)
        seal_ledger(database, bucket)  # what the backup never heard of
        anchor_seals(database, bucket)
        post(backup)
        assert seal_ledger(backup, bucket) == 2
        opened = seals(backup)[1]
        assert (opened.epoch, opened.transfers) == (2, 2)
        assert opened.previous_hash == seals(backup)[0].hash
        post(backup)
        assert seal_ledger(backup, bucket) == 3
        anchor_seals(backup, bucket)
        assert verify_anchors(backup, bucket).state is AnchorState.MATCHES
        assert rules_found(backup) == {"new_epoch"}
        with backup.transaction() as session:
            with pytest.raises(InvalidInput):
                accept_epoch(session, bucket, by="Ada", reason=" ")
            assert accept_epoch(session, bucket, by="Ada", reason="Monday's backup") == 2
        assert rules_found(backup) == set()


def test_a_cluster_whose_transaction_numbers_begin_anew_gets_an_epoch_with_every_row_sealed_once(
    postgres_url: str, database: Database, bucket: ObjectStore
) -> None:
    """As after a dump was read into a new cluster: numbers of old rows lie above those of new ones."""
    post(database)
    seal_ledger(database, bucket)
    post(database)
    as_superuser(
        database,
        """
        UPDATE transfer SET xid = (xid::text::bigint + 1000000000)::text::xid8;
        UPDATE ledger_seal SET upto_xid = (upto_xid::text::bigint + 1000000000)::text::xid8
            WHERE upto_xid > '0';
        UPDATE ledger_epoch SET home = 'another cluster'
        """,
    )
    post(database)
    assert seal_ledger(database, bucket) == 2
    assert seals(database)[1].transfers == 2
    post(database)
    assert seal_ledger(database, bucket) == 3
    assert [(seal.epoch, seal.transfers) for seal in seals(database)] == [(1, 1), (2, 2), (2, 1)]
    # The first seal speaks of a home that was changed here; all rows are sealed once nevertheless.
    assert "snapshot_drift" not in rules_found(database)
    with database.transaction() as session:
        assert session.execute(text("SELECT count(*) FROM transfer")).scalar_one() == 4


def test_a_copy_of_an_undone_history_ends_with_a_new_epoch_that_says_why(
    database: Database, bucket: ObjectStore
) -> None:
    post(database)
    seal_ledger(database, bucket)
    bucket.put(keys.seal(1, 1), b"of another history", "application/json")
    with database.transaction() as session:
        assert accept_epoch(session, bucket, by="Ada", reason="the machine was set back") == 2
    post(database)
    assert seal_ledger(database, bucket) == 2
    assert anchor_seals(database, bucket) == 1
    assert verify_anchors(database, bucket).state is AnchorState.MATCHES
    assert rules_found(database) == set()


def test_a_wiped_chain_cannot_begin_again_unnoticed(database: Database, bucket: ObjectStore) -> None:
    post(database)
    seal_ledger(database, bucket)
    anchor_seals(database, bucket)
    as_superuser(
        database,
        "DELETE FROM seal_anchor; DELETE FROM account_snapshot; DELETE FROM ledger_seal;"
        " DELETE FROM ledger_epoch",
    )
    seal_ledger(database, bucket)
    assert [seal.epoch for seal in seals(database)] == [2]
    assert "new_epoch" in rules_found(database)


def test_a_new_epoch_waits_for_the_postings_under_way(database: Database, bucket: ObjectStore) -> None:
    done = threading.Event()

    def begin() -> None:
        with database.transaction() as session:
            begin_epoch(session, bucket)
        done.set()

    with database.sessions() as late:
        rich(late, 7)
        thread = threading.Thread(target=begin)
        thread.start()
        assert not done.wait(0.3)
        late.commit()
    thread.join()
    with database.transaction() as session:
        highest = session.execute(text("SELECT max(id) FROM transfer")).scalar_one()
        assert session.scalars(select(LedgerEpoch.restored_id)).one() == highest


def test_a_new_epoch_gives_up_where_a_posting_does_not_end(database: Database, bucket: ObjectStore) -> None:
    with database.sessions() as late:
        rich(late, 7)
        with pytest.raises(ServiceUnavailable, match="did not end"):
            seal_ledger(database, bucket)
        assert seals(database) == []
        late.commit()
    assert seal_ledger(database, bucket) == 1


def test_whoever_runs_the_machine_accepts_an_epoch_on_the_command_line(
    desk: TestDesk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seal_ledger(desk.database, desk.services.objects)
    monkeypatch.setattr(accept_command, "load_or_exit", lambda: desk.services.settings)
    monkeypatch.setattr(accept_command, "embedded_or_joined", contextlib.nullcontext)
    assert accept_command.main(["Ada", "the machine was set back"]) == 0
    assert capsys.readouterr().out == "Epoch 2 is accepted.\n"
    assert accept_command.main(["Ada", " "]) == 2
    assert "why the ledger moved" in capsys.readouterr().err
