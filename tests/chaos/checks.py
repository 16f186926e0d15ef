"""What must hold once everything has ended, whatever happened on the way."""

import hashlib
from collections import Counter
from collections.abc import Callable

from sqlalchemy import func, select, text

from core.ledger.books import check_books
from core.ledger.views import account_totals
from core.services import Services
from core.tables.generation import ENDED, Avatar, Generation, KeptOutput, RenderAttempt, State
from core.tables.ledger import Transfer
from core.tables.refund_states import CaseState
from core.tables.refunds import CompensationCase
from tests.support.desk import TestDesk


def ended(desk: TestDesk) -> int:
    """How many generations have ended."""
    return count(desk, *ENDED)


def at_least(desk: TestDesk, goal: int) -> Callable[[], bool]:
    """The condition that this many generations have ended."""
    return lambda: ended(desk) >= goal


def count(desk: TestDesk, *states: State) -> int:
    """How many generations are in these states."""
    with desk.database.transaction() as session:
        query = select(func.count()).select_from(Generation).where(Generation.state.in_(states))
        return session.scalar(query) or 0


def kept_outputs(desk: TestDesk) -> int:
    """How many pictures wait in the database for the object store."""
    with desk.database.transaction() as session:
        return session.scalar(select(func.count()).select_from(KeptOutput)) or 0


def let_leases_run_out(desk: TestDesk, seconds: float) -> None:
    """Let time pass for all that dead workers hold, and for the intents whose answers they waited for."""
    with desk.database.transaction() as session:
        held = session.scalars(select(Generation.id).where(Generation.lease_until.is_not(None))).all()
        session.execute(text("UPDATE named_lease SET lease_until = now()"))
    for generation_id in held:
        desk.age(generation_id, seconds)


def check_all(desk: TestDesk, *, granted: int = 1000) -> None:
    """Books, refunds, wallet and stored pictures, and that nothing was made or paid twice."""
    assert desk.all_ended()
    check_money(desk, granted=granted)
    check_pictures(desk.services)
    check_paid_once(desk, desk.creations())


def check_money(desk: TestDesk, *, granted: int) -> None:
    """Each success was captured once, everything else refunded once or waits in one open case, and the wallet
    says the same."""
    with desk.database.transaction() as session:
        assert check_books(session) == []
        generations = session.execute(
            select(Generation.id, Generation.state, Generation.credits).where(Generation.credits > 0)
        ).all()
        moved = Counter(
            (row.generation_id, row.kind, row.amount)
            for row in session.execute(
                select(Transfer.generation_id, Transfer.kind, Transfer.amount).where(
                    Transfer.generation_id.is_not(None)
                )
            )
        )
        totals = account_totals(session)
        cases = session.execute(
            select(CompensationCase.generation_id, CompensationCase.state, CompensationCase.requested)
        ).all()
    expected: Counter[tuple[int, str, int]] = Counter()
    for generation_id, state, price in generations:
        expected[(generation_id, "charge", price)] += 1
        if state == State.SUCCEEDED:
            expected[(generation_id, "capture", price)] += 1
    for generation_id, state, price in cases:
        assert state in (CaseState.AUTO_APPROVED, CaseState.PENDING)
        if state == CaseState.AUTO_APPROVED:
            expected[(generation_id, "refund", price)] += 1
    assert moved == expected
    unsuccessful = sorted(row.id for row in generations if row.state != State.SUCCEEDED)
    assert sorted(row.generation_id for row in cases) == unsuccessful
    spent = sum(price for _, state, price in generations if state == State.SUCCEEDED)
    waiting = sum(price for _, state, price in cases if state == CaseState.PENDING)
    assert desk.wallet() == granted - spent - waiting
    assert totals["in_flight"] == waiting
    assert sum(totals.values()) == 0


def check_pictures(services: Services) -> None:
    """Every success has its picture and thumbnail in the object store; nothing waits any more."""
    with services.database.transaction() as session:
        avatars = session.scalars(select(Avatar)).all()
        succeeded = set(session.scalars(select(Generation.id).where(Generation.state == State.SUCCEEDED)))
        assert session.scalars(select(KeptOutput.generation_id)).all() == []
    assert {avatar.generation_id for avatar in avatars} == succeeded
    for avatar in avatars:
        content = services.objects.get(avatar.object_key)
        assert hashlib.sha256(content).hexdigest() == avatar.sha256
        assert services.objects.get(avatar.thumbnail_key)


def check_paid_once(desk: TestDesk, creations: dict[str, int]) -> None:
    """No reference was created twice, and nothing that was created was given up as lost and sent again."""
    assert {reference: times for reference, times in creations.items() if times != 1} == {}
    with desk.database.transaction() as session:
        attempts = session.execute(select(RenderAttempt.client_ref, RenderAttempt.status)).all()
    known = {str(reference): status for reference, status in attempts}
    assert set(creations) <= set(known)
    assert [reference for reference in creations if known[reference] == "lost"] == []
