"""The prompt library: versions are immutable and numbered, and what is in use cannot be deleted."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.foundation.database import Database
from core.foundation.errors import Conflict, InvalidInput, NotAllowed, NotFound
from core.prompts import library
from core.prompts.versions import template_hash
from core.prompts.views import prompts, titles_of, usable_versions, version, versions
from core.tables.access import AuditEvent
from core.tables.prompts import Prompt, PromptVersion
from tests.support.factories import make_generation
from tests.support.prompts import content, edit, make_actor, make_prompt


@pytest.fixture
def tom(session: Session) -> Actor:
    return make_actor(session)


def test_an_edit_makes_the_next_version_and_leaves_its_parent_as_it_was(session: Session, tom: Actor) -> None:
    first = make_prompt(session, tom, "A hero", name="Woodcut", quality="low")
    kept = first.template_hash

    second = edit(session, tom, first, "A tall hero", quality="high")

    assert (first.number, second.number, second.parent_id) == (1, 2, first.id)
    session.refresh(first)
    assert (first.template, first.template_hash) == ("A hero", kept)
    assert (
        second.template_hash
        == template_hash("A tall hero")
        == session.scalar(select(func.md5("A tall hero")))
    )
    shown = version(session, second.id)
    assert (shown.title, shown.author, shown.parent) == ("Woodcut v2", "Tom", "Woodcut v1")


def test_a_version_holds_every_parameter_of_its_model_and_no_other(session: Session, tom: Actor) -> None:
    made = make_prompt(session, tom, model="openai/gpt-image-2", input_fidelity="high", quality="low")

    assert made.parameters == {
        "quality": "low",
        "background": "opaque",
        "moderation": "auto",
        "output_format": "png",
    }


def test_saving_what_the_parent_says_makes_no_version(session: Session, tom: Actor) -> None:
    first = make_prompt(session, tom, "A hero\nwith a hat", quality="low")

    same = edit(session, tom, first, "A hero\r\nwith a hat", quality="low")

    assert same.id == first.id
    assert len(library.versions_of(session, first.prompt_id)) == 1


def test_another_parameter_alone_makes_a_version(session: Session, tom: Actor) -> None:
    first = make_prompt(session, tom, "A hero", quality="low")

    assert edit(session, tom, first, "A hero", quality="medium").number == 2


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"template": "{{ style"}, "cannot be read"),
        ({"template": " "}, "The prompt is empty"),
        ({"template": "A {{> hat }}"}, "no snippet 'hat'"),
        ({"template": "A {{> Hat }}"}, "A snippet is named as"),
        ({"quality": "ultra"}, "quality 'ultra' is not offered"),
        ({"background": "transparent", "output_format": "jpeg"}, "no transparent background"),
        ({"model": "openai/dall-e-9"}, "not in the catalog"),
        ({"template": "x" * 20_001}, "longer than 20,000"),
        ({"name": " "}, "needs a name"),
    ],
)
def test_what_could_not_be_generated_is_not_saved(
    session: Session, tom: Actor, given: dict[str, str], sentence: str
) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        make_prompt(session, tom, **given)


def test_a_note_has_at_most_500_characters(session: Session, tom: Actor) -> None:
    with pytest.raises(InvalidInput, match="at most 500 characters"):
        library.create_prompt(session, actor=tom, name="A", content=content(), note="x" * 501)


def test_a_name_is_taken_whatever_its_capitals(session: Session, tom: Actor) -> None:
    make_prompt(session, tom, name="Woodcut")

    with pytest.raises(Conflict, match="There is a prompt 'WOODCUT' already"):
        make_prompt(session, tom, name="WOODCUT")


@pytest.mark.parametrize("role", ["viewer", "support", "approver", "operator"])
def test_only_tuners_and_admins_edit_prompts(session: Session, tom: Actor, role: str) -> None:
    other = make_actor(session, role)
    first = make_prompt(session, tom)

    with pytest.raises(NotAllowed, match="These roles may: tuner, admin"):
        edit(session, other, first, "Another hero")
    with pytest.raises(NotAllowed):
        make_prompt(session, other)
    with pytest.raises(NotAllowed):
        library.archive_version(session, actor=other, version_id=first.id)


def test_saving_is_in_the_audit_trail_with_the_note_as_its_reason(session: Session, tom: Actor) -> None:
    first = make_prompt(session, tom)
    second = library.save_version(
        session, actor=tom, prompt_id=first.prompt_id, parent_id=first.id, content=content("B"), note="feet"
    )

    line = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc()).limit(1)).one()

    assert (line.action, line.reason, line.staff_id) == ("prompt.save", "feet", tom.id)
    assert line.before == {"version_id": first.id}
    assert line.after is not None
    assert line.after["version_id"] == second.id


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE prompt_version SET resolved = 'B', template_hash = md5('B')",
        "UPDATE prompt_version SET number = 9",
        "UPDATE prompt_version SET parameters = '{}'",
        "UPDATE prompt_version SET note = 'other'",
        "TRUNCATE prompt_version CASCADE",
    ],
)
def test_the_database_itself_refuses_to_change_a_version(session: Session, tom: Actor, change: str) -> None:
    make_prompt(session, tom)

    with pytest.raises(DBAPIError), session.begin_nested():
        session.execute(text(change))


def test_an_unused_version_is_deleted_and_its_number_not_given_out_again(
    session: Session, tom: Actor
) -> None:
    first = make_prompt(session, tom)
    slip = edit(session, tom, first, "A heroo")

    library.delete_version(session, actor=tom, version_id=slip.id)

    with pytest.raises(NotFound):
        library.get_version(session, slip.id)
    assert edit(session, tom, first, "A heron").number == 3


def test_a_version_that_a_generation_used_is_archived_not_deleted(session: Session, tom: Actor) -> None:
    first = make_prompt(session, tom)
    second = edit(session, tom, first, "A tall hero")
    make_generation(session, prompt_version_id=second.id)

    with pytest.raises(Conflict, match=r"in use by a generation, .* Archive it"):
        library.delete_version(session, actor=tom, version_id=second.id)
    library.archive_version(session, actor=tom, version_id=second.id)

    assert version(session, second.id).archived
    assert second.id not in [each.id for each in usable_versions(session)]
    library.restore_version(session, actor=tom, version_id=second.id)
    assert version(session, second.id).usable


def test_a_version_that_others_were_made_of_cannot_be_deleted(session: Session, tom: Actor) -> None:
    first = make_prompt(session, tom)
    edit(session, tom, first, "A tall hero")

    with pytest.raises(Conflict, match="in use by a later version"):
        library.delete_version(session, actor=tom, version_id=first.id)


def test_the_only_version_of_a_prompt_cannot_be_deleted(session: Session, tom: Actor) -> None:
    with pytest.raises(Conflict, match="Archive the prompt instead"):
        library.delete_version(session, actor=tom, version_id=make_prompt(session, tom).id)


def test_an_archived_prompt_is_out_of_the_list_takes_no_version_and_comes_back(
    session: Session, tom: Actor
) -> None:
    first = make_prompt(session, tom)
    library.archive_prompt(session, actor=tom, prompt_id=first.prompt_id)

    assert prompts(session) == []
    assert [row.archived for row in prompts(session, archived=True)] == [True]
    assert not version(session, first.id).usable
    with pytest.raises(Conflict, match="Restore it before"):
        edit(session, tom, first, "B")
    library.restore_prompt(session, actor=tom, prompt_id=first.prompt_id)
    assert edit(session, tom, first, "B").number == 2


def test_a_parent_of_another_prompt_is_refused(session: Session, tom: Actor) -> None:
    one, other = make_prompt(session, tom), make_prompt(session, tom)

    with pytest.raises(InvalidInput, match="belongs to another prompt"):
        library.save_version(
            session, actor=tom, prompt_id=one.prompt_id, parent_id=other.id, content=content("B")
        )


@pytest.mark.parametrize("number", [0, -1, 4711, 2**63, 10**30])
def test_what_is_not_there_is_told(session: Session, tom: Actor, number: int) -> None:
    with pytest.raises(NotFound, match="There is no prompt version"):
        library.get_version(session, number)
    with pytest.raises(NotFound, match="There is no prompt version"):
        version(session, number)
    with pytest.raises(NotFound, match="There is no prompt"):
        library.archive_prompt(session, actor=tom, prompt_id=number)


def test_a_template_hash_is_told_by_the_versions_that_say_so(session: Session, tom: Actor) -> None:
    first = make_prompt(session, tom, "A hero", name="Woodcut")
    again = edit(session, tom, first, "A hero", quality="high")
    other = edit(session, tom, again, "A tall hero")

    titles = titles_of(session, [first.template_hash, other.template_hash, "unknown"])

    assert titles == {first.template_hash: "Woodcut v1, v2", other.template_hash: "Woodcut v3"}
    assert [each.number for each in versions(session, first.prompt_id)] == [3, 2, 1]


def test_eight_writers_at_once_get_eight_numbers(database: Database) -> None:
    with database.transaction() as session:
        tom = make_actor(session)
        first = make_prompt(session, tom)

    def save(writer: int) -> int:
        with database.transaction() as session:
            return edit(session, tom, first, f"Hero of writer {writer}").number

    with ThreadPoolExecutor(8) as writers:
        numbers = list(writers.map(save, range(8)))

    assert sorted(numbers) == list(range(2, 10))
    with database.transaction() as session:
        assert session.scalar(select(func.count()).select_from(PromptVersion)) == 9
        assert session.scalar(select(Prompt.last_number)) == 9


def test_a_renamed_prompt_keeps_its_versions_and_is_in_the_audit_trail(session: Session, tom: Actor) -> None:
    first = make_prompt(session, tom, name="Ink lines")
    library.rename_prompt(
        session, actor=tom, prompt_id=first.prompt_id, seen="Ink lines", name="  Ink   and paint "
    )
    assert version(session, first.id).title == "Ink and paint v1"
    told = session.scalars(select(AuditEvent).where(AuditEvent.action == "prompt.rename")).one()
    assert (told.staff_id, told.before, told.after) == (
        tom.id,
        {"name": "Ink lines"},
        {"name": "Ink and paint"},
    )


def test_a_stale_rename_a_taken_name_and_no_name_are_refused(session: Session, tom: Actor) -> None:
    first = make_prompt(session, tom, name="Ink lines")
    make_prompt(session, tom, name="Paint")
    given: dict[str, Any] = {"actor": tom, "prompt_id": first.prompt_id}
    library.rename_prompt(session, seen="Ink lines", name="Inked", **given)
    for seen, name, error, said in (
        ("Ink lines", "Other", Conflict, "renamed to Inked meanwhile"),
        ("Inked", "paint", Conflict, "There is a prompt 'paint' already"),
        ("Inked", " ", InvalidInput, "needs a name"),
    ):
        with pytest.raises(error, match=said):
            library.rename_prompt(session, seen=seen, name=name, **given)
    with pytest.raises(NotAllowed):
        library.rename_prompt(
            session,
            actor=make_actor(session, "support"),
            prompt_id=first.prompt_id,
            seen="Inked",
            name="Mine",
        )
    assert version(session, first.id).prompt == "Inked"
