"""What is stored, and in which states: every table and the enum of each state, one file a domain.

Importing this makes the metadata whole, for the migrations and their check.
"""

from core.foundation import leases
from core.foundation.database import Base
from core.tables import (
    access,
    alerts,
    customers,
    experiment_stages,
    experiments,
    failures,
    generation,
    image_checks,
    images,
    imports,
    ledger,
    money_requests,
    notifications,
    overrides,
    promotion,
    prompts,
    provider,
    refund_batches,
    refunds,
    retries,
    seals,
    testsets,
    votes,
)

metadata = Base.metadata

__all__ = [
    "access",
    "alerts",
    "customers",
    "experiment_stages",
    "experiments",
    "failures",
    "generation",
    "image_checks",
    "images",
    "imports",
    "leases",
    "ledger",
    "metadata",
    "money_requests",
    "notifications",
    "overrides",
    "promotion",
    "prompts",
    "provider",
    "refund_batches",
    "refunds",
    "retries",
    "seals",
    "testsets",
    "votes",
]
