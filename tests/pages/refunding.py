"""Working on the Refunds page in tests: cases, personas, and what stands on the screen."""

from datetime import timedelta

import pytest
from sqlalchemy import func, update
from streamlit.testing.v1 import AppTest

from core.access.permissions import Actor
from core.access.staff import active_staff
from core.foundation.database import Database
from core.ledger import moves as ledger
from core.services import Services
from core.tables.refunds import CaseIntent, CompensationCase
from pages.refunds import place as refund_place
from tests.support.cases import failed_case
from tests.support.wallets import rich

PAGE = "pages/refunds/page.py"
SUE, AMIR = "support", "approver"


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test clicks as fast as a key that is held down."""
    monkeypatch.setattr(refund_place, "TOO_QUICK_SECONDS", 0.0)


def persona(database: Database, role: str) -> Actor:
    with database.transaction() as session:
        return next(actor for actor in active_staff(session) if role in actor.roles)


def case(services: Services, *, price: int = 10, name: str = "Ada", minutes: float | None = None) -> int:
    """An open case in no incident; `minutes` is the time left."""
    with services.database.transaction() as session:
        customer = rich(session, 1_000, name=name)
        made = failed_case(session, price=price, customer=customer, fingerprint=f"v1:{name}:{price}")
        if minutes is not None:
            session.execute(
                update(CompensationCase)
                .where(CompensationCase.id == made.id)
                .values(due_at=func.now() + timedelta(minutes=minutes))
            )
        return made.id


def get(services: Services, number: int) -> CompensationCase:
    with services.database.transaction() as session:
        return session.get_one(CompensationCase, number)


def wallet(services: Services, number: int) -> int:
    with services.database.transaction() as session:
        return ledger.balance(session, customer_id=session.get_one(CompensationCase, number).customer_id)


def carried_out(services: Services, at: AppTest) -> AppTest:
    """Ten seconds later."""
    with services.database.transaction() as session:
        session.execute(update(CaseIntent).values(commit_at=func.now()))
    return at.run()


def on_screen(at: AppTest) -> str:
    return str(at.query_params["case"][0])
