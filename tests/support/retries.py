"""Error groups with failed generations that can be retried, and what became of a batch."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.classification.fingerprint import fingerprint
from core.foundation.database import Database
from core.monitoring.retries.batches import start
from core.monitoring.retries.plan import Plan, Scope, plan
from core.monitoring.retries.work import work_off
from core.settings import Settings
from core.tables.customers import Customer
from core.tables.generation import Generation
from core.tables.retries import RetryBatch, RetryBatchItem
from tests.support.factories import make_generation
from tests.support.failures import fail_once
from tests.support.wallets import rich

GROUP = fingerprint("timeout", "boom 1")


def everything() -> Scope:
    return Scope(None, datetime.now(UTC) + timedelta(minutes=1))


def fail_generations(session: Session, number: int, *, customer: Customer, **columns: Any) -> list[int]:
    """So many generations of a customer that failed, all in the group GROUP; their ids."""
    given = {"finished_at": datetime.now(UTC) - timedelta(minutes=1), **columns}
    made = [make_generation(session, state="failed", customer=customer, **given) for _ in range(number)]
    for generation in made:
        fail_once(session, generation=generation, at=given["finished_at"])
    return [generation.id for generation in made]


def failed_group(database: Database, number: int, *, credits_held: int = 1000, **columns: Any) -> list[int]:
    """A group with so many failed generations of one customer."""
    with database.transaction() as session:
        return fail_generations(session, number, customer=rich(session, credits_held), **columns)


def planned(database: Database, settings: Settings, scope: Scope | None = None) -> Plan:
    with database.transaction() as session:
        return plan(session, settings, fingerprint=GROUP, scope=scope or everything())


def started(database: Database, settings: Settings, actor: Actor) -> int:
    """A batch of everything that can be retried in the group; its number."""
    scope = everything()
    token = planned(database, settings, scope).token
    with database.transaction() as session:
        return start(session, settings, actor=actor, fingerprint=GROUP, scope=scope, token=token).id


def work_all_off(database: Database, settings: Settings) -> None:
    while work_off(database, settings):
        pass


def batch(database: Database, number: int) -> RetryBatch:
    with database.transaction() as session:
        return session.get_one(RetryBatch, number)


def items(database: Database, number: int) -> list[RetryBatchItem]:
    with database.transaction() as session:
        query = select(RetryBatchItem).where(RetryBatchItem.batch_id == number)
        return list(session.scalars(query.order_by(RetryBatchItem.generation_id)))


def retries_of(database: Database, ids: list[int]) -> list[int]:
    """Of which generation each retry is one, in order; a generation retried twice is named twice."""
    with database.transaction() as session:
        query = select(Generation.retry_of).where(Generation.retry_of.in_(ids))
        return sorted(each for each in session.scalars(query) if each is not None)
