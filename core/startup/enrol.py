"""`python -m core.startup.enrol EMAIL NAME ROLE...`: lets in who signs in by OIDC, or changes a role."""

import argparse
import sys

from core.access.permissions import ROLES
from core.access.staff import enrol
from core.foundation.database import connect
from core.foundation.errors import OperatorError, SetupError
from core.settings import load_or_exit
from core.startup.embedded import embedded_or_joined


def main(arguments: list[str] | None = None) -> int:
    """Write the staff row; 2 and a sentence when that cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m core.startup.enrol", description=__doc__)
    parser.add_argument("email")
    parser.add_argument("name")
    parser.add_argument(
        "roles", nargs="*", metavar="role", help=f"any of {', '.join(ROLES)}; none: locked out"
    )
    wanted = parser.parse_args(arguments)
    try:
        with embedded_or_joined(load_or_exit()) as settings:
            if settings.database_url is None:
                raise SetupError("INKDESK_DATABASE_URL: no database was given and none was started")
            database = connect(settings.database_url.get_secret_value(), pool_size=1)
            with database.transaction() as session:
                staff = enrol(session, email=wanted.email, name=wanted.name, roles=wanted.roles)
            database.dispose()
    except OperatorError as exc:
        sys.stderr.write(f"{exc}\n")
        return 2
    sys.stdout.write(f"{staff.name} <{staff.email}>: {', '.join(staff.roles) or 'locked out'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
