"""`python -m core.startup.accept_epoch NAME REASON`: why the ledger goes on in a new epoch (a backup).

Where no epoch waits for that, it begins one: after a machine was set back, for example.
"""

import argparse
import sys

from sqlalchemy.exc import DBAPIError

from core.foundation.errors import OperatorError
from core.ledger.seals import accept_epoch
from core.services import open_services
from core.settings import load_or_exit
from core.startup.embedded import embedded_or_joined


def main(arguments: list[str] | None = None) -> int:
    """Accept the newest epoch, or begin one; for whoever administers the machine."""
    parser = argparse.ArgumentParser(prog="python -m core.startup.accept_epoch", description=__doc__)
    parser.add_argument("name", help="who accepts it")
    parser.add_argument("reason", help="why the ledger moved")
    given = parser.parse_args(arguments)
    try:
        with embedded_or_joined(load_or_exit()) as settings:
            services = open_services(settings)
            with services.database.transaction() as session:
                epoch = accept_epoch(session, services.objects, by=given.name, reason=given.reason)
            services.close()
    except (OperatorError, DBAPIError) as exc:
        sys.stderr.write(f"{exc}\n")
        return 2
    sys.stdout.write(f"Epoch {epoch} is accepted.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
