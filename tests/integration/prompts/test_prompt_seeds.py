"""A new desk's library: eight prompts, one in production, seeded once."""

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import func, select

from core.foundation.database import Database
from core.prompts.labels import labelled
from core.prompts.library import archive_prompt, create_prompt
from core.prompts.starter import STARTER_TEMPLATE, STARTERS, seed_prompts
from core.prompts.views import prompts, version
from core.tables.prompts import Prompt, PromptVersion, SnippetVersion
from tests.support.prompts import MODEL, content, make_actor


def seed(database: Database) -> None:
    with database.transaction() as session:
        seed_prompts(session, model=MODEL)


def test_two_processes_that_start_at_once_seed_eight_prompts_between_them(database: Database) -> None:
    with ThreadPoolExecutor(4) as starting:
        list(starting.map(lambda _: seed(database), range(4)))

    with database.transaction() as session:
        assert {row.name for row in prompts(session)} == {name for name, _, _ in STARTERS}
        assert session.scalar(select(func.count()).select_from(PromptVersion)) == 8
        assert session.scalar(select(func.count()).select_from(SnippetVersion)) == 3
        live = labelled(session)
        assert live.resolved == STARTER_TEMPLATE
        shown = version(session, live.id)
        assert (shown.title, shown.author, shown.labels) == ("Ink and halftone v1", "Inkdesk", ["production"])
        assert "{{>" not in "".join(session.scalars(select(PromptVersion.resolved)))


def test_a_library_that_holds_anything_is_left_alone(database: Database) -> None:
    with database.transaction() as session:
        tom = make_actor(session)
        own = create_prompt(session, actor=tom, name="Own", content=content())
        archive_prompt(session, actor=tom, prompt_id=own.prompt_id)

    seed(database)

    with database.transaction() as session:
        assert session.scalars(select(Prompt.name)).all() == ["Own"]
