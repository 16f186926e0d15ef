"""The prompt library: prompts are created, versions are saved and never changed, what is past is archived."""

from collections.abc import Sequence
from typing import Any

import psycopg
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.access.staff import record
from core.foundation.database import LARGEST_ID
from core.foundation.errors import Conflict, InvalidInput, NotFound
from core.prompts.snippets import resolve
from core.prompts.versions import LONGEST_NAME, Content, add_version
from core.tables.prompts import Prompt, PromptLabel, PromptVersion

# What may hold on to a version, by the table that refers to it.
HOLDERS = {
    "generation": "a generation",
    "prompt_label": "a label",
    "prompt_label_move": "the history of a label",
    "prompt_version": "a later version",
    "experiment_variant": "an experiment",
    "promotion": "the history of promotions",
}


def create_prompt(
    session: Session, *, actor: Actor, name: str, content: Content, description: str = "", note: str = ""
) -> PromptVersion:
    """Start a prompt; its first version. Raises NotAllowed, InvalidInput, Conflict for a taken name."""
    require(actor, Permission.EDIT_PROMPTS)
    version = add_prompt(session, actor=actor, name=name, description=description, content=content, note=note)
    if version is None:
        raise Conflict(f"There is a prompt '{name.strip()}' already. Choose another name.")
    return version


def add_prompt(
    session: Session, *, actor: Actor | None, name: str, description: str, content: Content, note: str
) -> PromptVersion | None:
    """Write a prompt with its first version, whoever asks; None where the name is taken."""
    title = _title(name)
    made = insert(Prompt).values(
        name=title, description=description.strip(), created_by=None if actor is None else actor.id
    )
    prompt_id = session.scalars(made.on_conflict_do_nothing().returning(Prompt.id)).one_or_none()
    if prompt_id is None:
        return None
    checked = content.checked()
    return add_version(
        session,
        actor=actor,
        prompt_id=prompt_id,
        content=checked,
        resolved=resolve(session, checked.template, lock=True),
        note=note,
        parent_id=None,
    )


def save_version(
    session: Session, *, actor: Actor, prompt_id: int, parent_id: int | None, content: Content, note: str = ""
) -> PromptVersion:
    """Save an edit of `parent_id` as the next version; what says the same as its parent is that parent.

    Raises NotAllowed, NotFound, InvalidInput, and Conflict for an archived prompt.
    """
    require(actor, Permission.EDIT_PROMPTS)
    checked = content.checked()
    resolved = resolve(session, checked.template, lock=True)
    prompt = _prompt(session, prompt_id)
    if prompt.archived_at is not None:
        raise Conflict(f"{prompt.name} is archived. Restore it before you save a version.")
    parent = None if parent_id is None else get_version(session, parent_id)
    if parent is not None and parent.prompt_id != prompt_id:
        raise InvalidInput("The version that was edited belongs to another prompt.")
    if parent is not None and (parent.template, parent.resolved, parent.model, parent.parameters) == (
        checked.template,
        resolved,
        checked.model,
        checked.parameters,
    ):
        return parent
    return add_version(
        session,
        actor=actor,
        prompt_id=prompt_id,
        content=checked,
        resolved=resolved,
        note=note,
        parent_id=parent_id,
    )


def rename_prompt(session: Session, *, actor: Actor, prompt_id: int, seen: str, name: str) -> None:
    """Give a prompt another name; its versions, labels and images stay as they are.

    `seen` is the name that was on the page. Raises NotAllowed, NotFound, InvalidInput, and Conflict for a
    taken name or where somebody renamed it meanwhile.
    """
    require(actor, Permission.EDIT_PROMPTS)
    title = _title(name)
    prompt = _prompt(session, prompt_id)
    if prompt.name != seen:
        raise Conflict(f"It was renamed to {prompt.name} meanwhile. Look at it before you rename it again.")
    if title == seen:
        return
    try:
        with session.begin_nested():
            session.execute(update(Prompt).where(Prompt.id == prompt_id).values(name=title))
    except IntegrityError as exc:
        raise Conflict(f"There is a prompt '{title}' already. Choose another name.") from exc
    record(
        session,
        actor=actor,
        action="prompt.rename",
        subject=f"prompt:{prompt_id}",
        before={"name": seen},
        after={"name": title},
    )
    session.flush()


def get_version(session: Session, version_id: int) -> PromptVersion:
    """One version. Raises NotFound."""
    known = 0 < version_id <= LARGEST_ID
    found = session.get(PromptVersion, version_id, populate_existing=True) if known else None
    if found is None:
        raise NotFound(f"There is no prompt version {version_id}.")
    return found


