"""Finding transfers: filters, pages by key, and the whole selection as a file."""

import csv
import dataclasses
import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, func, or_, select, union
from sqlalchemy.orm import Session, aliased

from core.ledger.moments import first_after, first_since
from core.ledger.views import TITLES
from core.tables.customers import Customer
from core.tables.generation import Generation
from core.tables.ledger import Account, Charge, Entry, Transfer

KINDS = ("grant", "charge", "capture", "refund", "goodwill", "clawback", "reversal")
# A part of a name may fit half of all customers; so many are looked at.
MOST_CUSTOMERS = 200
MOST_EXPORTED = 100_000
# What a spreadsheet would take for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclasses.dataclass(frozen=True)
class TransferFilter:
    """What is asked for; empty fields ask for nothing. Times are aware, `until` is exclusive.

    `customer` is a part of their reference or name, `actor` of who posted it, `key` the key's beginning.
    Amounts are credits, both ends included.
    """

    kinds: tuple[str, ...] = ()
    customer: str = ""
    actor: str = ""
    since: datetime | None = None
    until: datetime | None = None
    least: int | None = None
    most: int | None = None
    key: str = ""


@dataclasses.dataclass(frozen=True)
class TransferRow:
    """One transfer. `customer` is whose wallet or charge it touches; `reversed_by` takes it back."""

    id: int
    at: datetime
    kind: str
    from_name: str
    to_name: str
    amount: int
    customer: str | None
    customer_id: int | None
    wallet_after: int | None
    actor: str
    reason: str | None
    key: str
    generation_id: int | None
    case_id: int | None
    reverses_id: int | None
    reversed_by: int | None


@dataclasses.dataclass(frozen=True)
class TransferPage:
    """Rows, newest first. `older` is the number behind which the next page begins, `newer` the one before."""

    rows: list[TransferRow]
    older: int | None
    newer: int | None


def page_of_transfers(
    session: Session,
    filter_: TransferFilter,
    *,
    older: int | None = None,
    newer: int | None = None,
    limit: int = 50,
) -> TransferPage:
    """At most `limit` transfers below number `older`, or above `newer`; the newest without either."""
    query = select(Transfer.id).where(*_conditions(session, filter_)).limit(limit + 1)
    if newer is not None:
        ids = session.scalars(query.where(Transfer.id > newer).order_by(Transfer.id)).all()
        if len(ids) <= limit:
            # The top is reached: show it whole, with what came meanwhile.
            return page_of_transfers(session, filter_, limit=limit)
        shown = ids[:limit][::-1]
        return TransferPage(transfer_rows(session, shown), shown[-1], shown[0])
    if older is not None:
        query = query.where(Transfer.id < older)
    ids = session.scalars(query.order_by(Transfer.id.desc())).all()
    shown = ids[:limit]
    more = shown[-1] if len(ids) > limit else None
    return TransferPage(transfer_rows(session, shown), more, shown[0] if shown and older else None)


def transfer_rows(session: Session, ids: Sequence[int]) -> list[TransferRow]:
    """These transfers, newest first."""
    if not ids:
        return []
    rows = session.execute(_rows().where(Transfer.id.in_(ids)).order_by(Transfer.id.desc()))
    return [_row(row) for row in rows]


def export_transfers(session: Session, filter_: TransferFilter, *, most: int = MOST_EXPORTED) -> str:
    """The whole selection as CSV, newest first, times in UTC; the last line tells where `most` cut it off."""
    text = io.StringIO()
    writer = csv.writer(text)
    columns = [field.name for field in dataclasses.fields(TransferRow)]
    writer.writerow(columns)
    for written, row in enumerate(_exported(session, filter_, most + 1)):
        if written < most:
            writer.writerow([_cell(getattr(row, name)) for name in columns])
        else:
            writer.writerow([f"Only the newest {most:,} of the selection are here: narrow it for the rest."])
    return text.getvalue()


