"""Prompts whose model has ended or ends soon, and saving them with the model that follows it."""

import dataclasses
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.catalog.lifetimes import end_of, end_sentence, fitted, has_ended, successor_of
from core.foundation.errors import InvalidInput
from core.prompts.snippets import newest_versions
from core.prompts.versions import Content, add_version
from core.tables.prompts import Prompt, PromptLabel, PromptVersion

NEAR = timedelta(days=30)


@dataclasses.dataclass(frozen=True)
class Retired:
    """A version whose model has ended or ends soon; `successor` is the model to save it with, None: by hand.

    `label` is the label that points at it, None for the newest version of a prompt.
    """

    prompt_id: int
    version_id: int
    title: str
    model: str
    successor: str | None
    label: str | None = None


@dataclasses.dataclass(frozen=True)
class Retirements:
    """What names such a model on this `day`: newest versions of prompts, and where labels point."""

    day: date
    newest: Sequence[Retired] = ()
    labelled: Sequence[Retired] = ()

    @property
    def savable(self) -> list[Retired]:
        return [each for each in self.newest if each.successor is not None]

    @property
    def by_hand(self) -> list[Retired]:
        return [each for each in self.newest if each.successor is None]

    def reason(self, model: str) -> str:
        """Why a version with this model is named here."""
        return end_sentence(model, self.day) or f"{model} is not in the catalog."


@dataclasses.dataclass(frozen=True)
class Saved:
    """The new versions by title, and what could not be saved, each with its reason."""

    titles: Sequence[str]
    refused: Sequence[str]


def retirements(session: Session, *, today: date) -> Retirements:
    """What names a model that has ended or ends within 30 days; what is archived does not count."""
    named = select(PromptVersion.id, PromptVersion.prompt_id, Prompt.name, PromptVersion.number)
    named = named.add_columns(PromptVersion.model).join(Prompt, Prompt.id == PromptVersion.prompt_id)
    newest = session.execute(
        named.where(Prompt.archived_at.is_(None), PromptVersion.archived_at.is_(None))
        .ext(distinct_on(PromptVersion.prompt_id))
        .order_by(PromptVersion.prompt_id, PromptVersion.number.desc())
    )
    labelled = session.execute(
        named.add_columns(PromptLabel.name.label("label"))
        .join(PromptLabel, PromptLabel.version_id == PromptVersion.id)
        .order_by(PromptLabel.name)
    )
    return Retirements(
        today,
        [_retired(row, today) for row in newest if _retires(row.model, today)],
        [_retired(row, today, row.label) for row in labelled if _retires(row.model, today)],
    )


def save_with_successors(session: Session, *, actor: Actor, today: date) -> Saved:
    """Save the newest version of each such prompt again with the model that follows; no label is moved.

    The words stay as they are; parameters that the new model does not take are left out. Who asks at the same
    moment waits, and finds nothing left. Raises NotAllowed.
    """
    require(actor, Permission.EDIT_PROMPTS)
    saved, refused = [], []
    for version in newest_versions(session, lock=True):
        successor = successor_of(version.model, today)
        if successor is None or not _retires(version.model, today):
            continue
        prompt = session.get_one(Prompt, version.prompt_id)
        try:
            made = _save(session, actor, version, successor)
        except InvalidInput as exc:
            refused.append(f"{prompt.name} v{version.number} cannot be saved again. {exc}")
        else:
            saved.append(f"{prompt.name} v{made.number}")
    return Saved(saved, refused)


def _save(session: Session, actor: Actor, version: PromptVersion, successor: str) -> PromptVersion:
    parameters = {name: str(value) for name, value in version.parameters.items()}
    content = Content(version.template, successor, fitted(parameters, successor))
    return add_version(
        session,
        actor=actor,
        prompt_id=version.prompt_id,
        content=content,
        resolved=version.resolved,
        note=f"{successor} follows {version.model}",
        parent_id=version.id,
    )


def _retires(model: str, today: date) -> bool:
    end = end_of(model)
    return has_ended(model, today) or (end is not None and end - today <= NEAR)


def _retired(row: Row[*tuple[Any, ...]], today: date, label: str | None = None) -> Retired:
    return Retired(
        prompt_id=row.prompt_id,
        version_id=row.id,
        title=f"{row.name} v{row.number}",
        model=row.model,
        successor=successor_of(row.model, today),
        label=label,
    )
