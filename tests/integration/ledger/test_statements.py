"""Balances and statements as of any moment, also when a transaction commits late."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from core.foundation.database import Database
from core.foundation.errors import InvalidInput, NotFound
from core.ledger import moves as ledger
from core.ledger.seals import seal_ledger
from core.ledger.statements import balance_as_of, statement, system_balances
from core.storage.objects import ObjectStore
from core.tables.customers import Customer
from core.tables.ledger import Account, Entry, Transfer
from tests.support.factories import make_customer
from tests.support.sealing import as_superuser, bucket
from tests.support.wallets import charged, ended, rich

__all__ = ["bucket"]

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LONG_AGO, FAR_OFF = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def granted(session: Session, customer: Customer, amounts: Sequence[int]) -> list[int]:
    """One grant an hour, from noon on; the transfers' numbers."""
    numbers = []
    for hour, amount in enumerate(amounts):
        posted = ledger.grant(
            session,
            customer_id=customer.id,
            amount=amount,
            reason="r",
            key=f"{customer.id}-{hour}",
            actor="Sam",
        )
        numbers.append(posted.transfer_id)
        made_at(session, posted.transfer_id, NOON + timedelta(hours=hour))
    return numbers


def made_at(session: Session, transfer: int, moment: datetime) -> None:
    """Let a transfer bear another moment, as a superuser can."""
    session.execute(text("SET LOCAL session_replication_role = replica"))
    session.execute(
        text("UPDATE transfer SET created_at = :at WHERE id = :id"), {"at": moment, "id": transfer}
    )
    session.execute(text("SET LOCAL session_replication_role = origin"))


def test_a_wallet_held_what_was_posted_before_the_moment(session: Session) -> None:
    customer = make_customer(session)
    granted(session, customer, [5, 7, 11])
    held = [
        balance_as_of(session, NOON + timedelta(minutes=minutes), customer_id=customer.id)
        for minutes in (-1, 0, 1, 61, 121)
    ]
    assert held == [0, 0, 5, 12, 23]


def test_a_customer_without_a_wallet_held_nothing(session: Session) -> None:
    assert balance_as_of(session, NOON, customer_id=make_customer(session).id) == 0


def test_a_statement_adds_up_from_its_opening_to_its_closing_balance(session: Session) -> None:
    customer = make_customer(session)
    granted(session, customer, [5, 7, 11, 13])
    page = statement(
        session, customer_id=customer.id, since=NOON + timedelta(hours=1), until=NOON + timedelta(hours=3)
    )
    assert (page.opening, page.closing) == (5, 23)
    assert [line.amount for line in page.lines] == [11, 7]
    assert page.older is None


def test_pages_of_a_statement_repeat_and_lose_nothing_while_credits_move(session: Session) -> None:
    customer = make_customer(session)
    granted(session, customer, range(1, 8))
    whole = {"customer_id": customer.id, "since": LONG_AGO, "until": FAR_OFF}
    page = statement(session, limit=3, **whole)  # type: ignore[arg-type]
    seen = [line.amount for line in page.lines]
    while page.older is not None:
        ledger.grant(
            session, customer_id=customer.id, amount=99, reason="r", key=f"late-{page.older}", actor="Sam"
        )
        page = statement(session, limit=3, cursor=page.older, **whole)  # type: ignore[arg-type]
        seen += [line.amount for line in page.lines]
    assert seen == [7, 6, 5, 4, 3, 2, 1]


