"""What one version of a prompt says, and writing it down: numbered in the order of saving."""

import dataclasses
import hashlib
from collections.abc import Mapping

from sqlalchemy import update
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.access.staff import record
from core.catalog import models as catalog
from core.foundation.errors import InvalidInput
from core.prompts.judging import LONGEST_TEMPLATE
from core.prompts.rendering import sample
from core.tables.prompts import Prompt, PromptVersion

LONGEST_NOTE = 500
LONGEST_NAME = 80


@dataclasses.dataclass(frozen=True)
class Content:
    """A prompt as it is written: template with snippets by name, model, and the model's parameters."""

    template: str
    model: str
    parameters: Mapping[str, str]

    def checked(self) -> "Content":
        """The same with every parameter of the model and no other. Raises InvalidInput."""
        catalog.check_parameters(self.model, self.parameters)
        if len(self.template) > LONGEST_TEMPLATE:
            raise InvalidInput(f"The template is longer than {LONGEST_TEMPLATE:,} characters. Shorten it.")
        if "\x00" in self.template:
            raise InvalidInput("The prompt contains a zero byte. Remove it.")
        # Browsers send line ends in either way; that is no change of the text.
        template = self.template.replace("\r\n", "\n")
        parameters = catalog.checked_parameters(catalog.MODELS[self.model], self.parameters)
        return Content(template, self.model, parameters)


def template_hash(resolved: str) -> str:
    """The name under which failure rates count a template."""
    return hashlib.md5(resolved.encode(), usedforsecurity=False).hexdigest()


def add_version(
    session: Session,
    *,
    actor: Actor | None,
    prompt_id: int,
    content: Content,
    resolved: str,
    note: str,
    parent_id: int | None,
) -> PromptVersion:
    """Write the next version of a prompt, with a line in the audit trail; without an actor it is our own.

    `resolved` is the template with its snippets put in. Raises InvalidInput where it cannot be rendered.
    """
    words = checked_note(note)
    sample(resolved)
    # The update locks the prompt: who saves at the same moment waits, and gets the next number.
    number = session.scalars(
        update(Prompt)
        .where(Prompt.id == prompt_id)
        .values(last_number=Prompt.last_number + 1)
        .returning(Prompt.last_number)
        .execution_options(synchronize_session=False)
    ).one()
    version = PromptVersion(
        prompt_id=prompt_id,
        number=number,
        template=content.template,
        resolved=resolved,
        template_hash=template_hash(resolved),
        model=content.model,
        parameters=dict(content.parameters),
        note=words,
        author_id=None if actor is None else actor.id,
        parent_id=parent_id,
    )
    session.add(version)
    session.flush()
    if actor is not None:
        record(
            session,
            actor=actor,
            action="prompt.save",
            subject=f"prompt:{prompt_id}",
            reason=words or None,
            before={"version_id": parent_id},
            after={"version_id": version.id, "number": number, "template_hash": version.template_hash},
        )
    return version


def checked_note(note: str) -> str:
    """A note without needless spaces. Raises InvalidInput where it is too long."""
    words = note.strip()
    if len(words) > LONGEST_NOTE:
        raise InvalidInput(f"A note has at most {LONGEST_NOTE} characters.")
    return words
