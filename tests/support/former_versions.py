"""Databases of other versions, for tests of the way from one to the next.

A migration is tested on rows as its former version left them, written in plain SQL: the models are those of
today. Before the schema's files are changed for a new revision, `python -m tests.support.former_versions`
keeps them as they are, and `build_former` makes a database of them.
"""

import shutil
import sys
from pathlib import Path

from sqlalchemy import text

from core.foundation.database import Database
from core.schema.files import DOMAINS, FOLDER, sql_of
from core.schema.migrate import BASELINE

KEPT = Path(__file__).parent.parent / "data" / "schema"
REVISION = '''"""A revision of a test."""

from alembic import op

revision = "0002"
down_revision = "{former}"


def upgrade() -> None:
    op.execute("""{statements}""")
'''


def bare(database: Database) -> None:
    """Take everything out of a database."""
    with database.engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))


def build_former(database: Database, revision: str) -> None:
    """Make the database one of an earlier revision, without rows. Its files must have been kept."""
    bare(database)
    with database.engine.begin() as connection:
        connection.exec_driver_sql((KEPT / f"{revision}.sql").read_text(encoding="utf-8").replace("%", "%%"))
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
        connection.execute(text("INSERT INTO alembic_version VALUES (:it)"), {"it": revision})


def keep_files(revision: str, folder: Path = KEPT) -> Path:
    """Keep the schema's files as they are today, as those of a revision."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"{revision}.sql"
    kept.write_text("\n".join(sql_of(domain) for domain in DOMAINS), encoding="utf-8")
    return kept


def later_version(folder: Path, statements: str) -> Path:
    """Alembic's folder of a version that has one revision more than this one."""
    made = folder / "schema"
    shutil.copytree(FOLDER, made, ignore=shutil.ignore_patterns("__pycache__"))
    later = REVISION.format(former=BASELINE, statements=statements)
    (made / "versions" / "r0002_later.py").write_text(later, encoding="utf-8")
    return made


if __name__ == "__main__":
    sys.stdout.write(f"{keep_files(sys.argv[1])}\n")
