"""Selfie test sets: the people in them and the sets with their versions."""

from datetime import datetime

from sqlalchemy import ForeignKey, Text, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from core.foundation.database import Base, HasId


class TestPerson(HasId, Base):
    """Somebody whose selfies are tested on: uploaded for tests only, or a customer who consented; or
    somebody who is seen in an imported experiment and never tested on.

    The row and its counts stay after the pictures were deleted.
    """

    __test__ = False
    __tablename__ = "test_person"

    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), unique=True)
    source: Mapped[str]  # upload, customer, import
    consent_note: Mapped[str]
    created_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    deleted_at: Mapped[datetime | None]


class TestSet(HasId, Base):
    """A set of selfies that prompts are compared on; who is in it is told by its versions."""

    __test__ = False
    __tablename__ = "test_set"

    name: Mapped[str] = mapped_column(unique=True)
    description: Mapped[str] = mapped_column(server_default="")
    created_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    archived_at: Mapped[datetime | None]


class TestSetVersion(HasId, Base):
    """One state of a test set; immutable."""

    __test__ = False
    __tablename__ = "test_set_version"
    __table_args__ = (UniqueConstraint("test_set_id", "number"),)

    test_set_id: Mapped[int] = mapped_column(ForeignKey("test_set.id"))
    number: Mapped[int]
    note: Mapped[str]
    author_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class TestSetMember(Base):
    """One selfie of a version, with its tags; positions count from 1."""

    __test__ = False
    __tablename__ = "test_set_member"
    __table_args__ = (UniqueConstraint("version_id", "position"),)

    version_id: Mapped[int] = mapped_column(ForeignKey("test_set_version.id"), primary_key=True)
    selfie_id: Mapped[int] = mapped_column(ForeignKey("selfie.id"), primary_key=True)
    position: Mapped[int]
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
