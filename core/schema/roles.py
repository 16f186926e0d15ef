"""`python -m core.schema.roles`: gives a production database its roles and least privileges.

The script is core/schema/roles.sql. It sets no password: `ALTER ROLE inkdesk_app PASSWORD ...`, or your
server's own way of signing in, does that.
"""

import sys

from sqlalchemy.exc import DBAPIError

from core.foundation.database import Database, connect
from core.foundation.errors import OperatorError
from core.schema.files import run_file
from core.schema.migrate import require_current
from core.settings import load_or_exit

APP, AUDITOR, MIGRATOR, OWNER = "inkdesk_app", "inkdesk_auditor", "inkdesk_migrator", "inkdesk_owner"


def apply_roles(database: Database) -> None:
    """Create the roles where they are missing, and set what each may do; all or nothing, again and again.

    Raises SetupError when the schema is not up to date.
    """
    require_current(database)
    with database.engine.begin() as connection:
        run_file(connection, "roles")


def main() -> int:
    """Set up the roles of the external database named by INKDESK_DATABASE_URL."""
    settings = load_or_exit()
    if settings.database_url is None:
        sys.stderr.write(
            "INKDESK_DATABASE_URL is not set: the embedded database has one user and no roles.\n"
        )
        return 2
    database = connect(settings.database_url.get_secret_value())
    try:
        apply_roles(database)
    except (OperatorError, DBAPIError) as exc:
        sys.stderr.write(f"The roles were not changed: {exc}\n")
        return 2
    finally:
        database.dispose()
    sys.stdout.write(f"Roles: {APP}, {AUDITOR}, {MIGRATOR}, {OWNER}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
