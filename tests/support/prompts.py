"""A library for tests: who may edit it, and prompts with short texts."""

import uuid

from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.promotion.gate import promote
from core.prompts.labels import PRODUCTION, move_label
from core.prompts.library import create_prompt, save_version
from core.prompts.versions import Content
from core.tables.prompts import PromptVersion
from tests.support.factories import make_staff

MODEL = "openai/gpt-image-1"


def make_actor(session: Session, *roles: str) -> Actor:
    """A staff member with these roles; a tuner unless told otherwise."""
    staff = make_staff(session, name="Tom", roles=roles or ("tuner",))
    return Actor(staff.id, staff.name, staff.email, tuple(staff.roles))


def content(template: str = "A comic hero", *, model: str = MODEL, **parameters: str) -> Content:
    return Content(template, model, parameters)


def make_prompt(
    session: Session, actor: Actor, template: str = "A comic hero", **given: str
) -> PromptVersion:
    """The first version of a new prompt."""
    name = given.pop("name", f"Prompt {uuid.uuid4().hex[:8]}")
    return create_prompt(session, actor=actor, name=name, content=content(template, **given))


def put_production(session: Session, actor: Actor, version_id: int, *, seen: int, why: str = "won") -> int:
    """Move `production` past the gate, as a page does that saw it after `seen` moves; its moves since."""
    if seen == 0:
        return move_label(
            session, actor=actor, name=PRODUCTION, version_id=version_id, seen_moves=0, reason=why
        ).moves
    return promote(
        session, actor=actor, version_id=version_id, seen_moves=seen, reason=why, override=True
    ).moves


def edit(session: Session, actor: Actor, parent: PromptVersion, template: str, **given: str) -> PromptVersion:
    """The version that an edit of `parent` makes."""
    return save_version(
        session,
        actor=actor,
        prompt_id=parent.prompt_id,
        parent_id=parent.id,
        content=content(template, **given),
    )
