"""`python -m core.startup.preflight`: one line that says why Inkdesk cannot start here, before it does."""

import sys

from core.foundation.errors import SetupError
from core.settings import load_or_exit
from core.startup.home import Home


def main() -> int:
    """0 when the settings are whole and nobody lives in the home folder, else 2."""
    home = Home(load_or_exit().home)
    try:
        home.enter()
    except SetupError as exc:
        sys.stderr.write(f"Inkdesk cannot start. {exc}\n")
        return 2
    home.leave()
    return 0


if __name__ == "__main__":
    sys.exit(main())
