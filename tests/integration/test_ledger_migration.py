"""The ledger comes to a database that holds data already, and goes from it."""

from sqlalchemy import inspect, text

from core.credits import ledger, views
from core.credits.books import check_books
from core.customers.models import Customer
from core.database import Database
from core.migrate import downgrade, upgrade
from tests.support.factories import make_customer, make_generation
from tests.support.wallets import charged, ended, rich


def test_the_ledger_comes_to_a_database_with_customers_in_it(database: Database) -> None:
    downgrade(database, "r0001")
    assert "transfer" not in inspect(database.engine).get_table_names()
    with database.transaction() as session:
        customer = make_customer(session).id
        make_generation(session, customer=session.get_one(Customer, customer), credits=0)
    upgrade(database)
    with database.transaction() as session:
        ledger.grant(session, customer_id=customer, amount=5, reason="r", key="k", actor="Sam")
        assert views.account_totals(session)["wallet"] == 5
        assert check_books(session) == []


def test_the_ledger_goes_with_all_its_rows_and_leaves_the_rest(database: Database) -> None:
    with database.transaction() as session:
        customer = rich(session)
        ended(session, charged(session, customer), "succeeded")
    downgrade(database, "r0001")
    with database.transaction() as session:
        left = "SELECT count(*) FROM pg_proc WHERE proname IN ('post_transfer','open_wallet','entry_hash')"
        assert session.execute(text(left)).scalar_one() == 0
        assert session.get_one(Customer, customer.id).name == "Ada"
    upgrade(database)
    with database.transaction() as session:
        assert ledger.balance(session, customer_id=customer.id) == 0
