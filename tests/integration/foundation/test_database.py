"""What the database's door promises: sentences instead of driver errors, and no endless locks."""

import time

import psycopg
import pytest
from sqlalchemy import text

from core.foundation.database import IDLE_IN_TRANSACTION_SECONDS, Database, answers, connect
from core.foundation.errors import ServiceUnavailable


def hang_in_a_transaction(database: Database) -> None:
    with database.transaction() as session:
        session.execute(text("SET idle_in_transaction_session_timeout = '20ms'"))
        while True:
            time.sleep(0.05)
            session.execute(text("SELECT 1"))


def test_a_process_that_hangs_in_a_transaction_is_cut_off(database: Database) -> None:
    with database.transaction() as session:
        limit = session.scalar(text("SHOW idle_in_transaction_session_timeout"))
    assert limit == f"{IDLE_IN_TRANSACTION_SECONDS}s"
    with pytest.raises(ServiceUnavailable, match="Nothing was lost"):
        hang_in_a_transaction(database)
    with database.transaction() as session:
        assert session.scalar(text("SELECT 1")) == 1


def test_connections_that_the_server_has_ended_are_not_handed_out(
    database: Database, database_url: str
) -> None:
    with database.transaction() as one, database.transaction() as other:
        ended = [session.scalar(text("SELECT pg_backend_pid()")) for session in (one, other)]
    with psycopg.connect(database_url, autocommit=True) as admin:
        for pid in ended:
            admin.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])
    with database.transaction() as session:
        assert session.scalar(text("SELECT pg_backend_pid()")) not in ended


def test_taking_a_connection_out_of_the_pool_asks_the_server_nothing(
    database: Database, database_url: str
) -> None:
    with database.transaction() as session:
        pid = session.scalar(text("SELECT pg_backend_pid()"))
    look = "SELECT state_change FROM pg_stat_activity WHERE pid = %s"
    with psycopg.connect(database_url, autocommit=True) as admin:
        before = admin.execute(look, [pid]).fetchone()
        with database.engine.connect():
            assert admin.execute(look, [pid]).fetchone() == before


def test_a_database_that_is_not_there_is_told_and_found_out() -> None:
    nowhere = connect("postgresql://127.0.0.1:1/inkdesk")
    assert answers(nowhere) is False
    with pytest.raises(ServiceUnavailable), nowhere.transaction() as session:
        session.execute(text("SELECT 1"))
    nowhere.dispose()


def test_other_mistakes_are_not_hidden_as_an_outage(database: Database) -> None:
    with pytest.raises(Exception, match="does_not_exist"), database.transaction() as session:
        session.execute(text("SELECT * FROM does_not_exist"))
