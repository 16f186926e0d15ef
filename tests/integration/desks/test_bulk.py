"""One decision on many cases: tried first, agreed to by number, worked off through every kind of stop."""

import uuid

import pytest
from sqlalchemy import func, select, update

from core.desks.refunds import batch_views, bulk, claims
from core.desks.refunds.queue import queue_page
from core.desks.refunds.queue_filters import QueueFilter
from core.foundation.database import Database
from core.foundation.errors import Conflict, InvalidInput, NotAllowed
from core.ledger import moves as ledger
from core.refunds import deciding
from core.tables.access import AuditEvent, Staff
from core.tables.ledger import Transfer
from core.tables.refund_batches import RefundBatchItem
from core.tables.refund_states import CaseState
from core.tables.refunds import CompensationCase
from tests.support.cases import failed_case, reviewer, work_off
from tests.support.wallets import rich

ALL = QueueFilter()


def cases(database: Database, count: int = 5, price: int = 10, *, one_customer: bool = False) -> list[int]:
    with database.transaction() as session:
        customer = rich(session, 10_000) if one_customer else None
        return [failed_case(session, price=price, customer=customer).id for _ in range(count)]


def start(
    database: Database, number: int, total: int, decision: bulk.BatchDecision = "approve", key: str = ""
) -> int:
    with database.transaction() as session:
        return bulk.start_batch(
            session,
            actor=reviewer(session),
            filter_=ALL,
            decision=decision,
            reason_code="refused_in_error" if decision == "approve" else "refused_content",
            note="the provider's bad hour",
            cases=number,
            total=total,
            key=key or uuid.uuid4().hex,
        )


def states(database: Database) -> list[str]:
    with database.transaction() as session:
        return list(session.scalars(select(CompensationCase.state).order_by(CompensationCase.id)))


def refunds(database: Database) -> int:
    with database.transaction() as session:
        return session.scalar(select(func.count()).where(Transfer.kind == "refund")) or 0


def batch(database: Database, number: int) -> batch_views.Batch:
    with database.transaction() as session:
        return batch_views.batch(session, number)


def test_a_dry_run_counts_and_writes_nothing(database: Database) -> None:
    cases(database, 3)
    cases(database, 1, price=200)
    cases(database, 3, price=40, one_customer=True)
    with database.transaction() as session:
        seen = bulk.dry_run(session, actor=reviewer(session), filter_=ALL, decision="approve")
    assert (seen.cases, seen.credits, seen.customers) == (7, 350, 5)
    # One is large; of the three small ones of one customer the third goes over what one person may.
    assert (seen.to_second, seen.capped, seen.held) == (2, 1, 0)
    assert set(states(database)) == {"pending"}


def test_all_are_paid_each_with_its_own_line_and_outcome(database: Database) -> None:
    numbers = cases(database, 5)
    made = start(database, 5, 50)
    assert work_off(database) == 6  # five cases, and the end
    done = batch(database, made)
    assert (done.outcomes, done.finished_at is not None) == ({"done": 5}, True)
    assert refunds(database) == 5
    with database.transaction() as session:
        told = batch_views.items(session, made)
        assert [item.case_id for item in told] == numbers
        assert all("ledger line" in (item.sentence or "") for item in told)
        actions = session.scalars(select(AuditEvent.action).where(AuditEvent.action.like("refund.%"))).all()
    assert sorted(actions) == ["refund.approve"] * 5 + ["refund.batch.approve"]


def test_denying_many_keeps_their_credits(database: Database) -> None:
    cases(database, 2)
    made = start(database, 2, 20, "deny")
    work_off(database)
    assert states(database) == ["denied", "denied"]
    assert batch(database, made).outcomes == {"done": 2}


def test_what_a_killed_worker_left_is_done_by_the_next_exactly_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases(database, 6)
    made = start(database, 6, 60)
    count = 0

    def dies(*args: object, **named: object) -> deciding.Decided:
        nonlocal count
        count += 1
        decided = deciding.approve(*args, **named)  # type: ignore[arg-type]
        if count == 3:
            raise KeyboardInterrupt  # as if the process had ended before the commit
        return decided

    monkeypatch.setattr(bulk, "approve", dies)
    with pytest.raises(KeyboardInterrupt):
        work_off(database)
    assert refunds(database) == 2
    assert batch(database, made).outcomes == {"done": 2}
    monkeypatch.undo()
    work_off(database)
    assert refunds(database) == 6
    assert batch(database, made).outcomes == {"done": 6}


