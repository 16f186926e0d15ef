"""What an operator can do about stuck generations; each step checks the permission and leaves a trail.

Ending one is `core.generation.cancel.request_cancel`.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.access.staff import record
from core.foundation.clock import NOW
from core.foundation.errors import Conflict, NotFound, ServiceUnavailable
from core.generation.reports import Applied
from core.generation.stragglers import look_at
from core.generation.sweep import Swept, sweep_now
from core.generation.workers import workers
from core.provider import budget
from core.provider.errors import ProviderError
from core.services import Services
from core.settings import Settings
from core.tables.generation import Generation, RenderAttempt, State


def poll_now(services: Services, *, actor: Actor, generation_id: int) -> Applied:
    """Ask the provider about this one prediction and apply what it says.

    Raises NotAllowed, NotFound, Conflict when there is nothing to ask for, and ServiceUnavailable when the
    provider did not answer.
    """
    require(actor, Permission.OPERATE)
    with services.database.transaction() as session:
        generation = _generation(session, generation_id)
        remote_id = session.scalar(
            select(RenderAttempt.remote_id).where(
                RenderAttempt.generation_id == generation_id, RenderAttempt.status == "accepted"
            )
        )
        if remote_id is None:
            raise Conflict(
                f"Generation {generation_id} is {generation.state}: the provider is not drawing it."
            )
        if not budget.take(session, "read", 1):
            raise Conflict(
                "The budget of requests to the provider is used up or paused. Try again in a moment."
            )
        record(session, actor=actor, action="generation.poll", subject=f"generation:{generation_id}")
    try:
        return look_at(services, remote_id)
    except ProviderError as exc:
        raise ServiceUnavailable(f"The provider did not tell: {exc.text}") from exc


def store_now(session: Session, settings: Settings, *, actor: Actor, generation_id: int) -> Generation:
    """Let the next worker store what is drawn at once, however long the wait would have been.

    What a silent worker holds is taken from it; should that one come back, its late write is refused.
    Raises NotAllowed, NotFound, and Conflict when nothing waits to be stored or a worker is at it.
    """
    require(actor, Permission.OPERATE)
    generation = _generation(session, generation_id, locked=True)
    if generation.state != State.STORING:
        raise Conflict(f"Generation {generation_id} is {generation.state}; nothing waits to be stored.")
    now = session.scalars(select(NOW)).one()
    held = generation.lease_until is not None and generation.lease_until > now
    if held and _alive(session, settings, generation.lease_owner):
        raise Conflict(f"A worker is storing generation {generation_id} right now.")
    generation.lease_owner = generation.lease_until = None
    generation.lease_token += 1
    generation.due_at = now
    record(session, actor=actor, action="generation.store_now", subject=f"generation:{generation_id}")
    session.flush()
    return generation


def adopt_now(services: Services, *, actor: Actor) -> Swept:
    """Read the provider's list now and adopt what is found there.

    Raises NotAllowed, Conflict when nothing is open or the budget is used up, and ServiceUnavailable when
    the provider did not answer.
    """
    require(actor, Permission.OPERATE)
    with services.database.transaction() as session:
        record(session, actor=actor, action="sweep.run", subject="sweep")
    try:
        swept = sweep_now(services)
    except ProviderError as exc:
        raise ServiceUnavailable(f"The provider's list could not be read: {exc.text}") from exc
    if swept is None:
        raise Conflict(
            "Nothing is open at the provider, or the budget of requests is used up. Nothing was done."
        )
    return swept


def _alive(session: Session, settings: Settings, worker: str | None) -> bool:
    seen = workers(session, heartbeat_seconds=settings.heartbeat_seconds)
    return any(each.id == worker and each.state == "alive" for each in seen)


def _generation(session: Session, generation_id: int, *, locked: bool = False) -> Generation:
    found = session.get(Generation, generation_id, with_for_update=locked, populate_existing=True)
    if found is None:
        raise NotFound(f"There is no generation {generation_id}.")
    return found
