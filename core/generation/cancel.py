"""Canceling by staff: at once for the customer, and told to the provider by the worker."""

from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.access.staff import record
from core.foundation.errors import Conflict, NotFound
from core.generation import endings
from core.tables.generation import Generation


def request_cancel(session: Session, *, actor: Actor, generation_id: int) -> Generation:
    """Cancel an unfinished generation and give its credits back.

    Raises NotAllowed, NotFound, and Conflict when it has ended already.
    """
    require(actor, Permission.CANCEL)
    generation = session.get(Generation, generation_id, with_for_update=True, populate_existing=True)
    if generation is None:
        raise NotFound(f"There is no generation {generation_id}.")
    if not endings.cancel(session, generation, actor=actor.name):
        raise Conflict(f"Generation {generation_id} is {generation.state} already; nothing to cancel.")
    record(session, actor=actor, action="generation.cancel", subject=f"generation:{generation_id}")
    return generation
