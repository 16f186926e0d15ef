"""Attempts, failures and their groups for tests."""

from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.classification.events import Failure, note_failure
from core.foundation.database import Database
from core.tables.failures import ErrorGroup, ErrorGroupChange
from core.tables.generation import Generation, RenderAttempt
from tests.support.factories import make_generation


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


def fail_once(
    session: Session,
    detail: str = "boom 1",
    *,
    at: datetime | None = None,
    generation: Generation | None = None,
    template_hash: str = "t1",
) -> str:
    """Note one failed generation; the fingerprint."""
    failed = generation or make_generation(session, state="failed")
    failure = Failure(
        generation_id=failed.id,
        customer_id=failed.customer_id,
        failure_class="timeout",
        detail=detail,
        template_hash=template_hash,
        credits=failed.credits,
    )
    return note_failure(session, failure, at=at)


def group_of(database: Database, name: str) -> ErrorGroup:
    with database.transaction() as session:
        return session.get_one(ErrorGroup, name)


def history(database: Database, name: str) -> list[tuple[str, str, str]]:
    with database.transaction() as session:
        rows = session.scalars(
            select(ErrorGroupChange).where(ErrorGroupChange.fingerprint == name).order_by(ErrorGroupChange.id)
        )
        return [(row.actor, row.action, row.to_state) for row in rows]
