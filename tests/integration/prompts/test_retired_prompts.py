"""A library with a model that has ended: what is told, and what one press saves; each day is given."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.catalog.lifetimes import fitted
from core.catalog.models import MODELS
from core.catalog.offer import Retirement
from core.foundation.database import Database
from core.foundation.errors import NotAllowed
from core.prompts.labels import PRODUCTION, labelled, move_label
from core.prompts.library import archive_prompt, archive_version, save_version
from core.prompts.retired import Retirements, retirements, save_with_successors
from core.prompts.snippets import save_snippet, snippets
from core.prompts.starter import STARTERS, seed_prompts
from core.tables.access import AuditEvent
from core.tables.prompts import PromptVersion
from tests.support.prompts import content, edit, make_actor, make_prompt, put_production

ENDED, SUCCESSOR, UNKNOWN = "openai/gpt-image-1", "openai/gpt-image-2", "openai/dall-e-9"
END = date(2026, 10, 23)


@pytest.fixture
def tom(session: Session) -> Actor:
    return make_actor(session)


def titles(found: Retirements) -> tuple[list[str], list[str], list[str]]:
    """What one press saves, what is left to people, and where labels point."""
    return (
        [each.title for each in found.savable],
        [each.title for each in found.by_hand],
        [f"{each.label}: {each.title}" for each in found.labelled],
    )


def newest(session: Session, prompt_id: int) -> PromptVersion:
    of_it = select(PromptVersion).where(PromptVersion.prompt_id == prompt_id)
    return session.scalars(of_it.order_by(PromptVersion.number.desc()).limit(1)).one()


def rename_model(session: Session, version: PromptVersion, model: str) -> None:
    """As a version that an older catalog allowed."""
    session.execute(text("SET LOCAL session_replication_role = replica"))
    given = {"id": version.id, "model": model}
    session.execute(text("UPDATE prompt_version SET model = :model WHERE id = :id"), given)
    session.execute(text("SET LOCAL session_replication_role = origin"))
    session.expire(version)


@pytest.mark.parametrize(
    ("day", "told"),
    [(END - timedelta(days=31), False), (END - timedelta(days=30), True), (END, True), (date.max, True)],
)
def test_it_is_told_from_a_month_before_the_end(session: Session, tom: Actor, day: date, told: bool) -> None:
    make_prompt(session, tom, name="Woodcut", model=ENDED)
    make_prompt(session, tom, name="Living", model=SUCCESSOR)
    assert titles(retirements(session, today=day)) == (["Woodcut v1"] if told else [], [], [])


def test_only_the_newest_version_that_is_not_put_away_counts(session: Session, tom: Actor) -> None:
    moved = make_prompt(session, tom, name="Moved", model=ENDED)
    edit(session, tom, moved, "A hero", model=SUCCESSOR)
    back = make_prompt(session, tom, name="Back", model=ENDED)
    archive_version(session, actor=tom, version_id=edit(session, tom, back, "A hero", model=SUCCESSOR).id)
    away = make_prompt(session, tom, name="Away", model=ENDED)
    archive_prompt(session, actor=tom, prompt_id=away.prompt_id)
    assert titles(retirements(session, today=END)) == (["Back v1"], [], [])


def test_one_press_saves_every_prompt_with_the_successor_and_keeps_its_words(
    session: Session, tom: Actor
) -> None:
    first = make_prompt(
        session, tom, "A hero", name="Woodcut", model=ENDED, quality="low", input_fidelity="high"
    )
    saved = save_with_successors(session, actor=tom, today=END)

    made = newest(session, first.prompt_id)
    assert (saved.titles, saved.refused) == (["Woodcut v2"], [])
    assert (made.model, made.parent_id, made.author_id) == (SUCCESSOR, first.id, tom.id)
    assert (made.template, made.resolved) == (first.template, first.resolved)
    assert made.parameters == fitted({"quality": "low"}, SUCCESSOR)
    assert made.note == f"{SUCCESSOR} follows {ENDED}"
    trail = session.scalars(select(AuditEvent).where(AuditEvent.subject == f"prompt:{first.prompt_id}"))
    assert [(each.action, each.reason) for each in trail][-1] == ("prompt.save", made.note)
    assert titles(retirements(session, today=END)) == ([], [], [])
    assert save_with_successors(session, actor=tom, today=END).titles == []


def test_the_words_of_the_versions_own_time_are_kept_though_a_snippet_has_changed(
    database: Database,
) -> None:
    with database.transaction() as session:
        seed_prompts(session, model=ENDED)
        tom = make_actor(session)
        framing = next(each for each in snippets(session) if each.name == "framing")
        save_snippet(
            session, actor=tom, snippet_id=framing.id, seen_number=framing.number, text="Framing: new."
        )
        before = {each.prompt_id: each.resolved for each in session.scalars(select(PromptVersion))}
        saved = save_with_successors(session, actor=tom, today=END)
        assert len(saved.titles) == len(STARTERS)
        assert all(newest(session, prompt_id).resolved == words for prompt_id, words in before.items())


def test_labels_stay_and_what_is_left_to_do_is_told(session: Session, tom: Actor) -> None:
    first = make_prompt(session, tom, name="Woodcut", model=ENDED)
    put_production(session, tom, first.id, seen=0)
    move_label(session, actor=tom, name="next", version_id=first.id, seen_moves=0, reason="try it")
    save_with_successors(session, actor=tom, today=END)
    left = retirements(session, today=END)
    assert titles(left) == ([], [], ["next: Woodcut v1", "production: Woodcut v1"])
    assert labelled(session).id == first.id

    put_production(session, tom, newest(session, first.prompt_id).id, seen=1)
    assert titles(retirements(session, today=END)) == ([], [], ["next: Woodcut v1"])
    assert labelled(session, PRODUCTION).model == SUCCESSOR


def test_a_model_that_is_not_in_the_catalog_or_has_no_successor_is_left_to_people(
    session: Session, tom: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    strange = make_prompt(session, tom, name="Strange")
    rename_model(session, strange, UNKNOWN)
    alone = make_prompt(session, tom, name="Alone", model="openai/gpt-image-1.5")
    without = dataclasses.replace(MODELS[alone.model], retirement=Retirement(END, None))
    monkeypatch.setitem(MODELS, alone.model, without)

    found = retirements(session, today=END)
    assert titles(found) == ([], ["Strange v1", "Alone v1"], [])
    assert found.reason(UNKNOWN) == f"{UNKNOWN} is not in the catalog."
    assert found.reason(alone.model) == f"OpenAI ended {alone.model} on {END}."
    assert save_with_successors(session, actor=tom, today=END).titles == []


def test_a_version_that_cannot_be_saved_again_is_named_and_does_not_stop_the_others(
    session: Session, tom: Actor
) -> None:
    broken = make_prompt(session, tom, name="Broken", model=ENDED)
    session.execute(text("SET LOCAL session_replication_role = replica"))
    broke = "UPDATE prompt_version SET resolved = :text, template_hash = md5(:text) WHERE id = :id"
    session.execute(text(broke), {"id": broken.id, "text": "{{ 1 +"})
    session.execute(text("SET LOCAL session_replication_role = origin"))
    session.expire(broken)
    make_prompt(session, tom, name="Whole", model=ENDED)

    saved = save_with_successors(session, actor=tom, today=END)

    assert saved.titles == ["Whole v2"]
    [why] = saved.refused
    assert why.startswith("Broken v1 cannot be saved again. ")
    assert titles(retirements(session, today=END))[0] == ["Broken v1"]


def test_only_who_edits_prompts_may(session: Session) -> None:
    with pytest.raises(NotAllowed, match="may not edit prompts"):
        save_with_successors(session, actor=make_actor(session, "support"), today=END)


def test_two_who_press_at_once_save_each_prompt_once(database: Database) -> None:
    with database.transaction() as session:
        seed_prompts(session, model=ENDED)
        pressing = [make_actor(session), make_actor(session, "admin")] * 2

    def press(actor: Actor) -> int:
        with database.transaction() as session:
            return len(save_with_successors(session, actor=actor, today=END).titles)

    with ThreadPoolExecutor(len(pressing)) as staff:
        assert sorted(staff.map(press, pressing)) == [0, 0, 0, len(STARTERS)]
    with database.transaction() as session:
        assert session.scalar(select(func.count()).select_from(PromptVersion)) == 2 * len(STARTERS)


def test_an_edit_that_somebody_saved_meanwhile_is_what_gets_the_successor(
    session: Session, tom: Actor
) -> None:
    first = make_prompt(session, tom, "A hero", name="Woodcut", model=ENDED)
    save_version(
        session,
        actor=tom,
        prompt_id=first.prompt_id,
        parent_id=first.id,
        content=content("A tall hero", model=ENDED),
    )
    assert save_with_successors(session, actor=tom, today=END).titles == ["Woodcut v3"]
    assert newest(session, first.prompt_id).template == "A tall hero"
