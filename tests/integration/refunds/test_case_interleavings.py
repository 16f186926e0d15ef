"""Two who move one case at once, in the orders of their statements: one payment, and the other is told."""

import itertools
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from core.access.permissions import Actor
from core.classification.taxonomy import FailureClass
from core.foundation.database import Database
from core.foundation.errors import Conflict
from core.ledger.books import check_books
from core.refunds import clock, deciding, intents, opening, reversing
from core.tables.generation import Generation
from core.tables.ledger import Charge, Transfer
from core.tables.refund_states import CaseKind, CaseState
from core.tables.refunds import CompensationCase
from tests.support.cases import came_after_all, delivered, failed_case, reviewer, without_breaker
from tests.support.factories import NOON
from tests.support.interleaving import play
from tests.support.running.lengths import FULL, dice, length
from tests.support.wallets import charged, rich

# A run tries every third place of the first switch, with a beginning that the dice choose; `make prove` tries
# every pair of places.
STRIDE = length(short=3, full=1)
SECOND_SWITCHES = range(1, 60) if FULL else (1000,)

pytestmark = pytest.mark.prover

Call = Callable[[], object]


class Scene:
    """One waiting case in a database, and what people and clocks do to it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        with database.transaction() as session:
            self.sue = reviewer(session, "Sue")
            self.amir = reviewer(session, "Amir", "approver")
            case = failed_case(session, price=10)
            self.case_id, self.generation_id, self.customer_id = case.id, case.generation_id, case.customer_id

    def approve(self, who: Actor, seq: int = 1) -> Call:
        def call() -> object:
            with self.database.transaction() as session:
                return deciding.approve(
                    session,
                    actor=who,
                    case_id=self.case_id,
                    seen_seq=seq,
                    amount=10,
                    reason_code="refused_in_error",
                )

        return call

    def deny(self, who: Actor) -> Call:
        def call() -> object:
            with self.database.transaction() as session:
                return deciding.deny(
                    session, actor=who, case_id=self.case_id, seen_seq=1, reason_code="refused_content"
                )

        return call

    def reverse(self, who: Actor, seq: int = 2) -> Call:
        def call() -> object:
            with self.database.transaction() as session:
                return reversing.reverse_case(
                    session,
                    actor=who,
                    case_id=self.case_id,
                    seen_seq=seq,
                    reason="mistake",
                    asked_by=self.sue.id,
                )

        return call

    def withdraw(self) -> bool:
        with self.database.transaction() as session:
            return came_after_all(session, self.generation_id)

    def lapse(self) -> int:
        return clock.lapse(self.database)

    def carry_out(self) -> list[deciding.Decided]:
        return intents.carry_out_due(self.database)

    def due(self) -> None:
        """The time to decide is over."""
        with self.database.transaction() as session:
            chosen = update(CompensationCase).where(CompensationCase.id == self.case_id)
            session.execute(chosen.values(due_at=func.now() - timedelta(minutes=1)))

    def intend(self, who: Actor, decision: intents.Decision = "approve") -> None:
        with self.database.transaction() as session:
            intents.intend(
                session,
                actor=who,
                case_id=self.case_id,
                seen_seq=1,
                decision=decision,
                amount=10,
                reason_code="refused_content" if decision == "deny" else "refused_in_error",
                undo_seconds=0,
            )

    def moved(self) -> tuple[int, int, int]:
        """How often the case was paid, how often that was taken back, and what of its charge is kept."""
        with self.database.transaction() as session:
            paid = session.scalars(
                select(Transfer.id).where(
                    Transfer.case_id == self.case_id, Transfer.kind.in_(("refund", "goodwill"))
                )
            ).all()
            back = select(func.count()).where(Transfer.reverses_id.in_(paid))
            kept = session.get_one(Charge, self.generation_id).captured
            return len(paid), session.scalar(back) or 0, kept

    def state(self) -> str:
        with self.database.transaction() as session:
            return session.get_one(CompensationCase, self.case_id).state


def every_order(
    database: Database,
    prepare: Callable[[Scene], tuple[Call, Call]],
    check: Callable[[Scene, object, object], None],
) -> None:
    """Play the two calls in every order, each on a case of its own, and check each end."""
    with database.transaction() as session:
        without_breaker(session)
    orders = 0
    begin = dice("interleavings").randrange(STRIDE)
    for first in (0, 1):
        statements = 0
        for steps in itertools.count(begin, STRIDE):
            for second in SECOND_SWITCHES:
                scene = Scene(database)
                calls = prepare(scene)
                both = play(database, (calls[first], calls[1 - first]), (steps, second))
                orders += 1
                check(scene, both[first].answer, both[1 - first].answer)
                statements = max(statements, both[0].statements)
                if both[1].ended_early:
                    break  # every later second switch is this very order again
            if steps > statements:
                break
    assert orders > 20 // STRIDE
    with database.transaction() as session:
        assert check_books(session) == []


def refusals(*answers: object) -> int:
    return sum(isinstance(answer, Conflict) for answer in answers)


def test_two_approve_at_once(database: Database) -> None:
    def check(scene: Scene, one: object, other: object) -> None:
        assert refusals(one, other) == 1
        assert scene.moved() == (1, 0, 0)

    every_order(database, lambda scene: (scene.approve(scene.sue), scene.approve(scene.amir)), check)


def test_one_approves_while_another_denies(database: Database) -> None:
    def check(scene: Scene, one: object, other: object) -> None:
        assert refusals(one, other) == 1
        assert scene.moved() == ((1, 0, 0) if refusals(other) else (0, 0, 10))

    every_order(database, lambda scene: (scene.approve(scene.sue), scene.deny(scene.amir)), check)


def test_one_approves_while_the_avatar_comes_after_all(database: Database) -> None:
    def check(scene: Scene, approved: object, withdrawn: object) -> None:
        assert refusals(approved) == int(withdrawn is True)
        assert scene.moved() == ((0, 0, 10) if withdrawn else (1, 0, 0))

    every_order(database, lambda scene: (scene.approve(scene.sue), scene.withdraw), check)


def test_two_take_a_payment_back_at_once(database: Database) -> None:
    def prepare(scene: Scene) -> tuple[Call, Call]:
        scene.approve(scene.sue)()
        return scene.reverse(scene.sue), scene.reverse(scene.amir)

    def check(scene: Scene, one: object, other: object) -> None:
        assert refusals(one, other) == 1
        assert scene.moved() == (1, 1, 10)

    every_order(database, prepare, check)


def test_one_approves_what_another_takes_back(database: Database) -> None:
    def check(scene: Scene, approved: object, reversed_: object) -> None:
        assert refusals(approved) == 0
        assert scene.moved() == ((1, 0, 0) if refusals(reversed_) else (1, 1, 10))

    every_order(database, lambda scene: (scene.approve(scene.sue), scene.reverse(scene.amir)), check)


def test_one_approves_again_what_another_takes_back(database: Database) -> None:
    def prepare(scene: Scene) -> tuple[Call, Call]:
        scene.approve(scene.sue)()
        return scene.approve(scene.amir, seq=2), scene.reverse(scene.amir)

    def check(scene: Scene, approved: object, reversed_: object) -> None:
        assert refusals(approved) == 1
        assert scene.moved() == (1, 1, 10)

    every_order(database, prepare, check)


def test_time_runs_out_while_one_approves(database: Database) -> None:
    def prepare(scene: Scene) -> tuple[Call, Call]:
        scene.due()
        return scene.approve(scene.sue), scene.lapse

    def check(scene: Scene, approved: object, lapsed: object) -> None:
        assert refusals(approved) == lapsed
        assert scene.moved() == (1, 0, 0)
        assert scene.state() == (CaseState.AUTO_APPROVED if lapsed else CaseState.APPROVED)

    every_order(database, prepare, check)


def test_a_decision_is_carried_out_while_another_approves(database: Database) -> None:
    def prepare(scene: Scene) -> tuple[Call, Call]:
        scene.intend(scene.sue)
        return scene.approve(scene.amir), scene.carry_out

    def check(scene: Scene, approved: object, carried: object) -> None:
        assert refusals(approved) == len(carried)  # type: ignore[arg-type]
        assert scene.moved() == (1, 0, 0)

    every_order(database, prepare, check)


def test_two_workers_carry_out_the_same_decision(database: Database) -> None:
    def prepare(scene: Scene) -> tuple[Call, Call]:
        scene.intend(scene.sue)
        return scene.carry_out, scene.carry_out

    def check(scene: Scene, one: object, other: object) -> None:
        assert len([*one, *other]) == 1  # type: ignore[misc]
        assert scene.moved() == (1, 0, 0)

    every_order(database, prepare, check)


def test_two_clocks_tick_at_once(database: Database) -> None:
    def prepare(scene: Scene) -> tuple[Call, Call]:
        scene.due()
        return scene.lapse, scene.lapse

    def check(scene: Scene, one: object, other: object) -> None:
        assert sorted([one, other]) == [0, 1]  # type: ignore[type-var]
        assert scene.moved() == (1, 0, 0)

    every_order(database, prepare, check)


def test_a_clock_pays_several_while_a_generation_of_one_of_them_fails(database: Database) -> None:
    """Both draw on the same limits; neither waits for the other in a ring."""

    def prepare(scene: Scene) -> tuple[Call, Call]:
        scene.due()
        with database.transaction() as session:
            customer = rich(session, 100)
            other = failed_case(session, customer=customer)
            session.execute(
                update(CompensationCase)
                .where(CompensationCase.id == other.id)
                .values(due_at=func.now() - timedelta(minutes=1))
            )
            running = charged(session, customer)

        def fail() -> str:
            with database.transaction() as session:
                generation = session.get_one(Generation, running)
                generation.state, generation.finished_at = "failed", NOON
                generation.failure_class, generation.failure_message = "timeout", "Late."
                session.flush()
                return opening.open_failure(
                    session,
                    generation_id=running,
                    failure_class=FailureClass.TIMEOUT,
                    fingerprint=uuid.uuid4().hex,
                ).state

        return scene.lapse, fail

    def check(scene: Scene, lapsed: object, state: object) -> None:
        assert (lapsed, state) == (2, CaseState.AUTO_APPROVED)
        assert scene.moved() == (1, 0, 0)

    every_order(database, prepare, check)


def test_two_ask_for_goodwill_at_once(database: Database) -> None:
    def prepare(scene: Scene) -> tuple[Call, Call]:
        with database.transaction() as session:
            number = delivered(session)

        def ask(who: Actor) -> Call:
            def call() -> str:
                with database.transaction() as session:
                    return opening.open_goodwill(
                        session, actor=who, generation_id=number, amount=10, note="n", key=who.name
                    ).kind

            return call

        return ask(scene.sue), ask(scene.amir)

    def check(scene: Scene, one: object, other: object) -> None:
        assert refusals(one, other) == 1
        assert CaseKind.GOODWILL in (one, other)

    every_order(database, prepare, check)
