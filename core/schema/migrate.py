"""`python -m core.schema.migrate`: brings the database's schema up to date.

A new database is made of the files in `core/schema` as they are today. One with data goes through the
revisions that it lacks, forward only (see docs/decisions/forward-only-migrations.md).
"""

import re
import sys

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from core.foundation.database import Database, connect
from core.foundation.errors import OperatorError, SetupError
from core.schema.files import FOLDER
from core.settings import load_or_exit

# Two processes that migrate at once would trip over each other; the number is only ours.
MIGRATION_LOCK = 0x1AD_5EED
BASELINE = "0001"
# Revisions of the time before the first release; nothing leads from them to a schema of today.
NEVER_RELEASED = re.compile(r"r\d{4}")


def upgrade(database: Database) -> None:
    """Make the schema, or run the migrations that are missing, one process at a time.

    Raises SetupError when the database's schema is of no version that this one knows.
    """
    with database.engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": MIGRATION_LOCK})
        connection.commit()
        try:
            _upgrade(connection)
            connection.commit()
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": MIGRATION_LOCK})
            connection.commit()


def _upgrade(connection: Connection) -> None:
    found = MigrationContext.configure(connection).get_current_revision()
    connection.rollback()
    config = _config(connection)
    if found is None:
        # The files hold all later revisions already.
        command.upgrade(config, BASELINE)
        command.stamp(config, "head")
        return
    _refuse_unknown(found)
    command.upgrade(config, "head")


def require_current(database: Database) -> None:
    """Raises SetupError when the schema is not the one that this version was written for."""
    try:
        with database.engine.connect() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
    except DBAPIError as exc:
        raise SetupError(
            "INKDESK_DATABASE_URL: the database does not answer; check the address and that it is running"
        ) from exc
    wanted = ScriptDirectory.from_config(_config()).get_current_head()
    if found is not None:
        _refuse_unknown(found)
    if found != wanted:
        raise SetupError(
            f"the database's schema is at {found or 'nothing'}, this version needs {wanted}: "
            "run `python -m core.schema.migrate` first"
        )


def _refuse_unknown(found: str) -> None:
    if NEVER_RELEASED.fullmatch(found):
        raise SetupError(
            f"the database's schema is of a time before the first release ({found}), and nothing leads from "
            "there to today's: start with a fresh INKDESK_HOME, or with an empty database at "
            "INKDESK_DATABASE_URL"
        )
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if found not in known:
        raise SetupError(
            f"the database's schema is at {found}, which this version does not know: a newer Inkdesk has "
            "migrated it, so start that one"
        )


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    return config


def main() -> int:
    """Migrate the external database named by INKDESK_DATABASE_URL."""
    settings = load_or_exit()
    if settings.database_url is None:
        sys.stderr.write(
            "INKDESK_DATABASE_URL is not set: the embedded database migrates by itself at start-up.\n"
        )
        return 2
    database = connect(settings.database_url.get_secret_value())
    try:
        upgrade(database)
        require_current(database)
    except (OperatorError, DBAPIError) as exc:
        sys.stderr.write(f"The migration did not finish: {exc}\n")
        return 2
    sys.stdout.write("The schema is up to date.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
