"""Checks delivered avatars and keeps what came of it; the newest avatars come first."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.catalog.models import MODELS
from core.foundation.clock import NOW
from core.foundation.database import Database
from core.foundation.errors import NotFound
from core.foundation.leases import take_named
from core.images.checks.picture import check_picture
from core.images.checks.verdicts import Check, Checked, Facts, Verdict
from core.storage.objects import ObjectStore
from core.tables.generation import Avatar, Generation
from core.tables.image_checks import ImageCheck

# Raised when the rules change; what an older version judged is judged again.
VERSION = 1
LEASE = "image_checks"
BATCH = 20
# One picture takes 0.1 s, and reading it may take the store's whole time limit.
LEASE_SECONDS = 120.0


def check_generation(session: Session, objects: ObjectStore, generation_id: int) -> Checked:
    """Check the avatar of a generation and write the result down; checking again replaces it.

    Raises NotFound where it has no avatar, ServiceUnavailable where the store does not answer. A picture
    that was erased is noted as one that cannot be judged.
    """
    avatar = session.get(Avatar, generation_id)
    if avatar is None:
        raise NotFound(f"Generation {generation_id} has no avatar.")
    generation = session.get_one(Generation, generation_id)
    same_as = _same_as(session, generation, avatar)
    try:
        content = objects.get(avatar.object_key)
    except NotFound as exc:
        checked = Checked(dict.fromkeys(Check, Verdict.UNKNOWN), Facts(0, 0, reason=str(exc)))
    else:
        checked = check_picture(content, size=MODELS[generation.model].output_size, same_as=same_as)
    _keep(session, generation_id, checked)
    return checked


def check_in_turn(database: Database, objects: ObjectStore, *, worker: str, every_seconds: float) -> int:
    """Check a batch of avatars that wait for it, by one worker at a time; says how many were checked."""
    with database.transaction() as session:
        mine = take_named(
            session, LEASE, worker=worker, lease_seconds=LEASE_SECONDS, every_seconds=every_seconds
        )
        waiting = waiting_for_checks(session) if mine else []
    for generation_id in waiting:
        with database.transaction() as session:
            check_generation(session, objects, generation_id)
    return len(waiting)


def waiting_for_checks(session: Session, *, most: int = BATCH) -> list[int]:
    """Generations whose avatar no check of this version has seen, newest avatar first."""
    seen = select(ImageCheck.generation_id).where(
        ImageCheck.generation_id == Avatar.generation_id, ImageCheck.version >= VERSION
    )
    waiting = select(Avatar.generation_id).where(~seen.exists()).order_by(Avatar.stored_at.desc()).limit(most)
    return list(session.scalars(waiting))


def checks_of(session: Session, generation_ids: Sequence[int]) -> dict[int, Checked]:
    """The checks of these generations, as far as they were made."""
    rows = session.scalars(select(ImageCheck).where(ImageCheck.generation_id.in_(generation_ids)))
    return {row.generation_id: _checked(row) for row in rows}


def _checked(row: ImageCheck) -> Checked:
    verdicts = {check: Verdict(row.verdicts.get(check, Verdict.UNKNOWN)) for check in Check}
    return Checked(verdicts, Facts.from_json(row.facts))


def _same_as(session: Session, generation: Generation, avatar: Avatar) -> int | None:
    """The oldest generation of another person with the very same bytes."""
    return session.scalars(
        select(Avatar.generation_id)
        .join(Generation, Generation.id == Avatar.generation_id)
        .where(Avatar.sha256 == avatar.sha256, Generation.customer_id != generation.customer_id)
        .order_by(Avatar.generation_id)
        .limit(1)
    ).one_or_none()


def _keep(session: Session, generation_id: int, checked: Checked) -> None:
    found = {
        "version": VERSION,
        "framing": checked.framing,
        "verdicts": {str(check): str(verdict) for check, verdict in checked.verdicts.items()},
        "facts": checked.facts.as_json(),
        "checked_at": NOW,
    }
    session.execute(
        insert(ImageCheck)
        .values(generation_id=generation_id, **found)
        .on_conflict_do_update(index_elements=["generation_id"], set_=found)
    )
