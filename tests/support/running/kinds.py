"""What kind of test each one is: by its folder, and by the servers that it asks for."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KINDS = ("unit", "integration", "pages", "browser", "chaos")


def mark(items: list[pytest.Item]) -> None:
    """Mark each test with its kind, and `sql` where it is about what PostgreSQL does.

    `unit`, `integration`, `pages`, `browser` or `chaos`: the first folder of that name above it.
    `sql`: it asks for a database and is an integration test. Pages, browser and chaos go the same ways
    through `core` from further away; they say nothing new about another version of PostgreSQL.
    `whole`: it has a provider, and so all that stands before it: left out of `make test-fast`, for time.
    """
    for item in items:
        folders = item.path.relative_to(ROOT).parts[:-1] if ROOT in item.path.parents else ()
        kind = next((folder for folder in folders if folder in KINDS), None)
        if kind is None:
            raise pytest.UsageError(f"{item.nodeid}: a test lies in a folder named {', '.join(KINDS)}")
        item.add_marker(kind)
        asked = getattr(item, "fixturenames", ())
        if kind == "integration" and "postgres_url" in asked:
            item.add_marker("sql")
        if "running_sandbox" in asked:
            item.add_marker("whole")
