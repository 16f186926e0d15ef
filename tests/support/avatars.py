"""Delivered avatars with bytes of the test's own choice."""

import hashlib
import uuid

from sqlalchemy import func

from core.storage import keys
from core.tables.customers import Customer
from core.tables.generation import Avatar, RenderAttempt
from tests.support.desk import TestDesk
from tests.support.factories import make_generation


def deliver(desk: TestDesk, content: bytes, *, customer_id: int | None = None) -> int:
    """A generation that succeeded with this PNG; its id. The desk's customer unless told otherwise."""
    digest = hashlib.sha256(content).hexdigest()
    with desk.database.transaction() as session:
        customer = session.get_one(Customer, customer_id or desk.customer_id)
        generation = make_generation(session, state="succeeded", credits=0, customer=customer)
        attempt = RenderAttempt(
            generation_id=generation.id,
            number=1,
            client_ref=uuid.uuid4(),
            remote_id=uuid.uuid4().hex,
            status="succeeded",
            worker="w",
            accepted_at=func.clock_timestamp(),
            ended_at=func.clock_timestamp(),
        )
        session.add(attempt)
        session.flush()
        key = keys.avatar(generation.id, digest, "png")
        session.add(
            Avatar(
                generation_id=generation.id,
                attempt_id=attempt.id,
                object_key=key,
                thumbnail_key=key,
                content_type="image/png",
                sha256=digest,
                width=1024,
                height=1024,
                size_bytes=len(content),
            )
        )
        desk.services.objects.put(key, content, "image/png")
        return generation.id
