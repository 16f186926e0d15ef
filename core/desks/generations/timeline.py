"""One generation's story in the order in which it happened: its moves, and what the provider did between."""

import dataclasses
import enum
from collections.abc import Iterable
from datetime import datetime

from core.classification.taxonomy import TAXONOMY
from core.foundation.wording import duration
from core.tables.generation import GenerationEvent, RenderAttempt, State


class Kind(enum.StrEnum):
    """What a line tells of."""

    MOVE = "move"  # the generation changed its state
    PROVIDER = "provider"  # something happened at the provider
    GOOD = "good"  # it ended well
    BAD = "bad"  # an attempt or the generation failed
    STOPPED = "stopped"  # somebody canceled it


@dataclasses.dataclass(frozen=True)
class Line:
    """One line of the story."""

    at: datetime
    kind: Kind
    title: str
    note: str | None = None
    actor: str | None = None


KINDS = {State.SUCCEEDED: Kind.GOOD, State.FAILED: Kind.BAD, State.CANCELED: Kind.STOPPED}
TITLES = {
    State.QUEUED: "Queued",
    State.SUBMITTING: "Sending to the provider",
    State.RENDERING: "Rendering",
    State.STORING: "Drawn, being stored",
    State.SUCCEEDED: "Avatar stored",
    State.FAILED: "Failed",
    State.CANCELED: "Canceled",
}


def timeline(events: Iterable[GenerationEvent], attempts: Iterable[RenderAttempt]) -> list[Line]:
    """The lines of a generation, oldest first."""
    lines = [_move(event) for event in events]
    for attempt in attempts:
        lines += _milestones(attempt)
    # Sorting is stable: what happened at the same moment stays in the order of the moves.
    return sorted(lines, key=lambda line: line.at)


def _move(event: GenerationEvent) -> Line:
    to = State(event.to_state)
    title = TITLES[to]
    if event.from_state == event.to_state:
        title = f"Still {to}"
    elif to is State.QUEUED and event.from_state is not None:
        title = "Queued again"
    return Line(event.at, KINDS.get(to, Kind.MOVE), title, event.note, event.actor)


def _milestones(attempt: RenderAttempt) -> list[Line]:
    name = f"Attempt {attempt.number}"
    lines: list[Line] = []
    if attempt.accepted_at:
        how = "found in the provider's list and adopted" if attempt.adopted else "accepted"
        lines.append(Line(attempt.accepted_at, Kind.PROVIDER, f"{name} {how}", attempt.remote_id))
    if attempt.started_at:
        lines.append(Line(attempt.started_at, Kind.PROVIDER, f"{name}: the provider began to draw"))
    if attempt.completed_at:
        lines.append(
            Line(attempt.completed_at, Kind.PROVIDER, f"{name} ended at the provider", _seen(attempt))
        )
    if attempt.ended_at and attempt.status in ("failed", "lost"):
        lines.append(Line(attempt.ended_at, Kind.BAD, f"{name} {attempt.status}", _why(attempt)))
    return lines


def _seen(attempt: RenderAttempt) -> str | None:
    if attempt.detected_at is None or attempt.completed_at is None:
        return attempt.remote_status
    delay = duration(attempt.detected_at - attempt.completed_at)
    return f"{attempt.remote_status or 'ended'}; seen by {attempt.detected_by} after {delay}"


def _why(attempt: RenderAttempt) -> str | None:
    return next((TAXONOMY[known].title for known in TAXONOMY if known == attempt.failure_class), None)
