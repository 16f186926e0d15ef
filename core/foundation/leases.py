"""Named turns: work that only one worker at a time may do, and not more often than asked."""

from datetime import datetime, timedelta

from sqlalchemy import or_, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.foundation.clock import NOW
from core.foundation.database import Base, rows_of


class NamedLease(Base):
    """Work that only one worker at a time may do, such as the sweep."""

    __tablename__ = "named_lease"

    name: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str | None]
    token: Mapped[int] = mapped_column(server_default="0")
    lease_until: Mapped[datetime | None]
    last_run_at: Mapped[datetime | None]


# A tick may come some milliseconds early; that must not cost it a whole round.
NEARLY = 0.9


def take_named(
    session: Session, name: str, *, worker: str, lease_seconds: float, every_seconds: float
) -> bool:
    """Take the right to do `name` now: one worker at a time, and not more often than asked."""
    session.execute(upsert(NamedLease).values(name=name).on_conflict_do_nothing())
    result = session.execute(
        update(NamedLease)
        .where(NamedLease.name == name)
        .where(
            or_(NamedLease.owner == worker, NamedLease.lease_until.is_(None), NamedLease.lease_until < NOW)
        )
        .where(
            or_(
                NamedLease.last_run_at.is_(None),
                NamedLease.last_run_at <= NOW - timedelta(seconds=every_seconds * NEARLY),
            )
        )
        .values(
            owner=worker,
            token=NamedLease.token + 1,
            lease_until=NOW + timedelta(seconds=lease_seconds),
            last_run_at=NOW,
        )
    )
    return rows_of(result) == 1
