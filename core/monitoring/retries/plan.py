"""Which failed generations of an error group can be retried, at what price, and why the others cannot.

Nothing happens here: it is what somebody reads before they confirm it.
"""

import dataclasses
import enum
import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, select
from sqlalchemy.orm import Session

from core.foundation.errors import InvalidInput
from core.generation.request import Quote, model_for_retry, quote
from core.ledger import moves as ledger
from core.settings import Settings
from core.tables.customers import Customer
from core.tables.failures import ErrorEvent
from core.tables.generation import Generation, State
from core.tables.images import StoredSelfie
from core.tables.retries import RetryBatch, RetryBatchItem

# More than these are retried in a further batch.
MOST = 5_000
MOST_NAMES = 5


class Obstacle(enum.StrEnum):
    """Why a failed generation is not retried; the value completes "12 ..."."""

    RETRIED = "retried already; where that failed too, the later one counts"
    WAITING = "waiting in a batch that is under way"
    EXPERIMENT = "of experiments, which retry their failures themselves"
    ERASED = "without a selfie: the customer's data was erased"
    PARAMETERS = "with a model or parameters that are no longer offered"
    CREDITS = "of customers who lack the credits"
    BEYOND = f"left for another batch, which takes {MOST:,}"


@dataclasses.dataclass(frozen=True)
class Scope:
    """The generations of the group that failed from `since` (None: ever) to the exclusive `until`."""

    since: datetime | None
    until: datetime


@dataclasses.dataclass(frozen=True)
class Short:
    """A customer who lacks `missing` credits for `generations` of their own."""

    name: str
    generations: int
    missing: int


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a batch would be. `token` stands for all of it: with other figures it is another one.

    `prices` are credits by generation, the oldest first. `cost_usd` is what we pay for all of them; for the
    `unpriced` ones no price is published, and the most that they can cost is counted.
    """

    total: int
    prices: Mapping[int, int]
    customers: int
    cost_usd: Decimal
    unpriced: int
    left_out: Mapping[Obstacle, int]
    short: Sequence[Short]
    token: str

    @property
    def credits(self) -> int:
        return sum(self.prices.values())


def plan(session: Session, settings: Settings, *, fingerprint: str, scope: Scope) -> Plan:
    """Look at every failed generation of the group in this time; the oldest are served first."""
    failed = _failed(fingerprint, scope)
    total, retried = _counts(session, failed)
    chosen = _Choice(settings)
    for row in session.execute(_candidates(failed)):
        chosen.look_at(row)
    short = chosen.pay(session)
    beyond = total - retried - chosen.seen
    left_out = Counter({Obstacle.RETRIED: retried, **chosen.left_out, Obstacle.BEYOND: beyond})
    prices = {row.id: price.credits for row, price in chosen.good}
    bought = [price.price for _, price in chosen.good]
    return Plan(
        total=total,
        prices=prices,
        customers=len({row.customer_id for row, _ in chosen.good}),
        cost_usd=sum((each.usd for each in bought), Decimal(0)),
        unpriced=sum(not each.published for each in bought),
        left_out={each: left_out[each] for each in Obstacle if left_out[each]},
        short=short,
        token=_token(session, fingerprint, prices, [each.usd for each in bought]),
    )


class _Choice:
    """Sorts candidates into those that can be retried and those that cannot."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._quotes: dict[tuple[Any, ...], Quote | None] = {}
        self.good: list[tuple[Row[*tuple[Any, ...]], Quote]] = []
        self.left_out: Counter[Obstacle] = Counter()
        self.seen = 0

    def look_at(self, row: Row[*tuple[Any, ...]]) -> None:
        self.seen += 1
        price = self._price(row)
        if row.waiting:
            self.left_out[Obstacle.WAITING] += 1
        elif row.purpose == "experiment":
            self.left_out[Obstacle.EXPERIMENT] += 1
        elif row.erased:
            self.left_out[Obstacle.ERASED] += 1
        elif price is None:
            self.left_out[Obstacle.PARAMETERS] += 1
        else:
            self.good.append((row, price))

    def pay(self, session: Session) -> list[Short]:
        """Leave out what the wallets do not hold, each customer's credits counted over all of theirs."""
        held = ledger.balances(session, {row.customer_id for row, price in self.good if price.credits})
        paid, lacking, missing = [], Counter[int](), Counter[int]()
        for row, price in self.good:
            left = held.get(row.customer_id, 0)
            if price.credits > left:
                lacking[row.customer_id] += 1
                missing[row.customer_id] += price.credits
            else:
                held[row.customer_id] = left - price.credits
                paid.append((row, price))
        self.good = paid
        self.left_out[Obstacle.CREDITS] = lacking.total()
        most = [customer for customer, _ in lacking.most_common(MOST_NAMES)]
        names = {
            row.id: row.name
            for row in session.execute(select(Customer.id, Customer.name).where(Customer.id.in_(most)))
        }
        return [
            Short(names[customer], lacking[customer], missing[customer] - held.get(customer, 0))
            for customer in most
        ]

    def _price(self, row: Row[*tuple[Any, ...]]) -> Quote | None:
        """Today's price; None where the model or its parameters are not offered any more."""
        model = model_for_retry(row.model, row.failure_class)
        parameters = {name: str(value) for name, value in row.parameters.items()}
        key = (model, row.purpose, *sorted(parameters.items()))
        if key not in self._quotes:
            try:
                found = quote(self._settings, parameters, charged=row.purpose == "avatar", model=model)
            except InvalidInput:
                found = None
            self._quotes[key] = found
        return self._quotes[key]


