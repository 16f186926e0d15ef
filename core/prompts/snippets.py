"""Snippets: text that prompts share. A template names one as `{{> framing }}`.

A changed snippet makes a new version of each prompt that uses it, in the same transaction. Versions that
exist stay as they are, and labels stay on them: what is in production changes by a move of its label only.
"""

import dataclasses
import re
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.access.staff import record
from core.foundation.errors import Conflict, InvalidInput, NotFound
from core.prompts.judging import LONGEST_TEMPLATE
from core.prompts.rendering import variables_in
from core.prompts.versions import LONGEST_NOTE, Content, add_version, checked_note
from core.tables.access import Staff
from core.tables.prompts import Prompt, PromptVersion, Snippet, SnippetVersion

USE = re.compile(r"\{\{>\s*([a-z][a-z0-9_]{0,39})\s*\}\}")
OPENING = re.compile(r"\{\{>")
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclasses.dataclass(frozen=True)
class SnippetView:
    """A snippet in its newest version, with the prompts that use it in theirs."""

    id: int
    name: str
    number: int
    text: str
    note: str
    author: str | None
    created_at: datetime
    used_by: Sequence[str]


def snippets_in(template: str) -> list[str]:
    """The names of the snippets that a template uses, in the order of use."""
    return list(dict.fromkeys(USE.findall(template)))


def resolve(session: Session, template: str, *, lock: bool = False) -> str:
    """The template with the newest text of its snippets put in. Raises InvalidInput for an unknown one,
    and where it would be too long.

    With `lock` nobody changes these snippets until the end of the transaction.
    """
    names = snippets_in(template)
    if names and lock:
        query = select(Snippet.id).where(Snippet.name.in_(names)).order_by(Snippet.id)
        session.execute(query.with_for_update(read=True))
    texts = {row.name: row.text for row in session.execute(_newest(names))} if names else {}
    if unknown := [name for name in names if name not in texts]:
        raise InvalidInput(f"There is no snippet '{unknown[0]}'.")
    if len(USE.findall(template)) != len(OPENING.findall(template)):
        raise InvalidInput("A snippet is named as {{> name }}: small letters, digits and underscores.")
    length = len(template) + sum(len(texts[found[1]]) - len(found[0]) for found in USE.finditer(template))
    if length > LONGEST_TEMPLATE:
        raise InvalidInput(
            f"With its snippets the template has {length:,} characters; {LONGEST_TEMPLATE:,} are the most."
        )
    return USE.sub(lambda found: texts[found[1]], template)


def snippets(session: Session) -> list[SnippetView]:
    """Every snippet in its newest version, by name."""
    rows = session.execute(
        select(Snippet, SnippetVersion, Staff.name)
        .join(SnippetVersion, SnippetVersion.snippet_id == Snippet.id)
        .outerjoin(Staff, Staff.id == SnippetVersion.author_id)
        .ext(distinct_on(Snippet.name))
        .order_by(Snippet.name, SnippetVersion.number.desc())
    ).all()
    using = newest_versions(session)
    names = {each.id: each.name for each in session.scalars(select(Prompt))}
    return [
        SnippetView(
            id=snippet.id,
            name=snippet.name,
            number=version.number,
            text=version.text,
            note=version.note,
            author=author,
            created_at=version.created_at,
            used_by=[names[each.prompt_id] for each in using if snippet.name in snippets_in(each.template)],
        )
        for snippet, version, author in rows
    ]


def create_snippet(session: Session, *, actor: Actor, name: str, text: str, note: str = "") -> int:
    """Add a snippet; its id. Raises NotAllowed, InvalidInput, and Conflict where the name is taken."""
    require(actor, Permission.EDIT_PROMPTS)
    if not NAME.fullmatch(name):
        raise InvalidInput("A snippet's name has small letters, digits and underscores, a letter first.")
    found = add_snippet(session, actor=actor, name=name, text=_checked(text), note=checked_note(note))
    if found is None:
        raise Conflict(f"There is a snippet '{name}' already.")
    record(session, actor=actor, action="snippet.create", subject=f"snippet:{found}", after={"name": name})
    session.flush()
    return found


