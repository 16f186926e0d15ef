"""Production's roles: the app works through the ledger's functions, and can do nothing past them."""

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from core.foundation.database import Database, connect
from core.foundation.errors import SetupError
from core.ledger.books.records import check_full
from core.ledger.seals import accept_epoch, anchor_seals, seal_ledger
from core.sandbox.server import RunningSandbox
from core.schema import migrate, roles
from core.schema.files import sql_of
from core.schema.migrate import upgrade
from core.schema.roles import APP, AUDITOR, MIGRATOR, apply_roles
from core.settings import Settings
from core.startup.object_store import ObjectStoreAddress
from core.tables.refund_states import CaseState
from tests.support.cases import case_of
from tests.support.desk import TestDesk, quick_settings, wait_for, working
from tests.support.former_versions import bare, later_version
from tests.support.wallets import charged, ended, rich

FORBIDDEN = "42501"
LISTS = re.findall(r"(closed|added|changed|removed) text\[\] := ARRAY\[(.*?)\]", sql_of("roles"), re.DOTALL)
DECIDED = {name: re.findall(r"'(\w+)'", tables) for name, tables in LISTS}
LEDGER, ADDED = DECIDED["closed"], DECIDED["added"]
RIGHTS = {"closed": "", "added": "INSERT", "changed": "INSERT UPDATE", "removed": "INSERT UPDATE DELETE"}


@pytest.fixture
def secured(database: Database) -> Database:
    """A database with production's roles, reached by its superuser."""
    with database.transaction() as session:
        customer = rich(session)
        ended(session, charged(session, customer), "succeeded")
    apply_roles(database)
    return database


def as_role(database_url: str, role: str) -> str:
    return database_url.replace("//postgres", f"//{role}", 1)


