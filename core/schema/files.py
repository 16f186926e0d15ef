"""The schema's SQL files, in the order in which they build on each other."""

from pathlib import Path

from sqlalchemy import Connection

FOLDER = Path(__file__).parent

# Each file names tables of those before it only; what must name a later one stands in the later file.
DOMAINS = (
    "foundation",
    "access",
    "customers",
    "images",
    "prompts",
    "provider",
    "generation",
    "ledger",
    "refunds",
    "books",
    "errors",
    "notifications",
    "alerts",
    "testsets",
    "experiments",
    "votes",
    "stages",
    "promotion",
    "imports",
)


def sql_of(name: str) -> str:
    """The text of one of the schema's files, such as `ledger`."""
    return (FOLDER / f"{name}.sql").read_text(encoding="utf-8")


def run_file(connection: Connection, name: str) -> None:
    """Run one of the schema's files in the connection's transaction."""
    # Without parameters the driver still reads a percent sign as the place of one.
    connection.exec_driver_sql(sql_of(name).replace("%", "%%"))
