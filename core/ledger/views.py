"""What pages show of the ledger."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Row, Select, and_, func, select
from sqlalchemy.orm import Session, aliased

from core.tables.customers import Customer
from core.tables.ledger import Account, Entry, Transfer

TITLES = {
    "issued": "Issued",
    "in_flight": "In flight",
    "revenue": "Revenue",
    "goodwill": "Goodwill",
    "clawback": "Clawback",
}


@dataclasses.dataclass(frozen=True)
class LedgerLine:
    """One transfer. `wallet_after` is what the customer's wallet held after it, where it touched one."""

    at: datetime
    kind: str
    from_name: str
    to_name: str
    amount: int
    actor: str
    reason: str | None
    wallet_after: int | None


def lines_of_generation(session: Session, generation_id: int) -> list[LedgerLine]:
    """All transfers of one generation, oldest first."""
    chosen = _lines().where(Transfer.generation_id == generation_id).order_by(Transfer.id)
    return [_line(row) for row in session.execute(chosen)]


def statement(session: Session, customer_id: int, limit: int = 50) -> list[LedgerLine]:
    """The newest transfers of a customer's wallet, newest first."""
    wallet = select(Account.id).where(Account.customer_id == customer_id).scalar_subquery()
    chosen = _lines().where(Entry.account_id == wallet).order_by(Entry.version.desc()).limit(limit)
    return [_line(row) for row in session.execute(chosen)]


def lines_of_transfers(session: Session, transfers: Sequence[int]) -> list[LedgerLine]:
    """These transfers, in this order."""
    rows = session.execute(_lines().where(Transfer.id.in_(transfers)))
    lines = {row[0].id: _line(row) for row in rows}
    return [lines[number] for number in transfers]


def account_totals(session: Session) -> dict[str, int]:
    """The credits in each kind of account, added up from all entries; they sum to zero."""
    added = (
        select(Account.kind, func.coalesce(func.sum(Entry.amount), 0))
        .join(Entry, Entry.account_id == Account.id, isouter=True)
        .group_by(Account.kind)
    )
    return {kind: int(total) for kind, total in session.execute(added)}


def _lines() -> Select[Transfer, str, str, str, str, int | None]:
    source, target = aliased(Account), aliased(Account)
    payer, payee = aliased(Customer), aliased(Customer)
    return (
        select(
            Transfer,
            source.kind.label("from_kind"),
            payer.name.label("from_customer"),
            target.kind.label("to_kind"),
            payee.name.label("to_customer"),
            Entry.balance_after,
        )
        .join(source, source.id == Transfer.from_account)
        .join(target, target.id == Transfer.to_account)
        .join(payer, payer.id == source.customer_id, isouter=True)
        .join(payee, payee.id == target.customer_id, isouter=True)
        .join(Entry, and_(Entry.transfer_id == Transfer.id, Entry.version.is_not(None)), isouter=True)
    )


def _line(row: Row[Transfer, str, str, str, str, int | None]) -> LedgerLine:
    transfer, from_kind, from_customer, to_kind, to_customer, after = row
    return LedgerLine(
        at=transfer.created_at,
        kind=transfer.kind,
        from_name=_name(from_kind, from_customer),
        to_name=_name(to_kind, to_customer),
        amount=transfer.amount,
        actor=transfer.actor,
        reason=transfer.reason,
        wallet_after=after,
    )


def _name(kind: str, customer: str | None) -> str:
    return f"Wallet of {customer}" if kind == "wallet" else TITLES[kind]
