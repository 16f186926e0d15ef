"""A desk that has seen some weeks: generations of 90 days, failed ones with their groups, cases to decide."""

import re

from sqlalchemy import text

from bench import bench_errors, bench_refunds
from core.foundation.database import Database
from core.refunds.versions import in_force

TABLES = "account|wallet_balance|charge|compensation_case|case_log|policy_decision"
OF_CASES = re.compile(rf"INSERT INTO (?:{TABLES}) ")


def seed(database: Database, generations: int) -> None:
    """Fill a fresh database; three in ten generations failed, and each of these has a case."""
    bench_errors.seed(database, generations)
    bench_errors.count_all(database)
    with database.transaction() as session:
        in_force(session)
    with database.transaction() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in filter(OF_CASES.match, map(str.strip, bench_refunds.SEED.split(";\n"))):
            failed = statement.replace(
                "FROM generation ORDER", "FROM generation WHERE state = 'failed' ORDER"
            )
            session.execute(text(failed.replace(":", r"\:")))
    bench_refunds.tidy(database)