def _exported(session: Session, filter_: TransferFilter, most: int) -> Iterator[TransferRow]:
    chosen = select(Transfer.id).where(*_conditions(session, filter_))
    chosen = chosen.order_by(Transfer.id.desc()).limit(most)
    query = _rows().where(Transfer.id.in_(chosen)).order_by(Transfer.id.desc())
    for row in session.execute(query.execution_options(yield_per=2_000)):
        yield _row(row)


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value


def _conditions(session: Session, filter_: TransferFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool] | None] = [
        Transfer.kind.in_(filter_.kinds) if filter_.kinds else None,
        _of_customer(filter_.customer.strip()),
        Transfer.actor.icontains(filter_.actor.strip(), autoescape=True) if filter_.actor.strip() else None,
        Transfer.key.startswith(filter_.key.strip(), autoescape=True) if filter_.key.strip() else None,
        Transfer.amount >= filter_.least if filter_.least is not None else None,
        Transfer.amount <= filter_.most if filter_.most is not None else None,
        *_of_time(session, filter_.since, filter_.until),
    ]
    return [condition for condition in conditions if condition is not None]


def _of_customer(words: str) -> ColumnElement[bool] | None:
    """Whatever touched their wallets or charges: captures touch no wallet."""
    if not words:
        return None
    named = or_(
        Customer.reference.icontains(words, autoescape=True), Customer.name.icontains(words, autoescape=True)
    )
    people = select(Customer.id).where(named).order_by(Customer.id.desc()).limit(MOST_CUSTOMERS)
    wallets = select(Account.id).where(Account.customer_id.in_(people))
    charged = select(Generation.id).where(Generation.customer_id.in_(people), Generation.credits > 0)
    touched = union(
        select(Entry.transfer_id).where(Entry.account_id.in_(wallets), Entry.version.is_not(None)),
        select(Transfer.id).where(Transfer.generation_id.in_(charged)),
    )
    return Transfer.id.in_(touched.scalar_subquery())


def _of_time(
    session: Session, since: datetime | None, until: datetime | None
) -> Iterator[ColumnElement[bool]]:
    # Numbers grow with time: bounds on them spare reading all that lies outside.
    if since is not None:
        yield Transfer.id >= first_since(session, since)
        yield Transfer.created_at >= since
    if until is not None:
        yield Transfer.id < first_after(session, until)
        yield Transfer.created_at < until


def _rows() -> Select[*tuple[Any, ...]]:
    source, target, back = aliased(Account), aliased(Account), aliased(Transfer)
    return (
        select(
            Transfer,
            source.kind.label("from_kind"),
            target.kind.label("to_kind"),
            Customer.id.label("customer_id"),
            Customer.name.label("customer"),
            Entry.balance_after,
            back.id.label("reversed_by"),
        )
        .join(source, source.id == Transfer.from_account)
        .join(target, target.id == Transfer.to_account)
        .outerjoin(Charge, Charge.generation_id == Transfer.generation_id)
        .outerjoin(
            Customer,
            Customer.id == func.coalesce(source.customer_id, target.customer_id, Charge.customer_id),
        )
        .outerjoin(Entry, and_(Entry.transfer_id == Transfer.id, Entry.version.is_not(None)))
        .outerjoin(back, back.reverses_id == Transfer.id)
    )


def _row(row: Row[*tuple[Any, ...]]) -> TransferRow:
    transfer: Transfer = row[0]
    return TransferRow(
        id=transfer.id,
        at=transfer.created_at,
        kind=transfer.kind,
        from_name=_name(row.from_kind),
        to_name=_name(row.to_kind),
        amount=transfer.amount,
        customer=row.customer,
        customer_id=row.customer_id,
        wallet_after=row.balance_after,
        actor=transfer.actor,
        reason=transfer.reason,
        key=transfer.key,
        generation_id=transfer.generation_id,
        case_id=transfer.case_id,
        reverses_id=transfer.reverses_id,
        reversed_by=row.reversed_by,
    )


def _name(kind: str) -> str:
    return "Wallet" if kind == "wallet" else TITLES[kind]
