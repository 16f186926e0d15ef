"""Faults of the books, injected past the triggers as a superuser could, to prove that a rule finds them."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from core.ledger.books.check import Scope
from tests.support.books.scene import ABSENT, covered_by


def past_the_triggers(session: Session) -> None:
    """From here on the transaction writes what no trigger refuses."""
    session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    session.execute(text("SET LOCAL session_replication_role = replica"))


def inject(session: Session, sql: str, names: dict[str, int]) -> None:
    """Write one fault of the catalogue."""
    for statement in sql.format(**names).split(";"):
        session.execute(text(statement))


def scope_of(session: Session, names: dict[str, int]) -> Scope:
    """The scene's own rows, and the newest seal with all that it covers."""
    of_customers = "SELECT id FROM account WHERE customer_id = ANY (:customers)"
    customers = [names["customer"], names["other"]]
    wallets = list(session.scalars(text(of_customers), {"customers": customers}))
    own = "SELECT transfer_id FROM entry WHERE account_id = ANY (:wallets)"
    transfers = set(session.scalars(text(own), {"wallets": wallets}))
    transfers |= {ABSENT, names["capture"], names["mistaken"], names["reversal"], names["clawed"]}
    if "seal" in names:
        transfers.update(covered_by(session, names["seal"]))
    of_scene = ("running", "done", "failed", "canceled", "undecided", "preview", "absent")
    generations = [names[name] for name in of_scene]
    accounts = [*wallets, names["revenue"], ABSENT]
    return Scope(sorted(transfers), accounts, generations, names.get("seal", 1) - 1)