def add_snippet(session: Session, *, actor: Actor | None, name: str, text: str, note: str) -> int | None:
    """Write a snippet's first version, whoever asks; None where the name is taken."""
    made = insert(Snippet).values(name=name).on_conflict_do_nothing().returning(Snippet.id)
    snippet_id = session.scalars(made).one_or_none()
    if snippet_id is not None:
        _keep(session, actor, snippet_id, 1, text, note)
    return snippet_id


def save_snippet(
    session: Session, *, actor: Actor, snippet_id: int, seen_number: int, text: str, note: str = ""
) -> Sequence[PromptVersion]:
    """Change a snippet; the new versions of the prompts that use it. The same text again changes nothing.

    Raises NotAllowed, NotFound, InvalidInput (also where a prompt could not take the new text), and Conflict
    where somebody saved another text since `seen_number`.
    """
    require(actor, Permission.EDIT_PROMPTS)
    words, why = _checked(text), checked_note(note)
    snippet = session.get(Snippet, snippet_id, with_for_update=True, populate_existing=True)
    if snippet is None:
        raise NotFound("There is no such snippet.")
    now = session.scalars(
        select(SnippetVersion)
        .where(SnippetVersion.snippet_id == snippet_id)
        .order_by(SnippetVersion.number.desc())
        .limit(1)
    ).one()
    if now.number != seen_number:
        raise Conflict(
            f"Version {now.number} of {snippet.name} was saved meanwhile. Open it again to see it."
        )
    if now.text == words:
        return []
    _keep(session, actor, snippet_id, now.number + 1, words, why)
    made = _spread(session, actor, snippet.name, f"Snippet {snippet.name} v{now.number + 1}: {why}")
    record(
        session,
        actor=actor,
        action="snippet.save",
        subject=f"snippet:{snippet_id}",
        reason=why or None,
        before={"number": now.number},
        after={"number": now.number + 1, "versions": [each.id for each in made]},
    )
    session.flush()
    return made


def _spread(session: Session, actor: Actor, name: str, note: str) -> list[PromptVersion]:
    made = []
    for version in newest_versions(session, lock=True):
        if name not in snippets_in(version.template):
            continue
        content = Content(version.template, version.model, version.parameters)
        prompt = session.get_one(Prompt, version.prompt_id)
        try:
            each = add_version(
                session,
                actor=actor,
                prompt_id=version.prompt_id,
                content=content,
                resolved=resolve(session, version.template),
                note=note.rstrip(": ")[:LONGEST_NOTE],
                parent_id=version.id,
            )
        except InvalidInput as exc:
            raise InvalidInput(f"{prompt.name} cannot take this text. {exc}") from exc
        made.append(each)
    return made


def newest_versions(session: Session, *, lock: bool = False) -> list[PromptVersion]:
    """The newest unarchived version of every unarchived prompt, by prompt."""
    prompts = select(Prompt.id).where(Prompt.archived_at.is_(None)).order_by(Prompt.id)
    ids = session.scalars(prompts.with_for_update() if lock else prompts).all()
    rows = session.scalars(
        select(PromptVersion)
        .where(PromptVersion.prompt_id.in_(ids), PromptVersion.archived_at.is_(None))
        .ext(distinct_on(PromptVersion.prompt_id))
        .order_by(PromptVersion.prompt_id, PromptVersion.number.desc())
    )
    return list(rows)


def _newest(names: Sequence[str]) -> Select[str, str]:
    return (
        select(Snippet.name, SnippetVersion.text)
        .join(SnippetVersion, SnippetVersion.snippet_id == Snippet.id)
        .where(Snippet.name.in_(names))
        .ext(distinct_on(Snippet.name))
        .order_by(Snippet.name, SnippetVersion.number.desc())
    )


def _keep(session: Session, actor: Actor | None, snippet_id: int, number: int, text: str, note: str) -> None:
    session.add(
        SnippetVersion(
            snippet_id=snippet_id,
            number=number,
            text=text,
            author_id=None if actor is None else actor.id,
            note=note,
        )
    )
    session.flush()


def _checked(text: str) -> str:
    words = text.replace("\r\n", "\n").strip()
    if not words:
        raise InvalidInput("The snippet is empty.")
    if len(words) > LONGEST_TEMPLATE:
        raise InvalidInput(f"A snippet has at most {LONGEST_TEMPLATE:,} characters.")
    if OPENING.search(words):
        raise InvalidInput("A snippet cannot use another snippet.")
    variables_in(words)
    return words
