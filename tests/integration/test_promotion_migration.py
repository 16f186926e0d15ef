"""Promotions come to a library in use, and go from it; what was moved stays moved."""

from datetime import UTC, datetime

from sqlalchemy import inspect, text

from core.database import Database
from core.migrate import downgrade, upgrade
from core.prompts.labels import history, labelled, roll_back
from core.prompts.promotion.gate import promote
from core.prompts.promotion.guard import look
from core.prompts.promotion.limits import DEFAULT, in_force
from core.prompts.promotion.views import promotions, watch
from tests.support.promotion import jobs, proven
from tests.support.prompts import make_actor
from tests.support.schema import todays_columns

BEFORE = "r0024"
TABLES = {"promotion", "promotion_guard", "promotion_limits"}


def test_a_library_in_use_gets_the_gate_and_its_limits(database: Database) -> None:
    downgrade(database, BEFORE)
    assert not TABLES & set(inspect(database.engine).get_table_names())
    with todays_columns(database), database.transaction() as session:
        tom = make_actor(session)
        made = proven(session, tom)

    upgrade(database)

    with database.transaction() as session:
        assert labelled(session).id == made.production.id
        assert in_force(session)[1] == DEFAULT
        assert watch(session) is None
        kept = promote(session, actor=tom, version_id=made.candidate.id, seen_moves=1)
        assert not kept.overridden


def test_promotions_go_and_the_label_stays_where_it_was_moved(database: Database) -> None:
    with database.transaction() as session:
        tom = make_actor(session)
        made = proven(session, tom)
        promote(session, actor=tom, version_id=made.candidate.id, seen_moves=1)
        jobs(session, made.candidate, ["content_policy"] * 2, at=datetime.now(UTC))
    assert look(database) is None

    downgrade(database, BEFORE)

    with todays_columns(database), database.transaction() as session:
        assert labelled(session).id == made.candidate.id
        assert [each.after for each in history(session, "production")] == ["Woodcut v2", "Woodcut v1"]
        kept = "SELECT count(*) FROM audit_event WHERE action = 'prompt.promote'"
        assert session.scalar(text(kept)) == 1
    upgrade(database)
    with database.transaction() as session:
        assert promotions(session) == []
        roll_back(session, actor=tom, name="production", seen_moves=2)
        assert labelled(session).id == made.production.id