def test_a_transfer_that_commits_late_belongs_to_the_moment_it_bears(
    database: Database, bucket: ObjectStore
) -> None:
    with database.transaction() as session:
        customer = rich(session, 50)
    seal_ledger(database, bucket)
    with database.sessions() as late:
        ledger.grant(late, customer_id=make_customer(late).id, amount=7, reason="r", key="late", actor="Sam")
        other = late.scalars(select(Transfer).where(Transfer.key == "grant:late")).one()
        with database.transaction() as session:
            charged(session, customer)
            moment = session.scalars(text("SELECT clock_timestamp()")).one()
            seal_ledger(database, bucket)
            assert balance_as_of(session, moment, kind="issued") == -50
        assert other.created_at < moment
        late.commit()
    with database.transaction() as session:
        assert balance_as_of(session, moment, kind="issued") == -57
        assert balance_as_of(session, moment, kind="in_flight") == 10
    seal_ledger(database, bucket)
    with database.transaction() as session:
        assert balance_as_of(session, moment, kind="issued") == -57
        assert sum(system_balances(session).values()) == -47


@pytest.mark.parametrize("sealed_after", [(), (1,), (2, 4), (1, 2, 3, 4, 5)])
def test_the_balance_of_a_system_account_is_the_sum_of_its_entries_however_often_it_was_sealed(
    database: Database, bucket: ObjectStore, sealed_after: tuple[int, ...]
) -> None:
    moments = []
    for number in range(1, 6):
        with database.transaction() as session:
            customer = rich(session, 20 * number)
            ended(session, charged(session, customer), "succeeded")
            moments.append(session.scalars(text("SELECT clock_timestamp()")).one())
        if number in sealed_after:
            seal_ledger(database, bucket)
    with database.transaction() as session:
        for kind in ("issued", "in_flight", "revenue"):
            account = session.scalars(select(Account.id).where(Account.kind == kind)).one()
            for moment in [LONG_AGO, *moments, FAR_OFF]:
                summed = sum(
                    session.scalars(
                        select(Entry.amount)
                        .join(Transfer, Transfer.id == Entry.transfer_id)
                        .where(Entry.account_id == account, Transfer.created_at < moment)
                    )
                )
                assert balance_as_of(session, moment, kind=kind) == summed
                assert balance_as_of(session, moment, account_id=account) == summed


def test_a_snapshot_is_what_a_balance_begins_with(database: Database, bucket: ObjectStore) -> None:
    with database.transaction() as session:
        rich(session, 50)
    seal_ledger(database, bucket)
    as_superuser(database, "UPDATE account_snapshot SET balance = balance - 1000")
    with database.transaction() as session:
        assert balance_as_of(session, FAR_OFF, kind="issued") == -1050


def test_moments_without_a_zone_and_unclear_accounts_are_refused(session: Session) -> None:
    with pytest.raises(InvalidInput):
        balance_as_of(session, datetime(2026, 3, 2), kind="issued")  # noqa: DTZ001
    with pytest.raises(InvalidInput):
        balance_as_of(session, NOON)
    with pytest.raises(InvalidInput):
        balance_as_of(session, NOON, kind="issued", customer_id=1)
    with pytest.raises(NotFound):
        balance_as_of(session, NOON, kind="pocket")
    with pytest.raises(InvalidInput):
        statement(session, customer_id=1, since=FAR_OFF, until=NOON)
    with pytest.raises(InvalidInput):
        statement(session, customer_id=1, since=NOON, until=FAR_OFF, limit=0)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moves=st.lists(st.tuples(st.integers(1, 100), st.integers(0, 50)), max_size=8),
    edges=st.tuples(st.integers(-1, 51), st.integers(-1, 51)),
)
def test_every_statement_adds_up_whatever_moments_its_transfers_bear(
    session: Session, moves: list[tuple[int, int]], edges: tuple[int, int]
) -> None:
    customer = make_customer(session)
    since, until = (NOON + timedelta(minutes=edge) for edge in sorted(edges))
    for number, (amount, minute) in enumerate(moves):
        posted = ledger.grant(
            session,
            customer_id=customer.id,
            amount=amount,
            reason="r",
            key=f"{customer.id}-{number}",
            actor="Sam",
        )
        made_at(session, posted.transfer_id, NOON + timedelta(minutes=minute))
    page = statement(session, customer_id=customer.id, since=since, until=until)
    assert page.opening + sum(line.amount for line in page.lines) == page.closing
