"""`python -m core.migrate`: brings the database's schema up to date."""

import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from core.database import Database, connect
from core.errors import OperatorError, SetupError
from core.settings import load_or_exit

# Two processes that migrate at once would trip over each other; the number is only ours.
MIGRATION_LOCK = 0x1AD_5EED


def upgrade(database: Database, revision: str = "head") -> None:
    """Run the migrations that are missing, one process at a time."""
    with database.engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": MIGRATION_LOCK})
        connection.commit()
        try:
            command.upgrade(_config(connection), revision)
            connection.commit()
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": MIGRATION_LOCK})
            connection.commit()


def downgrade(database: Database, revision: str) -> None:
    """Take migrations back, down to `revision` (or `base`)."""
    with database.engine.connect() as connection:
        command.downgrade(_config(connection), revision)
        connection.commit()


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
    if found != wanted:
        raise SetupError(
            f"the database's schema is at {found or 'nothing'}, this version needs {wanted}: "
            "run `python -m core.migrate` first"
        )


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
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
