"""32 clients at once, and PostgreSQL killed amid it, several times: every credit is where it belongs, and
what clients were told stands. Beside them the naive way, check then insert, pays twice in the same storm.

`make prove` lets it last longer.
"""

import dataclasses
import random
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import Row, Select, func, select, text

from core.access.permissions import Actor
from core.classification.taxonomy import FailureClass
from core.foundation.database import Database, connect
from core.foundation.errors import OperatorError, ServiceUnavailable
from core.ledger import moves as ledger
from core.ledger.books import check_books
from core.refunds import clock, deciding, intents, opening, reversing
from core.schema.migrate import upgrade
from core.startup.postgres import EmbeddedPostgres
from core.tables.customers import Customer
from core.tables.generation import Generation
from core.tables.ledger import Transfer
from core.tables.refund_states import OPEN_STATES, PAID_STATES
from core.tables.refunds import CompensationCase
from tests.support.cases import reviewer, without_breaker
from tests.support.desk import wait_for
from tests.support.factories import NOON, make_generation
from tests.support.running.databases import POSTGRES_VERSION
from tests.support.running.lengths import length
from tests.support.wallets import rich

CLIENTS = 32
KILLS = length(short=2, full=5)
# So many moves are answered before each kill.
MOVES = length(short=150, full=2_000)
CALLS, KEYS = length(short=2_000, full=100_000), length(short=100, full=1_000)
CLASSES = (
    FailureClass.TIMEOUT,
    FailureClass.CONTENT_POLICY,
    FailureClass.UNKNOWN,
    FailureClass.INVALID_IMAGE,
)

pytestmark = pytest.mark.prover

NAIVE = "CREATE TABLE naive_refund (case_id bigint NOT NULL, amount bigint NOT NULL)"


