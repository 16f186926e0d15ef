"""Functions of the database as an earlier revision made them, for the way back."""

import re


def former(statements: str, function: str) -> str:
    """A function as it was, to stand again where another one of its name is or was."""
    found = re.search(rf"CREATE (?:OR REPLACE )?(FUNCTION {function}\(.*?\$\$;)", statements, re.DOTALL)
    if found is None:
        raise LookupError(f"no function {function} in these statements")
    return f"CREATE OR REPLACE {found[1]}"
