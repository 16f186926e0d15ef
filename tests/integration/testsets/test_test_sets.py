"""Test sets: immutable versions of selfies whose people agreed."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.access.staff import actor_by_id
from core.foundation.errors import Conflict, InvalidInput, NotAllowed
from core.tables.testsets import TestPerson
from core.testsets.sets import (
    MOST_SELFIES,
    Member,
    create_set,
    list_sets,
    members_of,
    new_version,
    newest_version,
)
from tests.support.factories import make_customer, make_selfie, make_staff
from tests.support.testsets import agree, make_selfies, make_set


@pytest.fixture
def tuner(session: Session) -> Actor:
    return actor_by_id(session, make_staff(session, name="Tom", roles=["tuner"]).id)


def test_a_set_is_listed_with_its_newest_version_and_keeps_the_order_and_tags(
    session: Session, tuner: Actor
) -> None:
    selfies = make_selfies(session, tuner, 3)
    wanted = [Member(selfies[2].id, ["glasses", "beard"]), Member(selfies[0].id)]
    first = create_set(session, actor=tuner, name="  Hard   faces ", members=wanted)
    found = members_of(session, first.id)
    assert [each.selfie_id for each in found] == [selfies[2].id, selfies[0].id]
    assert found[0].tags == ("beard", "glasses")
    assert all(each.usable for each in found)
    second = new_version(
        session, actor=tuner, test_set_id=first.test_set_id, members=[Member(selfies[1].id)], note="other"
    )
    [listed] = list_sets(session)
    assert (listed.name, listed.number, listed.selfies, listed.note) == ("Hard faces", 2, 1, "other")
    assert newest_version(session, first.test_set_id).id == second.id
    assert [each.selfie_id for each in members_of(session, first.id)] == [selfies[2].id, selfies[0].id]


def test_a_version_is_never_changed(session: Session, tuner: Actor) -> None:
    made = make_set(session, tuner, make_selfies(session, tuner, 1))
    for change in ("UPDATE test_set_member SET tags = '{}'", "DELETE FROM test_set_member"):
        with pytest.raises(DBAPIError, match="only ever added"), session.begin_nested():
            session.execute(text(change))
    assert len(members_of(session, made.id)) == 1


def test_who_did_not_agree_was_deleted_or_took_it_back_does_not_get_in(
    session: Session, tuner: Actor
) -> None:
    stranger = make_selfie(session)
    with pytest.raises(InvalidInput, match="has not agreed to tests"):
        make_set(session, tuner, [stranger])
    uploaded = make_customer(session)
    person = TestPerson(customer_id=uploaded.id, source="upload", consent_note="Signed.", created_by=tuner.id)
    session.add(person)
    session.flush()
    selfie = make_selfie(session, customer=uploaded)
    made = make_set(session, tuner, [selfie])
    person.deleted_at = datetime.now(UTC)
    session.flush()
    assert [each.usable for each in members_of(session, made.id)] == [False]
    agree(session, tuner, uploaded)
    uploaded.erased_at = datetime.now(UTC)
    session.flush()
    with pytest.raises(InvalidInput, match="data was deleted"):
        make_set(session, tuner, [selfie], name="Others")


def test_what_cannot_be_a_set_is_refused_with_its_reason(session: Session, tuner: Actor) -> None:
    [selfie] = make_selfies(session, tuner, 1)
    for members, why in (
        ([], "1 to 50"),
        ([Member(selfie.id)] * 2, "twice"),
        ([Member(selfie.id, ["handsome"])], "no tag 'handsome'"),
        ([Member(n) for n in range(MOST_SELFIES + 1)], "1 to 50"),
        ([Member(10**9)], "no longer there"),
    ):
        with pytest.raises(InvalidInput, match=why), session.begin_nested():
            create_set(session, actor=tuner, name="Faces", members=members)
    make_set(session, tuner, [selfie])
    with pytest.raises(Conflict, match="already"):
        make_set(session, tuner, [selfie], name="faces")


def test_an_edit_of_an_older_version_is_told_and_viewers_edit_nothing(session: Session, tuner: Actor) -> None:
    [selfie] = make_selfies(session, tuner, 1)
    first = make_set(session, tuner, [selfie])
    again = [Member(selfie.id, ["glasses"])]
    new_version(session, actor=tuner, test_set_id=first.test_set_id, members=again, after=first.id)
    with pytest.raises(Conflict, match="changed meanwhile"):
        new_version(session, actor=tuner, test_set_id=first.test_set_id, members=again, after=first.id)
    viewer = actor_by_id(session, make_staff(session, roles=["viewer"]).id)
    with pytest.raises(NotAllowed):
        make_set(session, viewer, [selfie], name="Mine")
