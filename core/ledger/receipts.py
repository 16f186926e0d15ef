"""Receipts for customers: checked against the chain of their wallet, and the product's outbox."""

import dataclasses
from collections.abc import Sequence

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from core.tables.refunds import CustomerReceipt

# The entry that the receipt names, hashed anew from what the ledger holds now and from the entry before it.
LINK = text("""
SELECT e.version, e.hash, e.amount, e.balance_after, a.customer_id, t.case_id, p.hash AS previous,
       entry_hash(coalesce(p.hash, ''), e.account_id, e.version, e.amount, e.balance_after,
                  transfer_digest(t)) AS computed
FROM entry e
JOIN account a ON a.id = e.account_id AND a.kind = 'wallet'
JOIN transfer t ON t.id = e.transfer_id
LEFT JOIN entry p ON p.account_id = e.account_id AND p.version = e.version - 1
WHERE e.transfer_id = :transfer
""")


@dataclasses.dataclass(frozen=True)
class Proof:
    """Whether a receipt holds. `problem` says in a sentence why not; hashes are hexadecimal.

    `hash` = SHA-256 of `previous`, the wallet's number, the entry's number, its amount, the balance after it
    and the digest of its transfer, so that nobody can change one line without changing all that follow.
    """

    problem: str | None
    version: int | None = None
    previous: str = ""
    hash: str = ""

    @property
    def holds(self) -> bool:
        return self.problem is None


def receipts(session: Session, customer_id: int, *, limit: int = 50) -> Sequence[CustomerReceipt]:
    """A customer's receipts, the newest first."""
    return session.scalars(
        select(CustomerReceipt)
        .where(CustomerReceipt.customer_id == customer_id)
        .order_by(CustomerReceipt.id.desc())
        .limit(limit)
    ).all()


def verify(session: Session, receipt: CustomerReceipt) -> Proof:
    """Check a receipt against the wallet's chain: that very line, unedited, follows from the one before."""
    row = session.execute(LINK, {"transfer": receipt.transfer_id}).one_or_none()
    if row is None:
        return Proof(f"The ledger has no line of transfer {receipt.transfer_id} in this wallet.")
    problem = None
    if row.version > 1 and row.previous is None:
        problem = "The line before it is missing in the wallet's chain."
    elif row.computed != row.hash:
        problem = "The line in the ledger was changed after it was written."
    elif row.hash != receipt.entry_hash:
        problem = "The receipt names another line than the ledger holds."
    elif (row.amount, row.balance_after, row.customer_id, row.case_id) != (
        receipt.amount,
        receipt.balance_after,
        receipt.customer_id,
        receipt.case_id,
    ):
        problem = "The receipt says something else than the ledger."
    return Proof(problem, row.version, (row.previous or b"").hex(), row.hash.hex())


def undelivered(session: Session, limit: int = 100) -> Sequence[CustomerReceipt]:
    """Receipts that the product has not taken yet, the oldest first.

    They stay locked until the transaction ends; who reads beside it gets the next ones.
    """
    return session.scalars(
        select(CustomerReceipt)
        .where(CustomerReceipt.delivered_at.is_(None))
        .order_by(CustomerReceipt.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()


def mark_delivered(session: Session, receipt_ids: Sequence[int]) -> int:
    """Note that the product has them; how many were new. Once more changes nothing."""
    marked = session.scalars(
        update(CustomerReceipt)
        .where(CustomerReceipt.id.in_(receipt_ids), CustomerReceipt.delivered_at.is_(None))
        .values(delivered_at=func.clock_timestamp())
        .returning(CustomerReceipt.id)
    )
    return len(marked.all())


def receipt_of(session: Session, transfer_id: int) -> CustomerReceipt | None:
    """The receipt of one payment; grants and charges have none."""
    return session.scalars(
        select(CustomerReceipt).where(CustomerReceipt.transfer_id == transfer_id)
    ).one_or_none()
