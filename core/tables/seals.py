"""Tables of the seals and of the checks of the books. All are only ever added to."""

from datetime import datetime

from sqlalchemy import ForeignKey, ForeignKeyConstraint, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from core.foundation.database import Base, HasId
from core.tables.ledger import TransactionId


class LedgerEpoch(Base):
    """A life of the ledger in one cluster; what is `restored_id` or below came with it."""

    __tablename__ = "ledger_epoch"
    __table_args__ = (UniqueConstraint("number", "restored_id", name="ledger_epoch_restored_key"),)

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    home: Mapped[str]
    restored_id: Mapped[int]
    began_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class EpochAcceptance(Base):
    """Who says that an epoch began for an honest reason, such as a restored backup."""

    __tablename__ = "ledger_epoch_acceptance"

    epoch: Mapped[int] = mapped_column(
        ForeignKey("ledger_epoch.number"), primary_key=True, autoincrement=False
    )
    accepted_by: Mapped[str]
    reason: Mapped[str]
    accepted_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class LedgerSeal(Base):
    """One link of the chain over the whole ledger: `transfers` rows with all their entries."""

    __tablename__ = "ledger_seal"
    __table_args__ = (
        ForeignKeyConstraint(
            ["epoch", "restored_id"],
            ["ledger_epoch.number", "ledger_epoch.restored_id"],
            name="ledger_seal_epoch_fkey",
        ),
    )

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    epoch: Mapped[int]
    restored_id: Mapped[int]
    upto_xid: Mapped[str] = mapped_column(TransactionId)  # every transaction below is sealed
    last_id: Mapped[int]  # the highest transfer sealed so far
    transfers: Mapped[int]
    latest_at: Mapped[datetime | None]  # the latest moment of a transfer sealed so far
    rows_hash: Mapped[bytes]
    previous_hash: Mapped[bytes]
    hash: Mapped[bytes]
    sealed_at: Mapped[datetime]


class AccountSnapshot(Base):
    """What a system account holds by all transfers sealed up to a seal."""

    __tablename__ = "account_snapshot"

    seal: Mapped[int] = mapped_column(ForeignKey("ledger_seal.number"), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True)
    balance: Mapped[int]


class SealAnchor(Base):
    """Where a seal's copy lies outside the database."""

    __tablename__ = "seal_anchor"

    seal: Mapped[int] = mapped_column(ForeignKey("ledger_seal.number"), primary_key=True)
    object_key: Mapped[str]
    anchored_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class BooksCheck(HasId, Base):
    """One check of the books: when, how much it read, what it found, and the seal that stood then."""

    __tablename__ = "books_check"

    kind: Mapped[str]  # full, recent
    started_at: Mapped[datetime]
    took_seconds: Mapped[float]
    transfers: Mapped[int]
    findings: Mapped[int]
    seal: Mapped[int | None]
    head_hash: Mapped[bytes | None]
    anchor: Mapped[str]  # matches, none, missing, mismatch, unreachable


class BooksFinding(HasId, Base):
    """What one check found."""

    __tablename__ = "books_finding"

    check_id: Mapped[int] = mapped_column(ForeignKey("books_check.id"))
    rule: Mapped[str]
    subject: Mapped[str]
    detail: Mapped[str]