@pytest.fixture
def app(secured: Database, database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(as_role(database_url, APP), autocommit=True) as connection:
        yield connection


@pytest.fixture
def app_desk(
    secured: Database, database_url: str, object_store: ObjectStoreAddress, sandbox: RunningSandbox
) -> Iterator[TestDesk]:
    """A whole desk, page side and worker, that signs in as the app's role."""
    desk = TestDesk.open(quick_settings(as_role(database_url, APP), object_store, sandbox), sandbox)
    yield desk
    desk.close()


def refused(connection: psycopg.Connection, sql: str) -> str | None:
    """The SQLSTATE of the refusal, None where there was none; nothing stays."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(sql.encode())
    except psycopg.Error as exc:
        return exc.sqlstate
    return None


def test_every_table_has_one_decision_about_what_the_app_may_do_with_it(database: Database) -> None:
    with database.transaction() as session:
        there = session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
    assert sorted(table for tables in DECIDED.values() for table in tables) == sorted(there)


@pytest.mark.parametrize("decision", DECIDED)
def test_the_app_has_the_rights_that_were_decided_and_no_more(app: psycopg.Connection, decision: str) -> None:
    asked = "SELECT has_table_privilege(%s, %s, %s)"
    for table in DECIDED[decision]:
        held = [
            right
            for right in ("INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
            if app.execute(asked, [APP, table, right]).fetchone() == (True,)
        ]
        assert held == RIGHTS[decision].split(), table


def test_a_table_that_nobody_decided_about_is_only_read(secured: Database, app: psycopg.Connection) -> None:
    with secured.transaction() as session:
        session.execute(text("CREATE TABLE brought_along (id bigint)"))
    apply_roles(secured)
    assert refused(app, "SELECT * FROM brought_along") is None
    assert refused(app, "INSERT INTO brought_along VALUES (1)") == FORBIDDEN


def test_a_temporary_case_does_not_pay_at_commit(app: psycopg.Connection) -> None:
    """What is proven at COMMIT looks at our cases, whatever the session calls its own tables."""
    app.execute("CREATE TEMP TABLE compensation_case (LIKE public.compensation_case)")
    app.execute(
        "INSERT INTO pg_temp.compensation_case (id, kind, cause_key, generation_id, customer_id, requested,"
        " amount, required_approvals, round, state, seq, opened_at, due_at, hard_limit_at)"
        " SELECT 1, 'goodwill', 'k', generation_id, customer_id, 4, 4, 1, 1, 'approved', 1, now(), now(),"
        " now() FROM public.charge"
    )
    paid = "SELECT post_transfer('k', 'goodwill', 'Sam', 'r', 4, NULL, generation_id, NULL, 1) FROM charge"
    with pytest.raises(psycopg.Error) as caught:
        app.execute(paid)
    assert caught.value.sqlstate == "IK010"


@pytest.mark.parametrize("table", LEDGER)
def test_the_app_writes_no_ledger_table_itself(app: psycopg.Connection, table: str) -> None:
    assert refused(app, f"INSERT INTO {table} DEFAULT VALUES") == FORBIDDEN
    assert refused(app, f"UPDATE {table} SET {last_column(app, table)} = NULL") == FORBIDDEN  # noqa: S608
    assert refused(app, f"DELETE FROM {table}") == FORBIDDEN  # noqa: S608
    assert refused(app, f"TRUNCATE {table} CASCADE") == FORBIDDEN
    assert refused(app, f"SELECT * FROM {table}") is None  # noqa: S608


@pytest.mark.parametrize("table", ADDED)
def test_the_app_only_adds_to_trails_and_logs(app: psycopg.Connection, table: str) -> None:
    assert refused(app, f"DELETE FROM {table}") == FORBIDDEN  # noqa: S608
    assert refused(app, f"TRUNCATE {table} CASCADE") == FORBIDDEN
    assert refused(app, f"UPDATE {table} SET {last_column(app, table)} = NULL") == FORBIDDEN  # noqa: S608


def last_column(connection: psycopg.Connection, table: str) -> str:
    columns = (
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s"
        " AND column_name NOT IN ('created_at', 'account_id') ORDER BY ordinal_position DESC"
    )
    row = connection.execute(columns, [table]).fetchone()
    assert row is not None
    return str(row[0])


def test_what_the_app_may_lock_it_still_cannot_change(app: psycopg.Connection) -> None:
    assert refused(app, "SELECT * FROM charge FOR NO KEY UPDATE") is None
    assert refused(app, "SELECT * FROM wallet_balance FOR NO KEY UPDATE") is None
    assert refused(app, "UPDATE charge SET created_at = now()") == "IK002"
    assert refused(app, "UPDATE wallet_balance SET account_id = account_id") == "IK001"
    assert refused(app, "UPDATE wallet_balance SET balance = 1000000") == FORBIDDEN


def test_the_app_cannot_switch_triggers_off_or_change_the_schema(app: psycopg.Connection) -> None:
    assert refused(app, "SET session_replication_role = replica") == FORBIDDEN
    assert refused(app, "ALTER TABLE transfer DISABLE TRIGGER ALL") == FORBIDDEN
    assert refused(app, "CREATE TABLE transfer2 (id int)") == FORBIDDEN
    assert (
        refused(app, "CREATE FUNCTION sha256(bytea) RETURNS bytea LANGUAGE sql AS 'SELECT $1'") == FORBIDDEN
    )
    assert refused(app, "SET ROLE inkdesk_owner") == FORBIDDEN


def test_the_app_cannot_seal_what_is_not_finished(app: psycopg.Connection) -> None:
    assert refused(app, "SELECT seal_upto('999999999')") == FORBIDDEN


def test_a_function_of_the_apps_own_never_stands_in_for_one_of_the_ledgers(app: psycopg.Connection) -> None:
    """A temporary table named like one of ours would be looked up first, were the path not fixed."""
    app.execute("CREATE TEMP TABLE transfer (LIKE public.transfer)")
    app.execute("SELECT * FROM post_transfer('k', 'grant', 'Sam', 'r', 5, (SELECT min(id) FROM customer))")
    assert app.execute("SELECT count(*) FROM pg_temp.transfer").fetchone() == (0,)
    assert app.execute("SELECT count(*) FROM public.transfer WHERE key = 'k'").fetchone() == (1,)


def test_the_whole_path_of_a_generation_runs_as_the_app(app_desk: TestDesk) -> None:
    delivered = app_desk.ask()
    with working(app_desk):
        wait_for(app_desk.all_ended)
    assert app_desk.generation(delivered).state == "succeeded"
    assert app_desk.wallet() == 990


def test_a_failure_is_refunded_through_its_case_as_the_app(app_desk: TestDesk) -> None:
    quick = app_desk.with_settings(generation_deadline_seconds=0.2, max_attempts=1)
    late = quick.ask()
    quick.age(late, 3600)
    with quick.database.transaction() as session:
        session.execute(text("UPDATE generation SET deadline_at = now() - interval '1 hour'"))
    with working(quick):
        wait_for(quick.all_ended)
    assert quick.generation(late).state == "failed"
    with quick.database.transaction() as session:
        assert case_of(session, late).state in (CaseState.AUTO_APPROVED, CaseState.PENDING)


def test_sealing_checking_and_copying_run_as_the_app(app_desk: TestDesk) -> None:
    database, objects = app_desk.database, app_desk.services.objects
    assert seal_ledger(database, objects) == 1
    assert anchor_seals(database, objects) == 1
    assert check_full(database, objects).findings == 0
    with database.transaction() as session:
        assert accept_epoch(session, objects, by="Ada", reason="for the test") == 2


def test_the_auditor_reads_everything_and_moves_nothing(secured: Database, database_url: str) -> None:
    with psycopg.connect(as_role(database_url, AUDITOR), autocommit=True) as auditor:
        for table in [*LEDGER, *ADDED, "generation", "customer"]:
            assert refused(auditor, f"SELECT * FROM {table}") is None  # noqa: S608
            assert refused(auditor, f"DELETE FROM {table}") == FORBIDDEN  # noqa: S608
        for call in (
            "post_transfer('k','grant','Sam','r',5,1)",
            "open_wallet(1)",
            "seal_ledger()",
            "begin_epoch(9, true)",
        ):
            assert refused(auditor, f"SELECT {call}") == FORBIDDEN


def test_the_migrator_migrates_and_what_it_makes_is_the_owners(
    secured: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "FOLDER", later_version(tmp_path, "CREATE TABLE brought_along (id bigint)"))
    migrator = connect(as_role(database_url, MIGRATOR))
    try:
        upgrade(migrator)
        apply_roles(migrator)
    finally:
        migrator.dispose()
    with secured.transaction() as session:
        owners = session.scalars(
            text("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
        )
        assert owners.all() == ["inkdesk_owner"]


def test_roles_are_given_again_without_harm_and_only_to_a_schema_of_today(
    secured: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply_roles(secured)
    monkeypatch.setattr(migrate, "FOLDER", later_version(tmp_path, "SELECT 1"))
    with pytest.raises(SetupError):
        apply_roles(secured)


def test_the_command_sets_the_roles_up_or_says_what_is_in_the_way(
    database: Database,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    external = Settings().model_copy(update={"database_url": SecretStr(database_url)})
    monkeypatch.setattr(roles, "load_or_exit", lambda: external)
    assert roles.main() == 0
    assert APP in capsys.readouterr().out
    bare(database)
    assert roles.main() == 2
    assert "python -m core.schema.migrate" in capsys.readouterr().err
    monkeypatch.setattr(roles, "load_or_exit", Settings)
    assert roles.main() == 2
    assert "INKDESK_DATABASE_URL" in capsys.readouterr().err