class Server:
    """A PostgreSQL of one test. Commits are told only when they are written, so that a kill loses none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        options = {"fsync": "off", "max_connections": "200"}
        self._server = EmbeddedPostgres(folder, version=POSTGRES_VERSION, options=options)
        self.url = self._server.start()

    def kill(self) -> None:
        """`kill -9` of the server and all its processes at once."""
        postmaster = psutil.Process(int((self._folder / "postmaster.pid").read_text().split()[0]))
        family = [postmaster, *postmaster.children(recursive=True)]
        for process in family:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(family, timeout=30)

    def start(self) -> None:
        assert self._server.start() == self.url

    def end(self) -> None:
        self._server.stop()


@pytest.fixture
def server(short_folder: Path) -> Iterator[Server]:
    server = Server(short_folder / "pg")
    yield server
    server.end()


@pytest.fixture
def storm(server: Server) -> Iterator["Storm"]:
    database = connect(server.url, pool_size=CLIENTS)
    upgrade(database)
    yield Storm(database)
    database.dispose()


@dataclasses.dataclass
class Journal:
    """What clients were told: these transfers stand, and these payments were theirs."""

    transfers: set[int] = dataclasses.field(default_factory=set)
    payments: list[int] = dataclasses.field(default_factory=list)
    moves: int = 0
    refused: int = 0
    cut_off: int = 0


class Storm:
    """The clients, their people and customers, and what they were told."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.journal = Journal()
        self._lock = threading.Lock()
        self._unanswered: dict[int, Callable[[], object]] = {}
        with database.transaction() as session:
            without_breaker(session)
            self.people = [reviewer(session, f"Admin {number}", "admin") for number in range(6)]
            self.customers = [rich(session, 100_000, name=f"Customer {number}").id for number in range(8)]
            session.execute(text(NAIVE))

    def rage(self, server: Server, goal: int) -> None:
        """Let the clients loose until so many moves were answered, kill the server, and start it again."""
        stop = threading.Event()
        with ThreadPoolExecutor(CLIENTS) as threads:
            before = self.journal.moves
            clients = [threads.submit(self._client, number, stop) for number in range(CLIENTS)]
            wait_for(lambda: self.journal.moves >= before + goal or stop.is_set())
            server.kill()
            stop.set()
            for client in clients:
                client.result(timeout=180)
        server.start()

    def calm(self) -> None:
        """Every client repeats what it had no answer to, and then rests."""
        for move in list(self._unanswered.values()):
            self._answered(move)
        self._unanswered.clear()

    def _client(self, number: int, stop: threading.Event) -> None:
        dice = random.Random(f"{number} {self.journal.moves}")  # noqa: S311 - no secret
        while not stop.is_set():
            # What was cut off is asked again first, with the same keys.
            move = self._unanswered.pop(number, None) or self._choose(dice, number)
            try:
                self._answered(move)
            except ServiceUnavailable:
                self._unanswered[number] = move
                self.journal.cut_off += 1
                return

    def _answered(self, move: Callable[[], object]) -> None:
        try:
            answer = move()
        except ServiceUnavailable:
            raise
        except OperatorError:
            with self._lock:
                self.journal.refused += 1
            return
        with self._lock:
            self.journal.moves += answer is not None
            if isinstance(answer, deciding.Decided) and answer.transfer_id is not None:
                self.journal.payments.append(answer.transfer_id)
                self.journal.transfers.add(answer.transfer_id)
            elif isinstance(answer, int):
                self.journal.transfers.add(answer)

    def _choose(self, dice: random.Random, number: int) -> Callable[[], object]:
        if number == 0:
            return dice.choice((self._lapse, self._carry_out))
        who, pick = dice.choice(self.people), dice.random()
        customer = dice.choice(self.customers)
        kind = dice.randrange(100)
        if kind < 20:
            return self._charge(customer, uuid.uuid4().hex)
        if kind < 40:
            return self._fail(pick, FailureClass(dice.choice(CLASSES)))
        if kind < 65:
            return self._decide(who, pick, "approve")
        if kind < 75:
            return self._decide(who, pick, "deny")
        if kind < 80:
            return self._decide(who, pick, "intend")
        if kind < 90:
            return self._reverse(who, pick)
        return self._appeal(who, pick)

    def _charge(self, customer: int, key: str) -> Callable[[], object]:
        def move() -> int:
            with self.database.transaction() as session:
                known = session.scalar(select(Generation.id).where(Generation.request_key == key))
                row = session.get_one(Customer, customer)
                number = known or make_generation(session, customer=row, request_key=key).id
                return ledger.charge(
                    session, generation_id=number, customer_id=customer, amount=10, actor="Sam"
                ).transfer_id

        return move

    def _fail(self, pick: float, failure_class: FailureClass) -> Callable[[], object]:
        def move() -> object:
            with self.database.transaction() as session:
                running = session.scalars(
                    select(Generation.id)
                    .where(Generation.state == "queued")
                    .order_by(Generation.id)
                    .limit(20)
                ).all()
                if not running:
                    return None
                generation = session.get_one(
                    Generation,
                    running[int(pick * len(running))],
                    with_for_update=True,
                    populate_existing=True,
                )
                if generation.state != "queued":
                    return None
                generation.state, generation.finished_at = "failed", NOON
                generation.failure_class, generation.failure_message = failure_class, "It did not work."
                session.flush()
                case = opening.open_failure(
                    session, generation_id=generation.id, failure_class=failure_class, fingerprint=None
                )
                return case.state

        return move

    def _decide(self, who: Actor, pick: float, what: str) -> Callable[[], object]:
        def move() -> object:
            with self.database.transaction() as session:
                row = self._one_of(session.execute(_newest(*OPEN_STATES)).all(), pick)
            if row is None:
                return None
            terms: dict[str, Any] = {"actor": who, "case_id": row.id, "seen_seq": row.seq}
            if what == "approve":
                self._naively(row.id, 10)
            with self.database.transaction() as session:
                if what == "deny":
                    return deciding.deny(session, reason_code="other_denied", **terms)
                terms |= {"amount": 10 if pick > 0.3 else 4, "reason_code": "our_fault"}
                if what == "intend":
                    return intents.intend(session, decision="approve", undo_seconds=0.1, **terms)
                return deciding.approve(session, **terms)

        return move

    def _naively(self, case_id: int, amount: int) -> None:
        """The control: look whether it was paid, and pay if it was not."""
        with self.database.transaction() as session:
            paid = session.scalar(
                text("SELECT count(*) FROM naive_refund WHERE case_id = :id"), {"id": case_id}
            )
            if not paid:
                insert = text("INSERT INTO naive_refund VALUES (:id, :amount)")
                session.execute(insert, {"id": case_id, "amount": amount})

    def _reverse(self, who: Actor, pick: float) -> Callable[[], object]:
        def move() -> object:
            with self.database.transaction() as session:
                row = self._one_of(session.execute(_newest(*PAID_STATES)).all(), pick)
                other = next(person for person in self.people if person.id != who.id)
                if row is None:
                    return None
                return reversing.reverse_case(
                    session, actor=who, case_id=row.id, seen_seq=row.seq, reason="storm", asked_by=other.id
                )

        return move

    def _appeal(self, who: Actor, pick: float) -> Callable[[], object]:
        def move() -> object:
            with self.database.transaction() as session:
                row = self._one_of(session.execute(_newest("denied")).all(), pick)
                if row is None:
                    return None
                return deciding.appeal(session, actor=who, case_id=row.id, seen_seq=row.seq, note="storm")

        return move

    def _lapse(self) -> object:
        with self.database.transaction() as session:
            oldest = text(
                "UPDATE compensation_case SET due_at = now() WHERE id = (SELECT id FROM compensation_case"
                " WHERE closed_at IS NULL AND due_at > now() ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)"
            )
            session.execute(oldest)
        clock.lapse(self.database)
        return None

    def _carry_out(self) -> object:
        for decided in intents.carry_out_due(self.database):
            if decided.transfer_id is not None:
                with self._lock:
                    self.journal.payments.append(decided.transfer_id)
                    self.journal.transfers.add(decided.transfer_id)
        return None

    @staticmethod
    def _one_of(rows: Sequence[Row[int, int]], pick: float) -> Row[int, int] | None:
        return rows[int(pick * len(rows))] if rows else None

    def check(self) -> None:
        """The books hold, and what was told stands."""
        with self.database.transaction() as session:
            assert check_books(session) == []
            known = set(session.scalars(select(Transfer.id)))
            paid = select(func.count()).where(Transfer.kind.in_(("refund", "goodwill")))
            cases = select(func.count()).where(CompensationCase.amount.is_not(None))
            assert session.scalar(paid) == session.scalar(cases)
        assert self.journal.transfers <= known
        assert len(self.journal.payments) == len(set(self.journal.payments))

    def paid_twice_naively(self) -> int:
        with self.database.transaction() as session:
            twice = "SELECT count(*) FROM (SELECT FROM naive_refund GROUP BY case_id HAVING count(*) > 1) t"
            return session.scalar(text(twice)) or 0


