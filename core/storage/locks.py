"""Why an object store does not let go of a version: object lock, legal hold, or a key that may not delete."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime

from core.foundation.wording import count

HOLD = "x-amz-object-lock-legal-hold"
UNTIL = "x-amz-object-lock-retain-until-date"


@dataclasses.dataclass(frozen=True)
class Kept:
    """A version that was to be deleted and is there still: held, or locked until a moment, or refused."""

    held: bool = False
    until: datetime | None = None


def why_kept(headers: Mapping[str, str]) -> Kept:
    """What the store tells of a version in its headers."""
    told_of = {name.lower(): value for name, value in headers.items()}
    return Kept(held=told_of.get(HOLD, "").upper() == "ON", until=_moment(told_of.get(UNTIL, "")))


def told(kept: Sequence[Kept]) -> str:
    """A sentence for whoever deletes: how much is left, why, and what to do."""
    locked = [each.until for each in kept if each.until and not each.held]
    reasons = []
    if locked:
        reasons.append(f"under object lock until {max(locked):%-d %B %Y, %H:%M} UTC")
    if any(each.held for each in kept):
        reasons.append("under a legal hold, which has to be lifted in the store")
    if any(not each.held and each.until is None for each in kept):
        reasons.append("because the key in use may not delete it (s3:DeleteObject, s3:DeleteObjectVersion)")
    return (
        f"The object store still keeps {count(len(kept), 'version')} of what was to be deleted: "
        f"{'; '.join(reasons)}."
    )


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
