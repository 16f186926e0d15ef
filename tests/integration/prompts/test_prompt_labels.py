"""Labels: one pointer, moved with a reason, never from a stale page, and back to the very same bytes."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.foundation.database import Database
from core.foundation.errors import Conflict, InvalidInput, NotAllowed, NotFound
from core.prompts import library
from core.prompts.labels import (
    PRODUCTION,
    history,
    labelled,
    labels,
    move_label,
    remove_label,
    roll_back,
)
from core.tables.access import AuditEvent
from core.tables.prompts import PromptLabelMove
from tests.support.prompts import edit, make_actor, make_prompt, put_production


@pytest.fixture
def tom(session: Session) -> Actor:
    return make_actor(session)


def move(session: Session, actor: Actor, version_id: int, *, seen: int, name: str = "production") -> int:
    """Move a label as a page does that saw it after `seen` moves; its moves since."""
    if name == PRODUCTION:
        return put_production(session, actor, version_id, seen=seen, why="won the votes")
    return move_label(
        session, actor=actor, name=name, version_id=version_id, seen_moves=seen, reason="won the votes"
    ).moves


def test_a_move_counts_at_once_and_is_kept_with_who_why_from_and_to(session: Session, tom: Actor) -> None:
    first = make_prompt(session, tom, name="Woodcut")
    second = edit(session, tom, first, "A tall hero")
    move(session, tom, first.id, seen=0)

    assert move(session, tom, second.id, seen=1) == 2

    assert labelled(session).id == second.id
    latest = history(session, "production")[0]
    assert (latest.actor, latest.reason) == ("Tom", "won the votes")
    assert (latest.before, latest.after) == ("Woodcut v1", "Woodcut v2")
    moved = select(AuditEvent).where(AuditEvent.action == "prompt_label.move")
    trail = session.scalars(moved.order_by(AuditEvent.id.desc()).limit(1)).one()
    assert trail.subject == "prompt_label:production"
    assert (trail.before, trail.after) == ({"version_id": first.id}, {"version_id": second.id})
    assert trail.reason == "won the votes"


def test_a_stale_page_is_refused_and_told_who_moved_it_where(session: Session, tom: Actor) -> None:
    first = make_prompt(session, tom, name="Woodcut")
    second = edit(session, tom, first, "A tall hero")
    move(session, tom, first.id, seen=0)
    move(session, tom, second.id, seen=1)

    with pytest.raises(Conflict, match=r"Tom has moved production to Woodcut v2 meanwhile \(won the votes\)"):
        move(session, tom, first.id, seen=1)
    with pytest.raises(Conflict, match="meanwhile"):
        roll_back(session, actor=tom, name="production", seen_moves=1)
    assert labelled(session).id == second.id


def test_a_roll_back_restores_the_same_bytes_and_can_itself_be_taken_back(
    session: Session, tom: Actor
) -> None:
    first = make_prompt(session, tom, "A hero\n  with {{ outfit }} \u00fc")
    second = edit(session, tom, first, "A tall hero")
    before = first.resolved.encode()
    move(session, tom, first.id, seen=0)
    move(session, tom, second.id, seen=1)

    roll_back(session, actor=tom, name="production", seen_moves=2)

    assert labelled(session).resolved.encode() == before
    assert history(session, "production")[0].reason == "rolled back"
    roll_back(session, actor=tom, name="production", seen_moves=3)
    assert labelled(session).id == second.id


def test_a_label_that_was_never_moved_has_nothing_to_roll_back_to(session: Session, tom: Actor) -> None:
    move(session, tom, make_prompt(session, tom).id, seen=0)

    with pytest.raises(Conflict, match="nothing to roll back to"):
        roll_back(session, actor=tom, name="production", seen_moves=1)


def test_an_archived_version_gets_no_label_and_a_labelled_one_is_not_archived(
    session: Session, tom: Actor
) -> None:
    first = make_prompt(session, tom, name="Woodcut")
    second = edit(session, tom, first, "A tall hero")
    library.archive_version(session, actor=tom, version_id=second.id)

    with pytest.raises(Conflict, match="Woodcut v2 is archived"):
        move(session, tom, second.id, seen=0)
    move(session, tom, first.id, seen=0)
    with pytest.raises(Conflict, match="The label production points at it"):
        library.archive_version(session, actor=tom, version_id=first.id)
    with pytest.raises(Conflict, match="The label production points at it"):
        library.archive_prompt(session, actor=tom, prompt_id=first.prompt_id)
    third = edit(session, tom, first, "A third hero")
    move(session, tom, third.id, seen=1)
    with pytest.raises(Conflict, match="in use by a label"):
        library.delete_version(session, actor=tom, version_id=third.id)


def test_a_version_of_an_archived_prompt_gets_no_label(session: Session, tom: Actor) -> None:
    first = make_prompt(session, tom, name="Woodcut")
    library.archive_prompt(session, actor=tom, prompt_id=first.prompt_id)

    with pytest.raises(Conflict, match="Woodcut is archived"):
        move(session, tom, first.id, seen=0)


def test_an_own_label_can_be_removed_and_comes_back_with_its_count_going_on(
    session: Session, tom: Actor
) -> None:
    first = make_prompt(session, tom)
    move(session, tom, first.id, seen=0, name="candidate")

    remove_label(session, actor=tom, name="candidate", seen_moves=1, reason="lost")

    with pytest.raises(NotFound, match="No version bears the label candidate"):
        labelled(session, "candidate")
    with pytest.raises(Conflict, match="Tom has moved candidate away meanwhile"):
        move(session, tom, first.id, seen=1, name="candidate")
    assert move(session, tom, first.id, seen=0, name="candidate") == 3
    assert [each.reason for each in history(session, "candidate")] == [
        "won the votes",
        "lost",
        "won the votes",
    ]


def test_production_is_never_removed(session: Session, tom: Actor) -> None:
    move(session, tom, make_prompt(session, tom).id, seen=0)

    with pytest.raises(InvalidInput, match="can be moved, not removed"):
        remove_label(session, actor=tom, name="production", seen_moves=1, reason="x")


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"reason": "  "}, InvalidInput, "Say why"),
        ({"reason": "x" * 501}, InvalidInput, "at most 500"),
        ({"name": "Best One"}, InvalidInput, "small letters"),
        ({"version_id": 4711}, NotFound, "no prompt version 4711"),
    ],
)
def test_a_wrong_move_is_told(
    session: Session, tom: Actor, changes: dict[str, object], error: type[Exception], sentence: str
) -> None:
    given: dict[str, object] = {
        "name": "production",
        "version_id": make_prompt(session, tom).id,
        "seen_moves": 0,
        "reason": "first",
        **changes,
    }
    with pytest.raises(error, match=sentence):
        move_label(session, actor=tom, **given)  # type: ignore[arg-type]


def test_moving_to_where_it_points_already_is_no_move(session: Session, tom: Actor) -> None:
    first = make_prompt(session, tom)
    move(session, tom, first.id, seen=0)

    with pytest.raises(Conflict, match="points at this version already"):
        move(session, tom, first.id, seen=1)
    assert len(history(session, "production")) == 1


def test_an_operator_moves_production_and_no_other_label(session: Session, tom: Actor) -> None:
    operator, support = make_actor(session, "operator"), make_actor(session, "support")
    first = make_prompt(session, tom)
    second = edit(session, tom, first, "B")

    assert move(session, operator, first.id, seen=0) == 1
    with pytest.raises(NotAllowed, match="may not move or remove labels"):
        move(session, operator, first.id, seen=0, name="candidate")
    with pytest.raises(NotAllowed, match="These roles may: tuner, operator, admin"):
        move(session, support, second.id, seen=1)


def test_labels_are_listed_with_where_they_lead_back_to(session: Session, tom: Actor) -> None:
    first = make_prompt(session, tom, name="Woodcut")
    second = edit(session, tom, first, "B")
    move(session, tom, first.id, seen=0, name="candidate")
    move(session, tom, first.id, seen=0)
    move(session, tom, second.id, seen=1)

    found = labels(session)

    assert [(each.name, each.title, each.former_title) for each in found] == [
        ("production", "Woodcut v2", "Woodcut v1"),
        ("candidate", "Woodcut v1", None),
    ]


def test_the_database_itself_keeps_the_history(session: Session, tom: Actor) -> None:
    move(session, tom, make_prompt(session, tom).id, seen=0)

    for change in ("UPDATE prompt_label_move SET reason = 'other'", "DELETE FROM prompt_label_move"):
        with pytest.raises(DBAPIError), session.begin_nested():
            session.execute(text(change))


def test_of_eight_who_move_a_label_at_once_one_wins(database: Database) -> None:
    with database.transaction() as session:
        tom = make_actor(session)
        first = make_prompt(session, tom)
        others = [edit(session, tom, first, f"Hero {number}").id for number in range(8)]
        move(session, tom, first.id, seen=0)

    def try_it(version_id: int) -> bool:
        try:
            with database.transaction() as session:
                move(session, tom, version_id, seen=1)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as movers:
        won = list(movers.map(try_it, others))

    assert won.count(True) == 1
    with database.transaction() as session:
        assert labelled(session).id == others[won.index(True)]
        assert len(session.scalars(select(PromptLabelMove.id)).all()) == 2


def test_of_eight_who_make_the_same_label_at_once_one_wins(database: Database) -> None:
    with database.transaction() as session:
        tom = make_actor(session)
        first = make_prompt(session, tom)

    def try_it(_: int) -> bool:
        try:
            with database.transaction() as session:
                move(session, tom, first.id, seen=0, name="candidate")
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as movers:
        assert list(movers.map(try_it, range(8))).count(True) == 1
