"""The books for the desk: what every account holds, and checks that staff ask for."""

import dataclasses

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.access.staff import actor_by_id, record
from core.foundation.database import Database
from core.ledger.books.records import check_full
from core.ledger.seals import accept_epoch
from core.ledger.statements import system_balances
from core.storage.objects import ObjectStore
from core.tables.ledger import WalletBalance
from core.tables.seals import BooksCheck


@dataclasses.dataclass(frozen=True)
class Totals:
    """The credits in all wallets together and in each system account; `difference` is 0 in sound books."""

    wallets: int
    system: dict[str, int]

    @property
    def difference(self) -> int:
        return self.wallets + sum(self.system.values())


def totals(session: Session) -> Totals:
    """What every account holds now, from the newest seal's balances and what came since."""
    held = session.scalars(select(func.coalesce(func.sum(WalletBalance.balance), 0))).one()
    return Totals(int(held), system_balances(session))


def check_now(database: Database, objects: ObjectStore, *, actor: Actor) -> BooksCheck:
    """Check the whole ledger at once; it is written down, and so is who asked. Raises NotAllowed."""
    _allowed(database, actor)
    check = check_full(database, objects)
    with database.transaction() as session:
        record(
            session,
            actor=actor,
            action="books.check",
            subject=f"books_check:{check.id}",
            after={"findings": check.findings, "transfers": check.transfers},
        )
    return check


def explain_move(database: Database, objects: ObjectStore, *, actor: Actor, reason: str) -> int:
    """Say why the ledger runs elsewhere than it was sealed, such as a restored backup; the epoch's number.

    The next full check no longer reports it. Raises NotAllowed, InvalidInput (reason), ServiceUnavailable.
    """
    _allowed(database, actor)
    with database.transaction() as session:
        epoch = accept_epoch(session, objects, by=actor.name, reason=reason)
        record(
            session, actor=actor, action="books.epoch", subject=f"ledger_epoch:{epoch}", reason=reason.strip()
        )
    return epoch


def _allowed(database: Database, actor: Actor) -> None:
    with database.transaction() as session:
        # The roles of this moment.
        require(actor_by_id(session, actor.id), Permission.CHECK_BOOKS)
