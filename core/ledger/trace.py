"""The way of one generation's credits, from the charge to where they rest."""

import dataclasses
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.foundation.errors import NotFound
from core.ledger.receipts import Proof, verify
from core.ledger.transfers import TransferRow, transfer_rows
from core.tables.customers import Customer
from core.tables.ledger import Charge, Transfer
from core.tables.refunds import CompensationCase, CustomerReceipt


@dataclasses.dataclass(frozen=True)
class Told:
    """What the customer was told of a payment, and whether the ledger still bears it out."""

    receipt: CustomerReceipt
    proof: Proof


@dataclasses.dataclass(frozen=True)
class Step:
    """One transfer on the way, oldest first; a payment of a case comes with its receipt."""

    transfer: TransferRow
    told: Told | None


@dataclasses.dataclass(frozen=True)
class CaseOnTheWay:
    """A case of the generation."""

    id: int
    state: str
    requested: int
    amount: int | None
    why: str | None


@dataclasses.dataclass(frozen=True)
class Trace:
    """Where the credits of one generation went. All figures are credits.

    `in_flight` + `kept` + `returned` is what was charged; `goodwill` came on top, out of another account.
    """

    generation_id: int
    customer_id: int
    customer: str
    charged: int
    in_flight: int
    kept: int
    returned: int
    goodwill: int
    steps: Sequence[Step]
    cases: Sequence[CaseOnTheWay]


def trace(session: Session, generation_id: int) -> Trace:
    """The whole way of a generation's credits. Raises NotFound for one that was never charged."""
    charge = session.get(Charge, generation_id, populate_existing=True)
    if charge is None:
        raise NotFound(f"Generation {generation_id} was never charged: it moved no credits.")
    ids = session.scalars(select(Transfer.id).where(Transfer.generation_id == generation_id)).all()
    rows = transfer_rows(session, ids)[::-1]
    told = session.scalars(select(CustomerReceipt).where(CustomerReceipt.transfer_id.in_(ids)))
    by_transfer = {receipt.transfer_id: Told(receipt, verify(session, receipt)) for receipt in told}
    cases = session.scalars(
        select(CompensationCase)
        .where(CompensationCase.generation_id == generation_id)
        .order_by(CompensationCase.id)
    )
    return Trace(
        generation_id=generation_id,
        customer_id=charge.customer_id,
        customer=session.scalars(select(Customer.name).where(Customer.id == charge.customer_id)).one(),
        charged=charge.amount,
        in_flight=charge.amount - charge.captured - charge.refunded,
        kept=charge.captured,
        returned=charge.refunded,
        goodwill=charge.goodwill,
        steps=[Step(row, by_transfer.get(row.id)) for row in rows],
        cases=[CaseOnTheWay(case.id, case.state, case.requested, case.amount, case.why) for case in cases],
    )