def _failed(fingerprint: str, scope: Scope) -> list[ColumnElement[bool]]:
    ended = select(ErrorEvent.generation_id).where(
        ErrorEvent.fingerprint == fingerprint, ErrorEvent.kind == "generation"
    )
    conditions: list[ColumnElement[bool]] = [
        Generation.id.in_(ended),
        Generation.state == State.FAILED,
        Generation.finished_at < scope.until,
    ]
    if scope.since is not None:
        conditions.append(Generation.finished_at >= scope.since)
    return conditions


def retried() -> ColumnElement[bool]:
    """Whether a later generation is a retry of this one."""
    later = Generation.__table__.alias("later")
    return select(later.c.id).where(later.c.retry_of == Generation.id).correlate(Generation).exists()


def _counts(session: Session, failed: Sequence[ColumnElement[bool]]) -> tuple[int, int]:
    again = func.count().filter(retried())
    total, before = session.execute(select(func.count(), again).select_from(Generation).where(*failed)).one()
    return total, before


def _candidates(failed: Sequence[ColumnElement[bool]]) -> Any:
    waiting = (
        select(RetryBatchItem.generation_id)
        .join(RetryBatch, RetryBatch.id == RetryBatchItem.batch_id)
        .where(RetryBatchItem.generation_id == Generation.id, RetryBatchItem.state == "waiting")
        .where(RetryBatch.state == "running")
        .correlate(Generation)
        .exists()
    )
    own = and_(StoredSelfie.id == Generation.selfie_id, StoredSelfie.customer_id == Generation.customer_id)
    return (
        select(
            Generation.id,
            Generation.customer_id,
            Generation.purpose,
            Generation.model,
            Generation.parameters,
            Generation.failure_class,
            waiting.label("waiting"),
            (Customer.erased_at.is_not(None) | StoredSelfie.id.is_(None)).label("erased"),
        )
        .join(Customer, Customer.id == Generation.customer_id)
        .outerjoin(StoredSelfie, own)
        .where(*failed, ~retried())
        .order_by(Generation.id)
        .limit(MOST)
    )


def _token(
    session: Session, fingerprint: str, prices: Mapping[int, int], dollars: Sequence[Decimal | None]
) -> str:
    # With the batches so far: the same figures after a batch that was stopped are another wish.
    last = session.scalar(select(func.max(RetryBatch.id)).where(RetryBatch.fingerprint == fingerprint))
    content = json.dumps([fingerprint, last, sorted(prices.items()), [str(each) for each in dollars]])
    return hashlib.sha256(content.encode()).hexdigest()[:32]
