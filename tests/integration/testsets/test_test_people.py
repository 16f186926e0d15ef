"""People whose selfies are tested on: in with consent, out whole."""

import pytest
from sqlalchemy import select

from core.customers.directory import create_customer
from core.foundation.errors import Conflict, InvalidInput, NotFound
from core.images.intake import take_in
from core.tables.customers import Customer
from core.tables.generation import Avatar, Generation
from core.tables.images import StoredSelfie
from core.tables.testsets import TestPerson
from core.testsets.people import add_person, delete_person, note_consent, people, take_back_consent
from core.testsets.sets import Member, create_set, members_of
from tests.support.desk import TestDesk, wait_for, working
from tests.support.pictures import astronaut, encode


def add(desk: TestDesk, key: str = "a") -> int:
    return add_person(
        desk.database,
        desk.services.objects,
        actor=desk.admin,
        name="Eva",
        consent_note="signed form",
        selfies=[take_in(encode(astronaut(), "JPEG"))],
        key=key,
    )


def only(desk: TestDesk, person_id: int) -> TestPerson:
    with desk.database.transaction() as session:
        return session.get_one(TestPerson, person_id)


def test_somebody_is_added_once_with_their_selfies(desk: TestDesk) -> None:
    person_id = add(desk)
    assert add(desk) == person_id  # the form sent twice
    with desk.database.transaction() as session:
        [person] = people(session)
        assert (person.name, len(person.selfie_ids), person.agreed) == ("Eva", 1, True)
        made = create_set(session, actor=desk.admin, name="Faces", members=[Member(person.selfie_ids[0])])
        assert [each.usable for each in members_of(session, made.id)] == [True]


def test_consent_has_to_be_told(desk: TestDesk) -> None:
    with pytest.raises(InvalidInput, match="how and when"):
        add_person(
            desk.database,
            desk.services.objects,
            actor=desk.admin,
            name="Eva",
            consent_note=" ",
            selfies=[take_in(encode(astronaut(), "JPEG"))],
            key="a",
        )
    with pytest.raises(InvalidInput, match="at least one selfie"):
        add_person(
            desk.database,
            desk.services.objects,
            actor=desk.admin,
            name="Eva",
            consent_note="x",
            selfies=[],
            key="a",
        )


def test_a_customer_is_in_the_tests_as_long_as_they_agree(desk: TestDesk) -> None:
    with desk.database.transaction() as session:
        note_consent(session, actor=desk.admin, customer_id=desk.customer_id, note="by mail")
        [person] = people(session)
        assert person.selfie_ids == (desk.selfie_id,)
        take_back_consent(session, actor=desk.admin, customer_id=desk.customer_id, reason="by mail")
        [person] = people(session)
        assert (person.selfie_ids, person.agreed) == ((), False)
        with pytest.raises(InvalidInput, match="has not agreed"):
            create_set(session, actor=desk.admin, name="Faces", members=[Member(desk.selfie_id)])


def test_deleting_takes_every_picture_and_keeps_the_counts(desk: TestDesk) -> None:
    person_id = add(desk)
    with desk.database.transaction() as session:
        [person] = people(session)
    generation_id = desk.ask(customer_id=person.customer_id, selfie_id=person.selfie_ids[0], charged=False)
    with pytest.raises(Conflict, match="being drawn"):
        delete_person(
            desk.database, desk.services.objects, actor=desk.admin, person_id=person_id, reason="asked"
        )
    with working(desk):
        wait_for(desk.all_ended)
    with desk.database.transaction() as session:
        avatar = session.get_one(Avatar, generation_id)
        selfie = session.get_one(StoredSelfie, person.selfie_ids[0])
        keys = [avatar.object_key, avatar.thumbnail_key, selfie.object_key, selfie.thumbnail_key]
    for there in (4, 0):  # a second time finishes what the first may have left
        gone = delete_person(
            desk.database, desk.services.objects, actor=desk.admin, person_id=person_id, reason="asked"
        )
        assert gone == there
    for key in keys:
        with pytest.raises(NotFound):
            desk.services.objects.get(key)
    with desk.database.transaction() as session:
        assert session.scalars(select(Customer.name).where(Customer.id == person.customer_id)).one() == (
            "Deleted person"
        )
        assert session.get_one(Generation, generation_id).state == "succeeded"
        [left] = people(session)
        assert (left.images, left.selfie_ids, left.agreed) == (1, (), False)
    assert only(desk, person_id).deleted_at is not None
    with pytest.raises(NotFound), desk.database.transaction() as session:
        note_consent(session, actor=desk.admin, customer_id=person.customer_id, note="again")


def test_nobody_is_deleted_without_a_reason_or_twice_added_under_another_name(desk: TestDesk) -> None:
    person_id = add(desk)
    with pytest.raises(InvalidInput):
        delete_person(desk.database, desk.services.objects, actor=desk.admin, person_id=person_id, reason=" ")
    with desk.database.transaction() as session, pytest.raises(Conflict):
        create_customer(session, actor=desk.admin, reference="test-person-a", name="Eva")
