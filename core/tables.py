"""Imports every domain's tables, so that the metadata is whole for migrations and their check."""

from core.access import models as access
from core.credits import models as ledger
from core.credits import request_models as requests
from core.credits import seal_models as seals
from core.credits.cases import batch_models as batches
from core.credits.cases import models as cases
from core.customers import models as customers
from core.failures import models as failures
from core.failures.alerts import models as alerts
from core.failures.overrides import models as overrides
from core.failures.retries import models as retries
from core.foundation import leases
from core.foundation.database import Base
from core.generation import models as generation
from core.images import models as images
from core.images.checks import models as checks
from core.notifications import models as notifications
from core.prompts import models as prompts
from core.prompts.experiments import models as experiments
from core.prompts.experiments import stage_models as stages
from core.prompts.promotion import models as promotion
from core.prompts.share import models as share
from core.prompts.testsets import models as testsets
from core.prompts.votes import models as votes
from core.provider import models as provider

metadata = Base.metadata

__all__ = [
    "access",
    "alerts",
    "batches",
    "cases",
    "checks",
    "customers",
    "experiments",
    "failures",
    "generation",
    "images",
    "leases",
    "ledger",
    "metadata",
    "notifications",
    "overrides",
    "promotion",
    "prompts",
    "provider",
    "requests",
    "retries",
    "seals",
    "share",
    "stages",
    "testsets",
    "votes",
]
