"""What an operator should know about the installation: what is not set up, and what will end."""

import dataclasses
import enum
from datetime import date

from core.catalog.lifetimes import end_of, retirement_notice
from core.settings import Settings

RETIREMENT_NEAR_DAYS = 30


class Level(enum.StrEnum):
    """How pressing a notice is."""

    INFO = "info"
    WARNING = "warning"


@dataclasses.dataclass(frozen=True)
class Notice:
    """One thing to know, what it means, and the setting that changes it (None: a setting cannot)."""

    level: Level
    title: str
    text: str
    setting: str | None = None


def notices(settings: Settings, today: date) -> list[Notice]:
    """Everything to know on this day, the most pressing first."""
    found = [*_retirement(settings, today), *_missing(settings)]
    return sorted(found, key=lambda notice: notice.level is not Level.WARNING)


def _retirement(settings: Settings, today: date) -> list[Notice]:
    text = retirement_notice(settings.model, today)
    end = end_of(settings.model)
    if text is None or end is None:
        return []
    near = (end - today).days <= RETIREMENT_NEAR_DAYS
    level = Level.WARNING if near and not settings.sandboxed else Level.INFO
    return [Notice(level, "The model is being retired", text, "INKDESK_MODEL")]


def _missing(settings: Settings) -> list[Notice]:
    found = []
    if settings.sandboxed:
        text = "The built-in practice provider draws the avatars: nothing is sent out, nothing is paid."
        found.append(Notice(Level.INFO, "Practice provider", text, "REPLICATE_API_TOKEN"))
    elif settings.public_url is None:
        text = "Without a public address Replicate cannot call back; finished pictures are found by asking."
        found.append(Notice(Level.INFO, "No webhook", text, "INKDESK_PUBLIC_URL"))
    return found
