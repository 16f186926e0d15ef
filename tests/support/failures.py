"""Attempts and failures for tests."""

from typing import Any
from uuid import uuid4

from sqlalchemy.orm import Session

from core.generation.models import Generation, RenderAttempt


def make_attempt(
    session: Session, generation: Generation, *, number: int = 1, **columns: Any
) -> RenderAttempt:
    """One attempt of a generation; a finished one unless told otherwise."""
    values: dict[str, Any] = {"status": "succeeded", "remote_id": uuid4().hex, "worker": "w"}
    attempt = RenderAttempt(
        generation_id=generation.id, number=number, client_ref=uuid4(), **(values | columns)
    )
    session.add(attempt)
    session.flush()
    return attempt