def versions_of(session: Session, prompt_id: int) -> Sequence[PromptVersion]:
    """Every version of a prompt, the newest first."""
    of_it = PromptVersion.prompt_id == prompt_id
    return session.scalars(select(PromptVersion).where(of_it).order_by(PromptVersion.number.desc())).all()


def archive_version(session: Session, *, actor: Actor, version_id: int) -> None:
    """Take a version out of every choice. Raises NotAllowed, NotFound, Conflict where it is labelled."""
    require(actor, Permission.EDIT_PROMPTS)
    version = _locked_version(session, version_id)
    if version.archived_at is None:
        _refuse_labelled(session, PromptVersion.id == version_id)
        _set_archived(session, actor, version, func.clock_timestamp())


def restore_version(session: Session, *, actor: Actor, version_id: int) -> None:
    """Offer an archived version again."""
    require(actor, Permission.EDIT_PROMPTS)
    version = _locked_version(session, version_id)
    if version.archived_at is not None:
        _set_archived(session, actor, version, None)


def delete_version(session: Session, *, actor: Actor, version_id: int) -> None:
    """Delete what was saved by mistake. Raises Conflict where anything refers to it: it can be archived."""
    require(actor, Permission.EDIT_PROMPTS)
    version = _locked_version(session, version_id)
    of_it = PromptVersion.prompt_id == version.prompt_id
    if session.scalar(select(func.count()).select_from(PromptVersion).where(of_it)) == 1:
        raise Conflict("It is the prompt's only version. Archive the prompt instead.")
    try:
        with session.begin_nested():
            session.execute(delete(PromptVersion).where(PromptVersion.id == version_id))
    except IntegrityError as exc:
        raise Conflict(f"It is in use by {_holder(exc)}, so it cannot be deleted. Archive it.") from exc
    session.expunge(version)
    record(
        session,
        actor=actor,
        action="prompt.delete_version",
        subject=f"prompt:{version.prompt_id}",
        before={"version_id": version_id, "number": version.number, "resolved": version.resolved},
    )
    session.flush()


def archive_prompt(session: Session, *, actor: Actor, prompt_id: int) -> None:
    """Put a prompt away with all its versions. Raises Conflict where a label points at one of them."""
    require(actor, Permission.EDIT_PROMPTS)
    prompt = _prompt(session, prompt_id)
    if prompt.archived_at is None:
        _refuse_labelled(session, PromptVersion.prompt_id == prompt_id)
        prompt.archived_at = func.clock_timestamp()
        record(session, actor=actor, action="prompt.archive", subject=f"prompt:{prompt_id}")
        session.flush()


def restore_prompt(session: Session, *, actor: Actor, prompt_id: int) -> None:
    """Bring an archived prompt back."""
    require(actor, Permission.EDIT_PROMPTS)
    prompt = _prompt(session, prompt_id)
    if prompt.archived_at is not None:
        prompt.archived_at = None
        record(session, actor=actor, action="prompt.restore", subject=f"prompt:{prompt_id}")
        session.flush()


def _title(name: str) -> str:
    title = " ".join(name.split())
    if not 0 < len(title) <= LONGEST_NAME:
        raise InvalidInput(f"A prompt needs a name of at most {LONGEST_NAME} characters.")
    return title


def _prompt(session: Session, prompt_id: int) -> Prompt:
    known = 0 < prompt_id <= LARGEST_ID
    found = session.get(Prompt, prompt_id, with_for_update=True, populate_existing=True) if known else None
    if found is None:
        raise NotFound(f"There is no prompt {prompt_id}.")
    return found


def _locked_version(session: Session, version_id: int) -> PromptVersion:
    get_version(session, version_id)
    return session.get_one(PromptVersion, version_id, with_for_update=True, populate_existing=True)


def _set_archived(session: Session, actor: Actor, version: PromptVersion, at: Any) -> None:
    session.execute(update(PromptVersion).where(PromptVersion.id == version.id).values(archived_at=at))
    record(
        session,
        actor=actor,
        action="prompt.restore_version" if at is None else "prompt.archive_version",
        subject=f"prompt:{version.prompt_id}",
        after={"version_id": version.id, "number": version.number},
    )
    session.flush()
    session.refresh(version)


def _refuse_labelled(session: Session, of_it: Any) -> None:
    query = select(PromptLabel.name).join(PromptVersion, PromptVersion.id == PromptLabel.version_id)
    if names := session.scalars(query.where(of_it).order_by(PromptLabel.name)).all():
        raise Conflict(f"The label {', '.join(names)} points at it. Move the label first.")


def _holder(exc: IntegrityError) -> str:
    table = exc.orig.diag.table_name if isinstance(exc.orig, psycopg.Error) else None
    return HOLDERS.get(table or "", (table or "something").replace("_", " "))