def test_a_case_that_moved_is_refused_with_a_sentence_and_the_others_go_on(database: Database) -> None:
    numbers = cases(database, 3)
    made = start(database, 3, 30)
    with database.transaction() as session:
        amir = reviewer(session, "Amir", "approver")
        deciding.deny(session, actor=amir, case_id=numbers[0], seen_seq=1, reason_code="refused_content")
        claims.claim(session, actor=amir, case_id=numbers[1])
    work_off(database)
    with database.transaction() as session:
        told = {item.case_id: item for item in batch_views.items(session, made)}
    assert "Amir moved case" in (told[numbers[0]].sentence or "")
    assert "Amir is working on" in (told[numbers[1]].sentence or "")
    assert told[numbers[2]].outcome == "done"
    assert states(database) == ["denied", "pending", "approved"]


def test_each_case_is_still_capped_and_the_rest_waits_for_a_second_person(database: Database) -> None:
    cases(database, 3, price=40, one_customer=True)
    made = start(database, 3, 120)
    work_off(database)
    assert batch(database, made).outcomes == {"done": 2, "second": 1}
    assert states(database)[-1] == CaseState.NEEDS_SECOND


def test_other_numbers_than_agreed_to_are_refused_and_nothing_begins(database: Database) -> None:
    cases(database, 3)
    with pytest.raises(Conflict, match="By now 3 cases of 30 credits match, not 2 of 20"):
        start(database, 2, 20)
    assert work_off(database) == 0


def test_the_same_form_sent_twice_is_one_batch(database: Database) -> None:
    cases(database, 2)
    assert start(database, 2, 20, key="form") == start(database, 2, 20, key="form")


def test_what_a_batch_will_decide_is_out_of_the_queue_until_it_is_stopped(database: Database) -> None:
    cases(database, 2)
    made = start(database, 2, 20)
    with database.transaction() as session:
        sue = reviewer(session)
        assert queue_page(session, ALL, actor=sue).entries == []
        assert bulk.dry_run(session, actor=sue, filter_=ALL, decision="deny").cases == 0
        bulk.stop_batch(session, actor=sue, batch_id=made)
        assert len(queue_page(session, ALL, actor=sue).entries) == 2


def test_stopped_means_stopped_and_an_ended_batch_cannot_be_stopped(database: Database) -> None:
    cases(database, 2)
    made = start(database, 2, 20)
    with database.transaction() as session:
        bulk.stop_batch(session, actor=reviewer(session), batch_id=made)
    assert work_off(database) == 0
    assert set(states(database)) == {"pending"}
    with database.transaction() as session, pytest.raises(Conflict, match="ended already"):
        bulk.stop_batch(session, actor=reviewer(session), batch_id=made)


def test_a_role_taken_away_in_the_middle_stops_the_money(database: Database) -> None:
    cases(database, 2)
    made = start(database, 2, 20)
    with database.transaction() as session:
        session.execute(update(Staff).where(Staff.name == "Sue").values(roles=["viewer"]))
    work_off(database)
    assert batch(database, made).outcomes == {"refused": 2}
    assert refunds(database) == 0


def test_who_may_not_decide_may_not_begin_and_a_reason_must_fit(database: Database) -> None:
    cases(database, 1)
    with database.transaction() as session:
        viewer = reviewer(session, "Vic", "viewer")
        with pytest.raises(NotAllowed):
            bulk.dry_run(session, actor=viewer, filter_=ALL, decision="approve")
        with pytest.raises(InvalidInput, match="reason"):
            bulk.start_batch(
                session,
                actor=reviewer(session),
                filter_=ALL,
                decision="deny",
                reason_code="provider_fault",
                note=None,
                cases=1,
                total=10,
                key="k",
            )


def test_an_outcome_is_never_written_over(database: Database) -> None:
    cases(database, 1)
    start(database, 1, 10)
    work_off(database)
    with pytest.raises(Exception, match="refund_batch_item"), database.transaction() as session:
        session.execute(update(RefundBatchItem).values(sentence="otherwise"))


def test_paid_in_bulk_is_in_the_wallet(database: Database) -> None:
    numbers = cases(database, 2, one_customer=True)
    start(database, 2, 20)
    work_off(database)
    with database.transaction() as session:
        customer = session.get_one(CompensationCase, numbers[0]).customer_id
        assert ledger.balance(session, customer_id=customer) == 10_000
