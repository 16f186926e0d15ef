"""The Test sets page."""

import pytest
from sqlalchemy import select

from core.foundation.errors import StillKept
from core.images.intake import take_in
from core.services import Services
from core.tables.testsets import TestSet
from core.testsets.people import add_person
from tests.pages.conftest import OpenPage
from tests.pages.looking import button, has_button, said
from tests.support.desk import TestDesk
from tests.support.pictures import astronaut, encode

PAGE = "pages/testsets/page.py"


def person(desk: TestDesk) -> int:
    return add_person(
        desk.database,
        desk.services.objects,
        actor=desk.admin,
        name="Eva",
        consent_note="signed form",
        selfies=[take_in(encode(astronaut(), "JPEG"))],
        key="a",
    )


def test_an_empty_desk_says_what_to_do_first(open_page: OpenPage) -> None:
    assert "No test set yet." in said(open_page(PAGE))
    assert "Nobody is in the tests yet." in said(open_page(PAGE, query={"view": "people"}))
    assert "Add people first" in said(open_page(PAGE, query={"set": "new"}))


def test_a_set_is_made_of_who_agreed_and_changed_as_a_version(
    open_page: OpenPage, services: Services, desk: TestDesk
) -> None:
    person(desk)
    at = open_page(PAGE, persona="tuner", query={"set": "new"})
    at.checkbox[0].check().run()
    at.text_input(key="test_set_name_new").set_value("Faces")
    button(at, "Save with 1 selfie").click().run()
    assert not at.exception
    with services.database.transaction() as session:
        number = session.scalars(select(TestSet.id)).one()
    at = open_page(PAGE, persona="tuner", query={"set": str(number)})
    at.multiselect[0].set_value(["glasses"]).run()
    button(at, "Save version 2 with 1 selfie").click().run()
    assert "version 2" in said(open_page(PAGE))


def test_deleting_a_person_needs_a_reason_and_then_shows_only_the_counts(
    open_page: OpenPage, desk: TestDesk
) -> None:
    number = person(desk)
    at = open_page(PAGE, persona="tuner", query={"view": "people"})
    button(at, "Delete this person").click().run()
    assert "why" in at.error[0].value
    at.text_input(key=f"test_person_why_{number}").set_value("asked for it")
    button(at, "Delete this person").click().run()
    assert not at.exception
    words = said(open_page(PAGE, query={"view": "people"}))
    assert "Deleted person" in words
    assert "Eva" not in words


def test_a_deletion_that_the_store_holds_up_is_told_and_shows_no_face(
    open_page: OpenPage, desk: TestDesk, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_places: str) -> int:
        raise StillKept("The object store still keeps 2 versions of what was to be deleted: under a lock.")

    number = person(desk)
    at = open_page(PAGE, persona="tuner", query={"view": "people"})
    assert len(at.image) == 1
    monkeypatch.setattr(services.objects, "delete", locked)
    at.text_input(key=f"test_person_why_{number}").set_value("asked for it")
    button(at, "Delete this person").click().run()
    assert at.error[0].value.startswith("The object store still keeps 2 versions")
    assert "the deletion stays open, and a worker tries again" in at.error[0].value
    assert ("Deletion not finished" in said(at), len(at.image)) == (True, 0)


def test_who_may_not_edit_may_look(open_page: OpenPage, desk: TestDesk) -> None:
    person(desk)
    at = open_page(PAGE, persona="viewer", query={"view": "people"})
    assert "may not edit selfie test sets" in said(at)
    assert not has_button(at, "Delete this person")
