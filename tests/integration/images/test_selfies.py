"""Keeping selfies: object and row, once for each picture."""

import dataclasses

import pytest
from sqlalchemy import select

from core.access.staff import active_staff
from core.foundation.errors import NotAllowed, NotFound, ServiceUnavailable
from core.images.intake import Selfie, take_in
from core.images.samples import samples
from core.images.selfies import earlier_selfies, keep_selfie
from core.storage.objects import ObjectStore
from core.tables.access import AuditEvent
from core.tables.images import StoredSelfie
from tests.support.desk import TestDesk
from tests.support.factories import make_customer


@pytest.fixture
def selfie() -> Selfie:
    return take_in(samples()[0][1]())


def test_a_kept_selfie_can_be_read_back_byte_for_byte(desk: TestDesk, selfie: Selfie) -> None:
    with desk.database.transaction() as session:
        stored = session.get_one(StoredSelfie, desk.selfie_id)
        trail = session.scalars(select(AuditEvent).where(AuditEvent.action == "selfie.keep")).all()

    assert desk.services.objects.get(stored.object_key) == selfie.content
    assert desk.services.objects.get(stored.thumbnail_key)[8:12] == b"WEBP"
    assert [event.subject for event in trail] == [f"selfie:{stored.id}"]


def test_the_same_picture_is_one_selfie_for_one_customer_only(desk: TestDesk, selfie: Selfie) -> None:
    objects = desk.services.objects
    with desk.database.transaction() as session:
        other = make_customer(session, name="Ben").id
    with desk.database.transaction() as session:
        again = keep_selfie(
            session, objects, actor=desk.admin, customer_id=desk.customer_id, selfie=selfie
        ).id
    with desk.database.transaction() as session:
        theirs = keep_selfie(session, objects, actor=desk.admin, customer_id=other, selfie=selfie).id

    assert again == desk.selfie_id
    assert theirs != desk.selfie_id


def test_earlier_selfies_are_the_customers_own_newest_first(desk: TestDesk, selfie: Selfie) -> None:
    second = dataclasses.replace(selfie, sha256="0" * 64)
    with desk.database.transaction() as session:
        keep_selfie(
            session, desk.services.objects, actor=desk.admin, customer_id=desk.customer_id, selfie=second
        )
    with desk.database.transaction() as session:
        found = earlier_selfies(session, customer_id=desk.customer_id)
        newest = earlier_selfies(session, customer_id=desk.customer_id, limit=1)

    assert [row.sha256 for row in found] == ["0" * 64, selfie.sha256]
    assert [row.sha256 for row in newest] == ["0" * 64]


def test_who_may_not_add_selfies_is_refused_before_anything_is_stored(desk: TestDesk, selfie: Selfie) -> None:
    nothing = ObjectStore.from_settings(
        desk.services.settings.model_copy(update={"s3_endpoint": "127.0.0.1:9"})
    )
    with desk.database.transaction() as session:
        viewer = next(actor for actor in active_staff(session) if "viewer" in actor.roles)

    with pytest.raises(NotAllowed), desk.database.transaction() as session:
        keep_selfie(session, nothing, actor=viewer, customer_id=desk.customer_id, selfie=selfie)


def test_without_an_object_store_no_row_points_at_nothing(desk: TestDesk, selfie: Selfie) -> None:
    nothing = ObjectStore.from_settings(
        desk.services.settings.model_copy(update={"s3_endpoint": "127.0.0.1:9"})
    )
    other = dataclasses.replace(selfie, sha256="1" * 64)

    with pytest.raises(ServiceUnavailable), desk.database.transaction() as session:
        keep_selfie(session, nothing, actor=desk.admin, customer_id=desk.customer_id, selfie=other)

    with desk.database.transaction() as session:
        assert len(earlier_selfies(session, customer_id=desk.customer_id)) == 1


def test_a_customer_who_is_not_there_is_said(desk: TestDesk, selfie: Selfie) -> None:
    with pytest.raises(NotFound), desk.database.transaction() as session:
        keep_selfie(session, desk.services.objects, actor=desk.admin, customer_id=999, selfie=selfie)
