"""Customers: who an avatar is for."""

from datetime import datetime

from sqlalchemy import ForeignKey, func
from sqlalchemy.orm import Mapped, mapped_column

from core.foundation.database import Base, HasId


class Customer(HasId, Base):
    """A customer of the service. `reference` is the product's own name for them: a number or an e-mail.

    `test_consent_at` is when staff noted that prompts may be tested on this customer's selfies.
    """

    __tablename__ = "customer"

    reference: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    erased_at: Mapped[datetime | None]
    test_consent_at: Mapped[datetime | None]
    test_consent_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))


class ErasureNumber(Base):
    """One row: how often something of a customer was erased, raised by triggers, whoever erases."""

    __tablename__ = "erasure_number"

    only_row: Mapped[bool] = mapped_column(primary_key=True)
    number: Mapped[int]
