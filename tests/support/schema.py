"""Rows of today's models in an older schema."""

import contextlib
from collections.abc import Iterator

from sqlalchemy import inspect, text

from core.database import Database
from core.tables import metadata

TABLES = ("customer", "generation", "selfie")


@contextlib.contextmanager
def todays_columns(database: Database) -> Iterator[None]:
    """While this lasts, an older schema has the columns that the models of today write or read."""
    added = []
    with database.engine.begin() as connection:
        for table in TABLES:
            there = {column["name"] for column in inspect(connection).get_columns(table)}
            for column in metadata.tables[table].columns:
                if column.name not in there:
                    kind = column.type.compile(database.engine.dialect)
                    connection.execute(text(f"ALTER TABLE {table} ADD {column.name} {kind}"))
                    added.append((table, column.name))
    yield
    with database.engine.begin() as connection:
        for table, name in added:
            connection.execute(text(f"ALTER TABLE {table} DROP {name}"))
