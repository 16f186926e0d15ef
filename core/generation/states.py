"""The life of a generation: its states, the table of moves, and the one guarded update that makes them."""

import enum
from typing import Any

from sqlalchemy import func, update
from sqlalchemy.orm import Session

from core.generation.models import Generation, GenerationEvent


class State(enum.StrEnum):
    """Where a generation stands."""

    QUEUED = "queued"  # credits are in flight, the provider was not called for this attempt yet
    SUBMITTING = "submitting"  # the intent is written; a worker calls the provider, or the answer was lost
    RENDERING = "rendering"  # the provider has it, and we know its id there
    STORING = "storing"  # the provider drew it; it must be fetched before it is deleted there
    SUCCEEDED = "succeeded"  # the avatar is stored, the credits are captured
    FAILED = "failed"  # it ended without an avatar; a case decides on its credits
    CANCELED = "canceled"  # staff or the customer stopped it, the credits came back


OPEN = (State.QUEUED, State.SUBMITTING, State.RENDERING, State.STORING)
ENDED = (State.SUCCEEDED, State.FAILED, State.CANCELED)

MOVES: dict[State, tuple[State, ...]] = {
    State.QUEUED: (State.SUBMITTING, State.FAILED, State.CANCELED),
    State.SUBMITTING: (State.RENDERING, State.QUEUED, State.FAILED, State.CANCELED),
    State.RENDERING: (State.STORING, State.QUEUED, State.FAILED, State.CANCELED),
    State.STORING: (State.SUCCEEDED, State.QUEUED, State.FAILED, State.CANCELED),
    State.SUCCEEDED: (),
    # Only for a picture that came after all, while a person still decides on the credits.
    State.FAILED: (State.STORING,),
    # Only for a picture of an experiment that was drawn before the provider heard of it.
    State.CANCELED: (State.STORING,),
}


def sources(to: State) -> list[State]:
    """The states from which `to` can be reached."""
    return [state for state, targets in MOVES.items() if to in targets]


def move(
    session: Session,
    generation_id: int,
    *,
    to: State,
    token: int | None = None,
    note: str | None = None,
    actor: str = "worker",
    **changes: Any,
) -> bool:
    """Move one generation, release its lease and write its timeline; says whether this call was the one.

    With `token` the move also needs the lease that bears it: a worker that lost its lease changes nothing.
    """
    held = [Generation.lease_token == token] if token is not None else []
    before = session.scalars(
        update(Generation)
        .where(Generation.id == generation_id, Generation.state.in_(sources(to)), *held)
        .values(
            state=to,
            previous_state=Generation.state,
            state_since=func.clock_timestamp(),
            lease_owner=None,
            lease_until=None,
            **changes,
        )
        .returning(Generation.previous_state)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if before is None:
        return False
    session.add(
        GenerationEvent(generation_id=generation_id, from_state=before, to_state=to, note=note, actor=actor)
    )
    session.flush()
    return True
