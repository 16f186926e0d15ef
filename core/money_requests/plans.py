"""What a grant or a reversal would do, shown before anybody asks for it; and who may ask."""

import dataclasses

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.foundation.errors import Conflict, InvalidInput, NotFound
from core.ledger import moves as ledger
from core.money_requests.grants import LARGEST_GRANT, granted_alone, limit_alone
from core.refunds import reversing
from core.tables.customers import Customer
from core.tables.ledger import Account, Transfer
from core.tables.money_requests import RequestKind

# Who may ask for it: any of these permissions will do.
ASKS = {
    RequestKind.GRANT: (Permission.GRANT,),
    RequestKind.REVERSE_GRANT: (Permission.GRANT, Permission.REVERSE_REFUNDS),
    RequestKind.REVERSE_CASE: (Permission.DECIDE_REFUNDS, Permission.REVERSE_REFUNDS),
}


@dataclasses.dataclass(frozen=True)
class Plan:
    """What carrying it out now would do, in credits. `clawback` is what the customer would owe afterwards.

    `alone` says whether whoever looks may do it without a second person.
    """

    kind: RequestKind
    customer_id: int
    amount: int
    balance: int
    balance_after: int
    clawback: int
    alone: bool
    transfer_id: int | None = None
    case_id: int | None = None
    seen_seq: int | None = None


def plan_grant(session: Session, *, actor: Actor, customer_id: int, amount: int) -> Plan:
    """What a grant would do. Raises NotAllowed, InvalidInput (amount), NotFound (customer)."""
    require(actor, Permission.GRANT)
    if type(amount) is not int or not 1 <= amount <= LARGEST_GRANT:
        raise InvalidInput(f"A grant is a whole number of credits from 1 to {LARGEST_GRANT:,}.")
    if session.get(Customer, customer_id) is None:
        raise NotFound(f"There is no customer {customer_id}.")
    before = granted_alone(session, actor=actor, customer_id=customer_id)
    alone = before + amount <= limit_alone(session)
    held = ledger.balance(session, customer_id=customer_id)
    return Plan(RequestKind.GRANT, customer_id, amount, held, held + amount, 0, alone)


def plan_reversal(session: Session, *, actor: Actor, transfer_id: int) -> Plan:
    """What taking a grant, refund or goodwill back would do.

    Raises NotFound, NotAllowed, and Conflict for what is not taken back, or was already.
    """
    origin = session.get(Transfer, transfer_id)
    if origin is None:
        raise NotFound(f"There is no transfer {transfer_id}.")
    if session.scalar(select(Transfer.id).where(Transfer.reverses_id == transfer_id)) is not None:
        raise Conflict(f"Transfer {transfer_id} was taken back already.")
    customer_id = session.scalar(select(Account.customer_id).where(Account.id == origin.to_account))
    kind = RequestKind.REVERSE_GRANT if origin.kind == "grant" else RequestKind.REVERSE_CASE
    if customer_id is None or (origin.kind != "grant" and origin.case_id is None):
        raise Conflict(f"Transfer {transfer_id} is no grant and no payment of a case; it is not taken back.")
    may_ask(actor, kind)
    held = ledger.balance(session, customer_id=customer_id)
    owed = ledger.shortfall(session, transfer_id=transfer_id)
    plan = Plan(kind, customer_id, origin.amount, held, held + owed - origin.amount, owed, False, transfer_id)
    if origin.case_id is None:
        return plan
    seen = reversing.preview(session, actor=actor, case_id=origin.case_id)
    return dataclasses.replace(plan, case_id=origin.case_id, seen_seq=seen.seq, alone=seen.alone)


def may_ask(actor: Actor, kind: RequestKind) -> None:
    """Raises NotAllowed for whoever may not ask for this kind."""
    allowed = ASKS[kind]
    if not any(actor.may(permission) for permission in allowed):
        require(actor, allowed[-1])
