"""The migrations run both ways and say the same as the models."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

from core.database import Database
from core.errors import SetupError
from core.migrate import downgrade, require_current, upgrade
from core.tables import metadata


def test_models_mirror_the_migrations(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = [
            difference
            for difference in compare_metadata(context, metadata)
            if difference[0] != "remove_index"  # indexes live in the migrations alone
        ]
    assert differences == []


def test_migrations_go_down_to_nothing_and_up_again(database: Database) -> None:
    downgrade(database, "base")
    assert set(inspect(database.engine).get_table_names()) <= {"alembic_version"}
    upgrade(database)
    require_current(database)


def test_an_outdated_schema_is_refused_with_the_command_that_mends_it(database: Database) -> None:
    downgrade(database, "base")
    with pytest.raises(SetupError, match=r"python -m core\.migrate"):
        require_current(database)
