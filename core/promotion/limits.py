"""What a version must show before customers get it, and how long it is watched: limits in versions."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.access.staff import record
from core.foundation.errors import Conflict, InvalidInput
from core.tables.promotion import PromotionLimits

LONGEST_REASON = 500
# Two first users must not both write the first version; the number is only ours.
FIRST_VERSION_LOCK = 0x9A7E_0001


@dataclasses.dataclass(frozen=True)
class Limits:
    """Counts, shares in percent, and the watch in jobs and days.

    `refused_percent` bounds the upper end of Wilson's 95 % interval, `cropped_percent` the share of judged
    avatars itself, `dearer_percent` what an avatar may cost more than one of the version in production.
    """

    selfies: int = 10
    votes: int = 20
    refused_percent: float = 15.0
    cropped_percent: float = 10.0
    judged: int = 10
    dearer_percent: float = 20.0
    guard_jobs: int = 500
    guard_days: int = 14


@dataclasses.dataclass(frozen=True)
class Bound:
    """How one limit is asked for, and within what."""

    title: str
    least: float
    most: float
    hint: str


BOUNDS: dict[str, Bound] = {
    "selfies": Bound("Selfies, at least", 1, 1_000, "Faces that the version was drawn for"),
    "votes": Bound("Decided votes, at least", 0, 10_000, "Votes for one of two images; ties do not count"),
    "refused_percent": Bound(
        "Refusal rate certainly below, %", 0.1, 100, "The upper end of its 95 % interval; 0 of 22 allows 15 %"
    ),
    "cropped_percent": Bound("Cropped at most, %", 0, 100, "Of the avatars whose framing could be judged"),
    "judged": Bound("Framing judged, at least", 0, 10_000, "Avatars; those that cannot be judged stay out"),
    "dearer_percent": Bound("Dearer by at most, %", 0, 1_000, "An avatar, against the version in production"),
    "guard_jobs": Bound("Watched for, jobs", 20, 2_000, "Customers' jobs after the promotion"),
    "guard_days": Bound("Or for, days", 1, 90, "Whichever comes first"),
}
WHOLE = ("selfies", "votes", "judged", "guard_jobs", "guard_days")
DEFAULT = Limits()


def in_force(session: Session) -> tuple[int, Limits]:
    """The number and the limits that count now; the first use writes the defaults."""
    row = _newest(session)
    if row is None:
        _take_turns(session)
        row = _newest(session) or _write(session, DEFAULT, reason="The limits that come with the desk")
    return row.version, from_json(row.body)


def save_limits(session: Session, *, actor: Actor, limits: Limits, reason: str, seen: int) -> int:
    """Put limits in force; the number of their version. They count for the next promotion.

    Raises NotAllowed, InvalidInput, and Conflict where others came into force since version `seen`.
    """
    require(actor, Permission.MOVE_PRODUCTION)
    check(limits)
    why = reason.strip()
    if not 0 < len(why) <= LONGEST_REASON:
        raise InvalidInput(f"Say in at most {LONGEST_REASON} characters why the limits are changed.")
    _take_turns(session)
    number, before = in_force(session)
    if number != seen:
        raise Conflict("Somebody changed the limits meanwhile. Look at them, then decide again.")
    if limits == before:
        raise Conflict("These limits are in force already.")
    row = _write(session, limits, reason=why, author_id=actor.id)
    record(
        session,
        actor=actor,
        action="promotion_limits.change",
        subject=f"promotion_limits:{row.version}",
        reason=why,
        before=dataclasses.asdict(before),
        after=dataclasses.asdict(limits),
    )
    session.flush()
    return row.version


def check(limits: Limits) -> None:
    """Raises InvalidInput for what no limit can be."""
    for name, bound in BOUNDS.items():
        value = getattr(limits, name)
        if not bound.least <= value <= bound.most:
            raise InvalidInput(f"{bound.title}: from {bound.least:g} to {bound.most:,g}.")
        if name in WHOLE and type(value) is not int:
            raise InvalidInput(f"{bound.title}: a whole number.")


def from_json(body: Mapping[str, Any]) -> Limits:
    """The limits that a version keeps; one that it does not know yet has its default."""
    return Limits(**{name: body.get(name, getattr(DEFAULT, name)) for name in BOUNDS})


def _newest(session: Session) -> PromotionLimits | None:
    newest = select(PromotionLimits).order_by(PromotionLimits.version.desc()).limit(1)
    return session.scalars(newest).one_or_none()


def _take_turns(session: Session) -> None:
    session.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": FIRST_VERSION_LOCK})


def _write(session: Session, limits: Limits, *, reason: str, author_id: int | None = None) -> PromotionLimits:
    row = PromotionLimits(body=dataclasses.asdict(limits), reason=reason, author_id=author_id)
    session.add(row)
    session.flush()
    return row
