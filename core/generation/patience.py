"""Recording results while the database is away for a moment: they are kept in hand until it is back."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from core.foundation.errors import ServiceUnavailable

log = logging.getLogger(__name__)

T = TypeVar("T")

# A restart of PostgreSQL takes seconds; a longer outage is left to the leases, which then run out.
SECONDS = 30.0
BETWEEN_TRIES = 0.25


def patiently(record: Callable[[], T]) -> T:
    """Call `record` until the database answers. Raises ServiceUnavailable when it stays away.

    `record` must be guarded by the lease's token or be idempotent: a commit whose answer was lost is made
    again.
    """
    end = time.monotonic() + SECONDS
    while True:
        try:
            return record()
        except ServiceUnavailable as exc:
            if time.monotonic() > end:
                raise
            log.warning("waiting to record a result: %s", exc)
            time.sleep(BETWEEN_TRIES)
