"""Generations of a version: what is sent is what it says, and what it says is what is counted for it."""

from typing import Any

import pytest

from core.desks.generations.detail import generation_detail
from core.foundation.errors import InvalidInput, NotFound
from core.generation.request import retry_generation
from core.prompts.labels import PRODUCTION, labelled, labels, roll_back
from core.prompts.library import save_version
from core.prompts.rendering import render
from core.prompts.versions import Content, add_version
from core.prompts.views import version
from core.tables.generation import Generation
from tests.support.desk import TestDesk, wait_for, working
from tests.support.prompts import put_production

# Quotes, tabs and what is no ASCII must arrive as they are.
ODD = 'A "hero" \\ with {{ outfit }},\n\tjust 80 % tall, caf\u00e9 \u2014 \U0001f58b \u00a0end'


def sent(desk: TestDesk) -> list[str]:
    """The prompts that the provider has received, in order."""
    stored = desk.sandbox.state.predictions.values()
    return [each.prompt for each in sorted(stored, key=lambda each: each.position)]


def production(desk: TestDesk) -> dict[str, Any]:
    """A wish's fields for the version in production."""
    with desk.database.transaction() as session:
        version = labelled(session)
    return {
        "template": version.resolved,
        "values": {},
        "model": version.model,
        "parameters": version.parameters,
        "prompt_version_id": version.id,
    }


def ask(desk: TestDesk) -> Generation:
    given = production(desk)
    return desk.generation(desk.ask(given.pop("template"), **given))


def save_edit(desk: TestDesk, template: str) -> int:
    with desk.database.transaction() as session:
        former = labelled(session)
        return save_version(
            session,
            actor=desk.admin,
            prompt_id=former.prompt_id,
            parent_id=former.id,
            content=Content(template, former.model, former.parameters),
        ).id


def promote(desk: TestDesk, version_id: int) -> None:
    with desk.database.transaction() as session:
        put_production(session, desk.admin, version_id, seen=labels(session)[0].moves)


def test_a_promoted_text_is_posted_next_and_rolled_back_to_the_same_bytes(
    desk: TestDesk,
) -> None:
    with working(desk):
        ask(desk)
        wait_for(desk.all_ended)
        newer = save_edit(desk, ODD)
        promote(desk, newer)
        ask(desk)
        wait_for(lambda: len(sent(desk)) == 2)
        with desk.database.transaction() as session:
            roll_back(session, actor=desk.admin, name=PRODUCTION, seen_moves=labels(session)[0].moves)
        ask(desk)
        wait_for(desk.all_ended)

    before, promoted, after = sent(desk)
    assert promoted == render(ODD, {})
    assert promoted.encode() != before.encode()
    assert after.encode() == before.encode()


def test_the_preview_is_what_the_provider_receives_byte_for_byte(desk: TestDesk) -> None:
    values = {"outfit": "a \u201cred\u201d {{ cape }} & <boots>"}
    promote(desk, save_edit(desk, ODD))
    given = production(desk) | {"values": values}
    preview = render(given["template"], values)

    with working(desk):
        made = desk.ask(given.pop("template"), **given)
        wait_for(desk.all_ended)

    assert [text.encode() for text in sent(desk)] == [preview.encode()]
    assert desk.generation(made).prompt == preview


def test_a_generation_names_its_version_and_its_retry_does_too(desk: TestDesk) -> None:
    first = ask(desk)
    with desk.database.transaction() as session:
        assert first.prompt_version_id == labelled(session).id
        held = session.get_one(Generation, first.id)
        held.state, held.finished_at = "failed", held.created_at
        held.failure_class, held.failure_message = "timeout", "It took too long."
    with desk.database.transaction() as session:
        again = retry_generation(
            session, desk.services.settings, actor=desk.admin, generation_id=first.id, request_key="again"
        )
    assert (again.prompt_version_id, again.prompt) == (first.prompt_version_id, first.prompt)
    with desk.database.transaction() as session:
        assert generation_detail(session, first.id).prompt_version == "Ink and halftone v1"


@pytest.mark.parametrize(
    "change",
    [
        {"template": "Another text"},
        {"model": "openai/gpt-image-1.5"},
        {"parameters": {"quality": "high"}},
    ],
)
def test_what_the_version_does_not_say_is_not_counted_for_it(desk: TestDesk, change: dict[str, Any]) -> None:
    given = production(desk) | change

    with pytest.raises(InvalidInput, match="Send it as a draft"):
        desk.ask(given.pop("template"), **given)
    given["prompt_version_id"] = 4711
    with pytest.raises(NotFound, match="no prompt version 4711"):
        desk.ask("A hero", **given)


def test_a_retry_by_another_model_is_not_counted_for_the_version(desk: TestDesk) -> None:
    first = ask(desk)
    with desk.database.transaction() as session:
        held = session.get_one(Generation, first.id)
        held.state, held.finished_at = "failed", held.created_at
        held.failure_class, held.failure_message = "model_unavailable", "The model is gone."
    settings = desk.services.settings.model_copy(update={"model": "openai/gpt-image-1.5"})

    with desk.database.transaction() as session:
        again = retry_generation(
            session, settings, actor=desk.admin, generation_id=first.id, request_key="again"
        )

    assert (again.model, again.prompt_version_id) == ("openai/gpt-image-1.5", None)


def test_a_version_from_before_an_input_was_known_is_sent_with_the_inputs_preset(desk: TestDesk) -> None:
    with desk.database.transaction() as session:
        former = labelled(session)
        old = add_version(
            session,
            actor=None,
            prompt_id=former.prompt_id,
            content=Content("An old hero", former.model, {"quality": "low"}),
            resolved="An old hero",
            note="",
            parent_id=None,
        )
        today = version(session, old.id).content.parameters

    made = desk.ask("An old hero", model=old.model, parameters=today, prompt_version_id=old.id)

    assert desk.generation(made).parameters == former.parameters | {"quality": "low"}
