"""Prompts with their versions, the snippets that they share, and the labels that point at versions."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.foundation.database import Base, HasId


class Snippet(HasId, Base):
    """A piece of text that prompts share; its newest version is the one that new versions of prompts take."""

    __tablename__ = "snippet"

    name: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class SnippetVersion(HasId, Base):
    """What a snippet said from one change to the next; append-only. Without an author: Inkdesk's own."""

    __tablename__ = "snippet_version"
    __table_args__ = (UniqueConstraint("snippet_id", "number"),)

    snippet_id: Mapped[int] = mapped_column(ForeignKey("snippet.id"))
    number: Mapped[int]
    text: Mapped[str]
    author_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    note: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class Prompt(HasId, Base):
    """A prompt; what it says is in its versions. `last_number` is the highest number given out so far."""

    __tablename__ = "prompt"

    name: Mapped[str] = mapped_column(unique=True)
    description: Mapped[str] = mapped_column(server_default="")
    last_number: Mapped[int] = mapped_column(server_default="0")
    created_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    archived_at: Mapped[datetime | None]


class PromptVersion(HasId, Base):
    """One state of a prompt, immutable but for `archived_at`.

    `template` is what was written, with snippets by name; `resolved` has their text in it, is what gets
    rendered, and is what a generation keeps as its template. `template_hash` is its MD5, by which failure
    rates are counted. Without an author it came with Inkdesk.
    """

    __tablename__ = "prompt_version"
    __table_args__ = (UniqueConstraint("prompt_id", "number"),)

    prompt_id: Mapped[int] = mapped_column(ForeignKey("prompt.id"))
    number: Mapped[int]
    template: Mapped[str]
    resolved: Mapped[str]
    template_hash: Mapped[str]
    model: Mapped[str]
    parameters: Mapped[dict[str, Any]] = mapped_column(JSONB)
    note: Mapped[str]
    author_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("prompt_version.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    archived_at: Mapped[datetime | None]


class PromptLabel(Base):
    """A name that points at one version. `moves` grows with every move, so that a stale page is noticed."""

    __tablename__ = "prompt_label"

    name: Mapped[str] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("prompt_version.id"))
    moves: Mapped[int]
    moved_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    moved_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class PromptLabelMove(HasId, Base):
    """One move of a label; append-only. The first comes from nowhere; one to nowhere removes the label."""

    __tablename__ = "prompt_label_move"

    name: Mapped[str]
    from_version_id: Mapped[int | None] = mapped_column(ForeignKey("prompt_version.id"))
    to_version_id: Mapped[int | None] = mapped_column(ForeignKey("prompt_version.id"))
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    reason: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
