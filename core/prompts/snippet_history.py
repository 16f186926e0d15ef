"""Every version of a snippet: what it said, who wrote it when, and which versions of prompts have it."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.prompts.snippets import snippets_in
from core.tables.access import Staff
from core.tables.prompts import Prompt, PromptVersion, Snippet, SnippetVersion


@dataclasses.dataclass(frozen=True)
class SnippetVersionView:
    """One version. `before` is the text that it replaced; empty for the first. `used_by` as `Manga v3`."""

    number: int
    text: str
    before: str
    note: str
    author: str | None
    created_at: datetime
    used_by: Sequence[str]


def snippet_history(session: Session, snippet_id: int) -> list[SnippetVersionView]:
    """Its versions, the newest first; none where there is no such snippet."""
    rows = session.execute(
        select(SnippetVersion, Staff.name, Snippet.name)
        .join(Snippet, Snippet.id == SnippetVersion.snippet_id)
        .outerjoin(Staff, Staff.id == SnippetVersion.author_id)
        .where(SnippetVersion.snippet_id == snippet_id)
        .order_by(SnippetVersion.number)
    ).all()
    if not rows:
        return []
    users = _users(session, rows[0][2])
    # A version of a prompt has the text that was the newest when it was saved.
    ends = [*(version.created_at for version, _, _ in rows[1:]), None]
    told = [
        SnippetVersionView(
            number=version.number,
            text=version.text,
            before=rows[place - 1][0].text if place else "",
            note=version.note,
            author=author,
            created_at=version.created_at,
            used_by=[title for title, at in users if version.created_at <= at and (end is None or at < end)],
        )
        for place, ((version, author, _), end) in enumerate(zip(rows, ends, strict=True))
    ]
    return told[::-1]


def _users(session: Session, name: str) -> list[tuple[str, datetime]]:
    """The versions of prompts that name this snippet, and when they were saved."""
    rows = session.execute(
        select(PromptVersion, Prompt.name)
        .join(Prompt, Prompt.id == PromptVersion.prompt_id)
        .where(func.strpos(PromptVersion.template, name) > 0)
        .order_by(func.lower(Prompt.name), PromptVersion.number)
    )
    return [
        (f"{prompt} v{version.number}", version.created_at)
        for version, prompt in rows
        if name in snippets_in(version.template)
    ]
