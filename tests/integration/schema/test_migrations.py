"""A new database is what the files say and the models mirror; an old one is refused in a sentence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from core.foundation.database import Database
from core.foundation.errors import SetupError
from core.schema import migrate
from core.schema.files import DOMAINS, FOLDER
from core.schema.migrate import require_current, upgrade
from core.tables import metadata
from tests.support.former_versions import bare, later_version


def test_models_mirror_the_schema(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = [
            difference
            for difference in compare_metadata(context, metadata)
            # Indexes and comments are in the schema's files alone.
            if difference[0] not in ("remove_index", "remove_table_comment")
        ]
    assert differences == []


def test_every_file_of_the_schema_is_run() -> None:
    assert sorted(file.stem for file in FOLDER.glob("*.sql")) == sorted([*DOMAINS, "roles"])


def test_a_schema_of_today_is_left_as_it_is(database: Database) -> None:
    upgrade(database)
    require_current(database)


def test_an_empty_external_database_is_refused_with_the_command_that_mends_it(database: Database) -> None:
    bare(database)
    with pytest.raises(SetupError, match=r"python -m core\.schema\.migrate"):
        require_current(database)
    upgrade(database)
    require_current(database)


@pytest.mark.parametrize(
    ("revision", "says"),
    [("r0030", "start with a fresh INKDESK_HOME"), ("r0001", "before the first release"), ("9999", "newer")],
)
def test_a_schema_that_nothing_leads_from_is_refused(database: Database, revision: str, says: str) -> None:
    left_at(database, revision)
    for attempt in (upgrade, require_current):
        with pytest.raises(SetupError, match=says):
            attempt(database)


def test_the_programs_refuse_an_old_database_in_one_line_with_exit_code_2(
    database: Database, database_url: str, repository: Path, tmp_path: Path
) -> None:
    left_at(database, "r0030")
    settings = {"INKDESK_DATABASE_URL": database_url, "INKDESK_HOME": str(tmp_path / "home")}
    for program in ("core.schema.migrate", "jobs.worker"):
        ended = subprocess.run(
            [sys.executable, "-m", program],
            env={**os.environ, **settings},
            cwd=repository,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == 2
        assert "start with a fresh INKDESK_HOME" in ended.stderr.splitlines()[-1]


def test_rows_of_the_former_version_come_through_a_migration(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pattern for every migration: a database of the former version, rows in it, and then the way up."""
    with database.engine.begin() as connection:
        connection.execute(text("INSERT INTO customer (reference, name) VALUES ('c-1', 'Ada')"))
    monkeypatch.setattr(migrate, "FOLDER", later_version(tmp_path, MIGRATION))
    with pytest.raises(SetupError, match=r"needs 0002: run `python -m core\.schema\.migrate`"):
        require_current(database)
    upgrade(database)
    require_current(database)
    with database.engine.begin() as connection:
        # What the former version writes still fits: it knows nothing of the new column.
        connection.execute(text("INSERT INTO customer (reference, name) VALUES ('c-2', 'Bo')"))
        rows = connection.execute(text("SELECT name, nickname FROM customer ORDER BY id")).all()
    assert [tuple(row) for row in rows] == [("Ada", "ada"), ("Bo", None)]


MIGRATION = """
ALTER TABLE customer ADD COLUMN nickname text;
UPDATE customer SET nickname = lower(name);
"""


def left_at(database: Database, revision: str) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": revision})
