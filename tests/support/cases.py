"""Cases in every state, for tests: made by the services themselves, on charged generations."""

import contextlib
import dataclasses
from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.classification.taxonomy import FailureClass
from core.desks.refunds import bulk
from core.foundation.database import Database
from core.ledger import moves as ledger
from core.refunds import clock, opening, versions
from core.refunds.policy import Cap
from core.tables.access import Staff
from core.tables.customers import Customer
from core.tables.generation import Generation
from core.tables.refund_states import CaseKind
from core.tables.refunds import CompensationCase
from tests.support.factories import NOON, make_staff
from tests.support.wallets import charged, rich


@dataclasses.dataclass(frozen=True)
class OneTransaction(Database):
    """A database whose transactions are all parts of one, which its test rolls back."""

    session: Session

    @classmethod
    def of(cls, database: Database, session: Session) -> "OneTransaction":
        return cls(database.engine, database.sessions, session)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Session]:
        with self.session.begin_nested():
            yield self.session


FINGERPRINT = "v1:content_policy:test"


def reviewer(session: Session, name: str = "Sue", role: str = "support") -> Actor:
    """A staff member who decides; the same name is the same person."""
    row = session.scalars(select(Staff).where(Staff.name == name)).first()
    row = row or make_staff(session, name=name, roles=[role])
    return Actor(row.id, row.name, row.email, tuple(row.roles))


def failed_case(
    session: Session,
    *,
    failure_class: FailureClass = FailureClass.CONTENT_POLICY,
    price: int = 10,
    customer: Customer | None = None,
    fingerprint: str = FINGERPRINT,
) -> CompensationCase:
    """A charged generation that failed, and its case; refused content waits for a person by default."""
    customer = customer or rich(session, 1_000)
    number = charged(session, customer, price)
    generation = session.get_one(Generation, number)
    generation.state, generation.finished_at = "failed", NOON
    generation.failure_class, generation.failure_message = failure_class, "It did not work."
    generation.failure_detail, generation.fingerprint = "flagged as sensitive (E005)", fingerprint
    session.flush()
    return opening.open_failure(
        session, generation_id=number, failure_class=failure_class, fingerprint=fingerprint
    )


def without_breaker(session: Session) -> None:
    """Put rules in force whose limits on all customers together are out of the way."""
    boss = reviewer(session, "Zoe", "admin")
    seen, policy = versions.in_force(session)
    roomy = Cap(10**6, 10**9)
    changed = dataclasses.replace(policy, global_hour=roomy, provider_hour=roomy, breaker_floor=10**6)
    number = versions.save_draft(session, actor=boss, policy=changed, note="for tests")
    versions.activate(session, actor=boss, number=number, reason="for tests", seen=seen)


def case_of(session: Session, generation_id: int) -> CompensationCase:
    """The case that a generation's failure or cancel opened."""
    return session.scalars(
        select(CompensationCase).where(
            CompensationCase.generation_id == generation_id, CompensationCase.kind != CaseKind.GOODWILL
        )
    ).one()


def came_after_all(session: Session, generation_id: int) -> bool:
    """The picture of a failed generation came, and was delivered; False where no open case let it."""
    if not clock.withdraw(session, generation_id=generation_id, note="it came"):
        return False
    generation = session.get_one(Generation, generation_id)
    generation.state, generation.failure_class = "succeeded", None
    ledger.capture(session, generation_id=generation_id, actor="worker")
    session.flush()
    return True


def delivered(session: Session, *, price: int = 10, customer: Customer | None = None) -> int:
    """A charged generation whose avatar was delivered."""
    number = charged(session, customer or rich(session, 1_000), price)
    generation = session.get_one(Generation, number)
    generation.state, generation.finished_at = "succeeded", NOON
    ledger.capture(session, generation_id=number, actor="worker")
    session.flush()
    return number


def work_off(database: Database) -> int:
    """One turn of a worker on what is decided in bulk, with all the time that a busy machine takes."""
    return bulk.work_off(database, seconds=60)
