"""What an account held at any moment, and a customer's statement.

A transfer counts from the moment it was made (`created_at`), not from its commit: one that commits late
belongs to the moment it bears, and from its commit on every answer about that moment includes it. So a
statement's opening balance and its lines always add up to its closing balance.
"""

import dataclasses
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, or_, select, text
from sqlalchemy.orm import Session

from core.foundation.errors import InvalidInput, NotFound
from core.ledger.views import LedgerLine, lines_of_transfers
from core.tables.ledger import Account, Entry, Transfer
from core.tables.seals import AccountSnapshot, LedgerSeal

PAGE = 50
LONGEST_PAGE = 1_000


@dataclasses.dataclass(frozen=True)
class StatementPage:
    """One page of a statement, newest first. `older` is the cursor of the next page, None on the last."""

    opening: int
    closing: int
    lines: Sequence[LedgerLine]
    older: int | None


def balance_as_of(
    session: Session,
    moment: datetime,
    *,
    customer_id: int | None = None,
    account_id: int | None = None,
    kind: str | None = None,
) -> int:
    """The credits of a customer's wallet, an account, or a kind of system account, before `moment`.

    Raises InvalidInput unless exactly one is named and the moment has a time zone, NotFound for an account
    that is not there; a customer without a wallet has 0.
    """
    _check_moment(moment)
    if sum(each is not None for each in (customer_id, account_id, kind)) != 1:
        raise InvalidInput("Name one account: a customer, a number, or a kind of system account.")
    query = select(Account)
    if customer_id is not None:
        query = query.where(Account.customer_id == customer_id)
    elif account_id is not None:
        query = query.where(Account.id == account_id)
    else:
        query = query.where(Account.kind == kind, Account.customer_id.is_(None))
    account = session.scalars(query).one_or_none()
    if account is None:
        if customer_id is not None:
            return 0
        raise NotFound("There is no such account.")
    if account.customer_id is None:
        return _system_balance(session, account.id, moment)
    return _wallet_balance(session, account.id, moment)


def system_balances(session: Session) -> dict[str, int]:
    """What every system account holds now: the balance at the newest seal, and the entries behind it."""
    moment = select(func.clock_timestamp() + text("interval '1 hour'"))
    now: datetime = session.scalars(moment).one()
    rows = session.execute(select(Account.kind, Account.id).where(Account.customer_id.is_(None)))
    return {row.kind: _system_balance(session, row.id, now) for row in rows}


def statement(
    session: Session,
    *,
    customer_id: int,
    since: datetime,
    until: datetime,
    cursor: int | None = None,
    limit: int = PAGE,
) -> StatementPage:
    """The transfers of a customer's wallet made from `since` to before `until`, newest first.

    `cursor` is the former page's `older`. Entries are numbered in the order in which the wallet took them, so
    that no page repeats or loses one, whatever is posted meanwhile. Raises InvalidInput.
    """
    _check_moment(since)
    _check_moment(until)
    if since > until:
        raise InvalidInput("A statement's beginning lies before its end.")
    if not 1 <= limit <= LONGEST_PAGE:
        raise InvalidInput(f"A page has 1 to {LONGEST_PAGE:,} lines.")
    wallet = select(Account.id).where(Account.customer_id == customer_id).scalar_subquery()
    chosen = (
        select(Entry.version, Entry.transfer_id)
        .join(Transfer, Transfer.id == Entry.transfer_id)
        .where(Entry.account_id == wallet, Transfer.created_at >= since, Transfer.created_at < until)
        .order_by(Entry.version.desc())
        .limit(limit + 1)
    )
    if cursor is not None:
        chosen = chosen.where(Entry.version < cursor)
    rows = session.execute(chosen).all()
    shown = rows[:limit]
    return StatementPage(
        opening=balance_as_of(session, since, customer_id=customer_id),
        closing=balance_as_of(session, until, customer_id=customer_id),
        lines=lines_of_transfers(session, [row.transfer_id for row in shown]),
        older=shown[-1].version if len(rows) > limit else None,
    )


def _wallet_balance(session: Session, account_id: int, moment: datetime) -> int:
    total = (
        select(func.coalesce(func.sum(Entry.amount), 0))
        .join(Transfer, Transfer.id == Entry.transfer_id)
        # Only a wallet's entries have versions, and their index has nothing else in it.
        .where(Entry.account_id == account_id, Entry.version.is_not(None), Transfer.created_at < moment)
    )
    return int(session.scalars(total).one())


def _system_balance(session: Session, account_id: int, moment: datetime) -> int:
    """The balance at the last seal that holds nothing younger than `moment`, and the entries behind it."""
    seal = session.scalars(
        select(LedgerSeal)
        .where(or_(LedgerSeal.latest_at.is_(None), LedgerSeal.latest_at < moment))
        .order_by(LedgerSeal.number.desc())
        .limit(1)
    ).one_or_none()
    later = (
        select(func.coalesce(func.sum(Entry.amount), 0))
        .join(Transfer, Transfer.id == Entry.transfer_id)
        .where(Entry.account_id == account_id, Transfer.created_at < moment)
    )
    if seal is None:
        return int(session.scalars(later).one())
    # What this seal and those before it do not cover: above the last number, or of a late transaction.
    behind = text(
        "(transfer.id > :last_id OR (transfer.id > :restored_id"
        " AND transfer.xid >= cast(cast(:upto AS text) AS xid8)))"
    ).bindparams(last_id=seal.last_id, restored_id=seal.restored_id, upto=seal.upto_xid)
    snapshot = session.scalar(
        select(AccountSnapshot.balance).where(
            AccountSnapshot.seal == seal.number, AccountSnapshot.account_id == account_id
        )
    )
    return (snapshot or 0) + int(session.scalars(later.where(behind)).one())


def _check_moment(moment: datetime) -> None:
    if moment.tzinfo is None:
        raise InvalidInput("A moment needs its time zone.")
