"""Snippets: a changed one makes a new version of each prompt that uses it, all or none, and labels stay."""

import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.foundation.database import Database
from core.foundation.errors import Conflict, InvalidInput, NotAllowed, NotFound
from core.prompts import library
from core.prompts.labels import labelled, move_label
from core.prompts.rendering import render
from core.prompts.snippet_history import snippet_history
from core.prompts.snippets import create_snippet, resolve, save_snippet, snippets, snippets_in
from tests.support.prompts import edit, make_actor, make_prompt


@pytest.fixture
def tom(session: Session) -> Actor:
    return make_actor(session)


@pytest.fixture
def framing(session: Session, tom: Actor) -> int:
    return create_snippet(session, actor=tom, name="framing", text="full body, {{ pose }}")


def test_a_snippet_is_put_in_and_its_variables_are_filled(session: Session, tom: Actor, framing: int) -> None:
    made = make_prompt(session, tom, "A hero, {{> framing }}.")

    assert made.template == "A hero, {{> framing }}."
    assert made.resolved == "A hero, full body, {{ pose }}."
    assert render(made.resolved, {"pose": "seated"}) == "A hero, full body, seated."


def test_a_changed_snippet_makes_a_version_of_each_prompt_that_uses_it_and_of_no_other(
    session: Session, tom: Actor, framing: int
) -> None:
    using = make_prompt(session, tom, "A hero, {{> framing }}.", quality="high")
    gone = make_prompt(session, tom, "A hero, {{>framing}}.")
    edit(session, tom, gone, "A hero.")
    archived = make_prompt(session, tom, "Old, {{> framing }}.")
    library.archive_prompt(session, actor=tom, prompt_id=archived.prompt_id)
    make_prompt(session, tom, "A plain hero.")

    made = save_snippet(
        session, actor=tom, snippet_id=framing, seen_number=1, text="feet included", note="feet were cropped"
    )

    assert [(each.prompt_id, each.number, each.parent_id) for each in made] == [
        (using.prompt_id, 2, using.id)
    ]
    assert made[0].resolved == "A hero, feet included."
    assert made[0].note == "Snippet framing v2: feet were cropped"
    assert (made[0].parameters, made[0].author_id) == (using.parameters, tom.id)
    assert using.resolved == "A hero, full body, {{ pose }}."


def test_labels_stay_on_their_versions_when_a_snippet_changes(
    session: Session, tom: Actor, framing: int
) -> None:
    first = make_prompt(session, tom, "A hero, {{> framing }}.")
    move_label(session, actor=tom, name="production", version_id=first.id, seen_moves=0, reason="first")

    save_snippet(session, actor=tom, snippet_id=framing, seen_number=1, text="feet included")

    assert labelled(session).id == first.id


def test_the_newest_version_that_is_not_archived_is_the_one_that_follows(
    session: Session, tom: Actor, framing: int
) -> None:
    first = make_prompt(session, tom, "A hero, {{> framing }}.")
    second = edit(session, tom, first, "A failed try")
    library.archive_version(session, actor=tom, version_id=second.id)

    made = save_snippet(session, actor=tom, snippet_id=framing, seen_number=1, text="feet included")

    assert [(each.number, each.resolved) for each in made] == [(3, "A hero, feet included.")]


def test_where_one_prompt_cannot_take_the_text_nothing_changes(
    session: Session, tom: Actor, framing: int
) -> None:
    make_prompt(session, tom, "A hero, {{> framing }}.")
    make_prompt(session, tom, "{{> framing }}" + "x" * 19_000, name="Long one")

    with pytest.raises(InvalidInput, match="Long one cannot take this text"), session.begin_nested():
        save_snippet(session, actor=tom, snippet_id=framing, seen_number=1, text="y" * 2_000)

    assert snippets(session)[0].number == 1


def test_a_stale_page_is_refused_and_the_same_text_changes_nothing(
    session: Session, tom: Actor, framing: int
) -> None:
    make_prompt(session, tom, "A hero, {{> framing }}.")
    assert (
        save_snippet(session, actor=tom, snippet_id=framing, seen_number=1, text="full body, {{ pose }} ")
        == []
    )
    save_snippet(session, actor=tom, snippet_id=framing, seen_number=1, text="B")

    with pytest.raises(Conflict, match="Version 2 of framing was saved meanwhile"):
        save_snippet(session, actor=tom, snippet_id=framing, seen_number=1, text="C")


