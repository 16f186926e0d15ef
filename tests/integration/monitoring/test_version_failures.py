"""Failures are counted and resolved by prompt version."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.foundation.database import Database
from core.monitoring import groups
from core.monitoring.group_views import group_detail
from core.monitoring.rollups import rates_by
from core.prompts.library import archive_version
from core.rollups.absorb import absorb
from tests.support.factories import make_generation
from tests.support.failures import fail_once
from tests.support.prompts import edit, make_actor, make_prompt


@pytest.fixture
def tom(session: Session) -> Actor:
    return make_actor(session)


def test_rates_name_the_version_and_a_draft_by_its_words(database: Database) -> None:
    at = datetime.now(UTC).replace(minute=1, second=0, microsecond=0) - timedelta(hours=1)
    with database.transaction() as session:
        tom = make_actor(session)
        first = make_prompt(session, tom, "A hero", name="Woodcut")
        second = edit(session, tom, first, "A tall hero")
        for template, ends in ((second.resolved, 3), (first.resolved, 2), ("A draft hero", 1)):
            for _ in range(ends):
                make_generation(session, state="failed", template=template, finished_at=at)
    absorb(database)

    with database.transaction() as session:
        rates = rates_by(session, "prompt", at.replace(minute=0), at.replace(minute=15))

    assert [(each.title, each.rate.hits) for each in rates[:2]] == [("Woodcut v2", 3), ("Woodcut v1", 2)]
    assert rates[2].title.endswith(" A draft hero")


def test_a_group_may_be_mended_in_any_version_of_the_prompts_it_hit_the_newest_first(
    session: Session, tom: Actor
) -> None:
    first = make_prompt(session, tom, "A hero", name="Woodcut")
    gone = edit(session, tom, first, "A hero of clay")
    newest = edit(session, tom, first, "A tall hero")
    archive_version(session, actor=tom, version_id=gone.id)
    make_prompt(session, tom, "A stranger", name="Other")
    name = fail_once(session, template_hash=first.template_hash)

    offered = group_detail(session, name).templates

    assert list(offered.items()) == [
        (newest.template_hash, "Woodcut v3"),
        (first.template_hash, "Woodcut v1"),
    ]


def test_what_is_mended_in_a_version_comes_back_with_that_version_only(session: Session, tom: Actor) -> None:
    first = make_prompt(session, tom, "A hero", name="Woodcut")
    second = edit(session, tom, first, "A tall hero")
    name = fail_once(session, template_hash=first.template_hash)
    groups.resolve(session, actor=tom, fingerprint=name, template_hash=second.template_hash)
    assert group_detail(session, name).resolved_in == "Woodcut v2"

    fail_once(session, template_hash=first.template_hash)
    assert group_detail(session, name).row.state == "resolved"
    fail_once(session, template_hash=second.template_hash)
    assert group_detail(session, name).row.state == "regressed"
