"""Experiments that were imported: the grid as it came, and which pictures of it lie in our store."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from core.foundation.database import Base, HasId


class ExperimentImport(HasId, Base):
    """An experiment of another desk, or an earlier one of this; immutable. It can buy nothing.

    `token` is made once per form, so that one file is imported once; `document` is what the file said.
    """

    __tablename__ = "experiment_import"

    token: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    grid_hash: Mapped[str]
    source_desk: Mapped[str | None]
    source_experiment: Mapped[int]
    exported_at: Mapped[datetime]
    document: Mapped[dict[str, Any]]
    imported_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    imported_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class ImportedSelfie(HasId, Base):
    """A row of an imported grid, and whose it is. Without keys the picture is not here.

    `customer_id` is empty where the person was deleted here before: nothing of them is taken. The object is
    `owned` where it came with the import; else it is that of a selfie that was here.
    """

    __tablename__ = "imported_selfie"
    __table_args__ = (UniqueConstraint("import_id", "position"),)

    import_id: Mapped[int] = mapped_column(ForeignKey("experiment_import.id"))
    position: Mapped[int]
    sha256: Mapped[str]
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"))
    object_key: Mapped[str | None]
    thumbnail_key: Mapped[str | None]
    owned: Mapped[bool]


class ImportedImage(HasId, Base):
    """An image of an imported grid that lies in our store."""

    __tablename__ = "imported_image"
    __table_args__ = (UniqueConstraint("selfie_id", "sha256"),)

    selfie_id: Mapped[int] = mapped_column(ForeignKey("imported_selfie.id"))
    sha256: Mapped[str]
    object_key: Mapped[str]
    thumbnail_key: Mapped[str]
    owned: Mapped[bool]


class ImportIntent(Base):
    """An import that was begun: what it stored is removed where it came to no end."""

    __tablename__ = "import_intent"

    token: Mapped[str] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    begun_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