@pytest.mark.parametrize(
    ("name", "words", "sentence"),
    [
        ("Framing", "x", "small letters"),
        ("hat", " ", "The snippet is empty"),
        ("hat", "see {{> framing }}", "cannot use another snippet"),
        ("hat", "{% for x in y %}", "cannot be read|uses 'for'"),
        ("hat", "x" * 20_001, "at most 20,000"),
        ("hat", "{{ 'a'|center(400000000) }}", "uses the filter 'center'"),
    ],
)
def test_a_wrong_snippet_is_told(session: Session, tom: Actor, name: str, words: str, sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        create_snippet(session, actor=tom, name=name, text=words)


def test_a_long_snippet_named_again_and_again_is_refused_before_it_is_put_in(
    session: Session, tom: Actor
) -> None:
    create_snippet(session, actor=tom, name="long", text="x" * 19_000)

    tracemalloc.start()
    with pytest.raises(InvalidInput, match=r"With its snippets the template has 42,750,000 characters"):
        resolve(session, "{{>long}}" * 2_250)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * 2**20


def test_who_may_not_edit_prompts_may_not_edit_snippets(session: Session, tom: Actor, framing: int) -> None:
    operator = make_actor(session, "operator")

    with pytest.raises(NotAllowed):
        create_snippet(session, actor=operator, name="hat", text="x")
    with pytest.raises(NotAllowed):
        save_snippet(session, actor=operator, snippet_id=framing, seen_number=1, text="x")
    with pytest.raises(NotFound):
        save_snippet(session, actor=tom, snippet_id=4711, seen_number=1, text="x")
    with pytest.raises(Conflict, match="a snippet 'framing' already"):
        create_snippet(session, actor=tom, name="framing", text="x")


def test_the_list_tells_the_newest_text_and_who_uses_it(session: Session, tom: Actor, framing: int) -> None:
    make_prompt(session, tom, "A hero, {{> framing }}.", name="Woodcut")
    save_snippet(session, actor=tom, snippet_id=framing, seen_number=1, text="B", note="why")

    shown = snippets(session)[0]

    assert (shown.name, shown.number, shown.text, shown.note) == ("framing", 2, "B", "why")
    assert (shown.author, shown.used_by) == ("Tom", ["Woodcut"])
    assert snippets_in("{{> b }} {{> a }} {{>b}}") == ["b", "a"]
    assert resolve(session, "{{> framing }}") == "B"


def test_the_database_itself_refuses_to_change_a_snippets_version(session: Session, framing: int) -> None:
    for change in ("UPDATE snippet_version SET text = 'B'", "DELETE FROM snippet_version"):
        with pytest.raises(DBAPIError), session.begin_nested():
            session.execute(text(change))


def test_prompts_that_are_saved_while_a_snippet_changes_all_end_with_its_new_text(database: Database) -> None:
    with database.transaction() as session:
        tom = make_actor(session)
        framing = create_snippet(session, actor=tom, name="framing", text="old")
        firsts = [make_prompt(session, tom, f"{number} {{{{> framing }}}}") for number in range(6)]

    def work(number: int) -> None:
        with database.transaction() as session:
            if number == 3:
                save_snippet(session, actor=tom, snippet_id=framing, seen_number=1, text="new")
            else:
                edit(session, tom, firsts[number % 6], f"{number} edited {{{{> framing }}}}")

    with ThreadPoolExecutor(8) as workers:
        list(workers.map(work, range(8)))

    with database.transaction() as session:
        for first in firsts:
            newest = library.versions_of(session, first.prompt_id)[0]
            assert "new" in newest.resolved, newest.resolved


def test_the_history_of_a_snippet_tells_text_author_and_which_versions_have_it(
    session: Session, tom: Actor, framing: int
) -> None:
    make_prompt(session, tom, "A hero. {{> framing }}", name="Ink")
    make_prompt(session, tom, "A hero with framing", name="Paint")
    before = snippet_history(session, framing)[0].text
    save_snippet(session, actor=tom, snippet_id=framing, seen_number=1, text="Head to toe.", note="Shorter")
    newest, oldest = snippet_history(session, framing)
    assert (newest.number, newest.text, newest.before, newest.note) == (2, "Head to toe.", before, "Shorter")
    assert (newest.author, list(newest.used_by)) == ("Tom", ["Ink v2"])
    assert (oldest.before, list(oldest.used_by)) == ("", ["Ink v1"])
    assert snippet_history(session, framing + 1000) == []
