"""The shared governor of API requests, what the provider's clock is known by, and webhooks already seen."""

from datetime import datetime

from sqlalchemy import func
from sqlalchemy.orm import Mapped, mapped_column

from core.foundation.database import Base


class ApiBudget(Base):
    """One row a kind of request (create, read): a GCRA bucket that all workers share."""

    __tablename__ = "api_budget"

    kind: Mapped[str] = mapped_column(primary_key=True)
    next_free_at: Mapped[datetime]  # GCRA's theoretical arrival time
    paused_until: Mapped[datetime | None]
    throttled_count: Mapped[int] = mapped_column(server_default="0")
    # Granted in the minute that began at `minute_at`, and in the minute before that one.
    minute_at: Mapped[datetime] = mapped_column(server_default=func.now())
    minute_used: Mapped[int] = mapped_column(server_default="0")
    minute_before: Mapped[int] = mapped_column(server_default="0")


class ProviderClock(Base):
    """What one source tells of the provider's clock against the database's (`core.provider.clock_offset`)."""

    __tablename__ = "provider_clock"

    source: Mapped[str] = mapped_column(primary_key=True)  # created, date
    low: Mapped[float]  # seconds, the provider's clock minus ours
    high: Mapped[float]
    seen_at: Mapped[datetime]
    doubts: Mapped[int] = mapped_column(server_default="0")
    step: Mapped[int] = mapped_column(server_default="0")


class WebhookInbox(Base):
    """Webhook ids already handled: the provider may deliver the same one more than once."""

    __tablename__ = "webhook_inbox"

    webhook_id: Mapped[str] = mapped_column(primary_key=True)
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())
