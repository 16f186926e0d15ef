"""The ledger's tables. Only the database's own function `post_transfer` writes them."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, func, text
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import UserDefinedType

from core.foundation.database import Base, HasId


class TransactionId(UserDefinedType[str]):
    """PostgreSQL's `xid8`: which transaction wrote a row, never reused within one cluster."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


# SQLAlchemy does not know the type by itself and would warn when it reads our schema.
ischema_names["xid8"] = TransactionId


class Account(HasId, Base):
    """Where credits are: one wallet a customer, and five system accounts."""

    __tablename__ = "account"

    kind: Mapped[str]  # wallet, issued, in_flight, revenue, goodwill, clawback
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"), unique=True)
    opened_at: Mapped[datetime] = mapped_column(server_default=func.now())


class WalletBalance(Base):
    """What a wallet holds now, and the head of its chain. System accounts have no such row: none is hot."""

    __tablename__ = "wallet_balance"

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True)
    balance: Mapped[int] = mapped_column(server_default="0")
    version: Mapped[int] = mapped_column(server_default="0")
    head_hash: Mapped[bytes] = mapped_column(server_default="")


class Charge(Base):
    """What one generation cost, and the caps on what of it is captured or given back.

    Its transfers write it, and nobody else: opened by that of the charge, counted on by those that settle it.
    """

    __tablename__ = "charge"

    generation_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    customer_id: Mapped[int]
    amount: Mapped[int]
    captured: Mapped[int] = mapped_column(server_default="0")
    refunded: Mapped[int] = mapped_column(server_default="0")
    goodwill: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class Transfer(HasId, Base):
    """One move of credits between two accounts. `key` is unique for ever: the same key never moves twice.

    A trigger writes its charge and its entries and moves the wallet, after it has looked at what they are
    named by: the generation, the case and what is taken back.
    """

    __tablename__ = "transfer"

    key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]  # grant, charge, capture, refund, goodwill, clawback, reversal
    from_account: Mapped[int]
    to_account: Mapped[int]
    amount: Mapped[int]
    generation_id: Mapped[int | None]
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("transfer.id"))
    case_id: Mapped[int | None]
    actor: Mapped[str]
    reason: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    xid: Mapped[str] = mapped_column(TransactionId, server_default=text("pg_current_xact_id()"))


class Entry(Base):
    """One leg of a transfer, which writes it; a wallet's are numbered, chained and carry the balance."""

    __tablename__ = "entry"

    transfer_id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(primary_key=True)
    amount: Mapped[int]
    version: Mapped[int | None]
    balance_after: Mapped[int | None]
    hash: Mapped[bytes | None]