def _newest(*states: str) -> Select[int, int]:
    """The newest few cases in these states: many clients choose the same."""
    return (
        select(CompensationCase.id, CompensationCase.seq)
        .where(CompensationCase.state.in_(states))
        .order_by(CompensationCase.id.desc())
        .limit(4)
    )


def test_no_credit_is_lost_or_paid_twice_in_a_storm_with_kills_of_the_database(
    server: Server, storm: Storm
) -> None:
    for _ in range(KILLS):
        storm.rage(server, MOVES)
        storm.check()
    storm.calm()
    storm.check()
    assert storm.journal.moves >= KILLS * MOVES
    assert storm.journal.payments
    assert storm.journal.cut_off > 0
    # The naive way goes wrong in this very storm; where it was lucky, it gets some more chances.
    for attempt in range(50):
        if storm.paid_twice_naively():
            break
        gate = threading.Barrier(CLIENTS)

        def again(number: int, gate: threading.Barrier = gate, case: int = -attempt) -> None:
            gate.wait(timeout=120)
            storm._naively(case, 10)

        with ThreadPoolExecutor(CLIENTS) as threads:
            list(threads.map(again, range(CLIENTS)))
    assert storm.paid_twice_naively() > 0


def test_many_calls_on_few_keys_make_as_many_transfers_as_keys(database: Database) -> None:
    with database.transaction() as session:
        customer = rich(session, 1).id
        before = session.scalar(select(func.count(Transfer.id))) or 0
    database.dispose()
    many = connect(database.engine.url.render_as_string(hide_password=False), pool_size=CLIENTS)
    made: list[int] = []

    def call(number: int) -> int:
        with many.transaction() as session:
            posted = ledger.grant(
                session, customer_id=customer, amount=3, reason="r", key=f"storm-{number % KEYS}", actor="Sam"
            )
        if not posted.replayed:
            made.append(posted.transfer_id)
        return posted.transfer_id

    with ThreadPoolExecutor(CLIENTS) as threads:
        told = set(threads.map(call, range(CALLS)))
    many.dispose()
    assert len(told) == len(made) == KEYS
    with database.transaction() as session:
        assert session.scalar(select(func.count(Transfer.id))) == before + KEYS
        assert ledger.balance(session, customer_id=customer) == 1 + 3 * KEYS
        assert check_books(session) == []
