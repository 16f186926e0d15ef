"""What the pages show of the library: prompts, versions with author and parent, and who bears which label."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, aliased

from core.catalog.models import MODELS
from core.foundation.database import LARGEST_ID
from core.foundation.errors import NotFound
from core.prompts.versions import Content
from core.tables.access import Staff
from core.tables.prompts import Prompt, PromptLabel, PromptVersion

OURS = "Inkdesk"


@dataclasses.dataclass(frozen=True)
class PromptRow:
    """A prompt in the list; `newest_id` is its newest version that is not archived, else its newest."""

    id: int
    name: str
    description: str
    archived: bool
    versions: int
    newest_id: int
    newest_number: int
    saved_at: datetime
    labels: Sequence[str]


@dataclasses.dataclass(frozen=True)
class Version:
    """One version with all that is known about it. `title` is how other pages name it: `Manga v3`."""

    id: int
    prompt_id: int
    prompt: str
    number: int
    template: str
    resolved: str
    template_hash: str
    model: str
    parameters: Mapping[str, str]
    note: str
    author: str
    parent: str | None
    created_at: datetime
    archived: bool
    prompt_archived: bool
    labels: Sequence[str]

    @property
    def title(self) -> str:
        return f"{self.prompt} v{self.number}"

    @property
    def usable(self) -> bool:
        return not (self.archived or self.prompt_archived)

    @property
    def content(self) -> Content:
        """What it says, with a value for every input that its model takes today."""
        model = MODELS.get(self.model)
        today = {each.name: each.preset for each in model.parameters} if model else {}
        held = {name: value for name, value in self.parameters.items() if not model or name in today}
        return Content(self.template, self.model, today | held)


def prompts(session: Session, *, archived: bool = False) -> list[PromptRow]:
    """Every prompt by name, those that bear a label first; with `archived` also those put away."""
    labels = _labels(session)
    versions = session.execute(
        select(
            PromptVersion.id,
            PromptVersion.prompt_id,
            PromptVersion.number,
            PromptVersion.created_at,
            func.count().over(partition_by=PromptVersion.prompt_id).label("versions"),
        ).order_by(PromptVersion.prompt_id, PromptVersion.archived_at.is_(None), PromptVersion.number)
    ).all()
    newest = {row.prompt_id: row for row in versions}
    borne: dict[int, list[str]] = {}
    for row in versions:
        borne.setdefault(row.prompt_id, []).extend(labels.get(row.id, ()))
    wanted = [] if archived else [Prompt.archived_at.is_(None)]
    rows = [
        PromptRow(
            id=each.id,
            name=each.name,
            description=each.description,
            archived=each.archived_at is not None,
            versions=newest[each.id].versions,
            newest_id=newest[each.id].id,
            newest_number=newest[each.id].number,
            saved_at=newest[each.id].created_at,
            labels=borne[each.id],
        )
        for each in session.scalars(select(Prompt).where(*wanted))
        if each.id in newest
    ]
    return sorted(rows, key=lambda row: (row.archived, not row.labels, row.name.lower()))


def versions(session: Session, prompt_id: int) -> list[Version]:
    """Every version of a prompt, the newest first."""
    return _versions(session, PromptVersion.prompt_id == prompt_id)


def version(session: Session, version_id: int) -> Version:
    """One version. Raises NotFound."""
    found = _versions(session, PromptVersion.id == version_id) if 0 < version_id <= LARGEST_ID else []
    if not found:
        raise NotFound(f"There is no prompt version {version_id}.")
    return found[0]


def usable_versions(session: Session) -> list[Version]:
    """Every version that may be generated with or labelled, by prompt, the newest first."""
    found = _versions(session, PromptVersion.archived_at.is_(None), Prompt.archived_at.is_(None))
    return sorted(found, key=lambda each: (each.prompt.lower(), -each.number))


def titles_of(session: Session, hashes: Sequence[str]) -> dict[str, str]:
    """What the versions with these template hashes are called: `Manga v3`, equal ones `Manga v3, v4`."""
    rows = session.execute(
        select(PromptVersion.template_hash, Prompt.name, PromptVersion.number)
        .join(Prompt, Prompt.id == PromptVersion.prompt_id)
        .where(PromptVersion.template_hash.in_(hashes))
        .order_by(PromptVersion.template_hash, PromptVersion.prompt_id, PromptVersion.number)
    ).all()
    found: dict[str, dict[str, list[int]]] = {}
    for name, prompt, number in rows:
        found.setdefault(name, {}).setdefault(prompt, []).append(number)
    return {
        name: ", ".join(f"{prompt} {_numbers(numbers)}" for prompt, numbers in held.items())
        for name, held in found.items()
    }


def versions_beside(session: Session, hashes: Sequence[str]) -> dict[str, str]:
    """Titles of all usable versions of the prompts that have these template hashes, the newest first."""
    of_them = select(PromptVersion.prompt_id).where(PromptVersion.template_hash.in_(hashes))
    rows = session.scalars(
        select(PromptVersion.template_hash)
        .join(Prompt, Prompt.id == PromptVersion.prompt_id)
        .where(PromptVersion.prompt_id.in_(of_them))
        .where(PromptVersion.archived_at.is_(None), Prompt.archived_at.is_(None))
        .order_by(PromptVersion.created_at.desc(), PromptVersion.id.desc())
    ).all()
    titles = titles_of(session, rows)
    return {name: titles[name] for name in rows}


def _numbers(numbers: Sequence[int]) -> str:
    """`v3`, `v3, v4`; of many the first and the last."""
    if len(numbers) > 3:
        return f"v{numbers[0]} to v{numbers[-1]}"
    return ", ".join(f"v{number}" for number in numbers)


def _versions(session: Session, *wanted: ColumnElement[bool]) -> list[Version]:
    labels = _labels(session)
    parent, parents = aliased(PromptVersion), aliased(Prompt)
    rows = session.execute(
        select(PromptVersion, Prompt, Staff.name, parents.name, parent.number)
        .join(Prompt, Prompt.id == PromptVersion.prompt_id)
        .outerjoin(Staff, Staff.id == PromptVersion.author_id)
        .outerjoin(parent, parent.id == PromptVersion.parent_id)
        .outerjoin(parents, parents.id == parent.prompt_id)
        .where(*wanted)
        .order_by(PromptVersion.number.desc())
    ).all()
    return [
        Version(
            id=row.id,
            prompt_id=row.prompt_id,
            prompt=prompt.name,
            number=row.number,
            template=row.template,
            resolved=row.resolved,
            template_hash=row.template_hash,
            model=row.model,
            parameters={name: str(value) for name, value in row.parameters.items()},
            note=row.note,
            author=author or OURS,
            parent=None if number is None else f"{name} v{number}",
            created_at=row.created_at,
            archived=row.archived_at is not None,
            prompt_archived=prompt.archived_at is not None,
            labels=labels.get(row.id, ()),
        )
        for row, prompt, author, name, number in rows
    ]


def _labels(session: Session) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for label in session.scalars(select(PromptLabel).order_by(PromptLabel.name)):
        found.setdefault(label.version_id, []).append(label.name)
    return found
