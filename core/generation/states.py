"""The life of a generation: its states, the table of moves, and the one guarded update that makes them."""

from typing import Any

from sqlalchemy import func, update
from sqlalchemy.orm import Session

from core.tables.generation import Generation, GenerationEvent, State

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
