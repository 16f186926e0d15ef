"""What two people must agree to: large grants, and taking back what was granted or refunded.

One asks with a reason, a second and different person agrees or refuses, whatever their roles; agreeing posts
in the same transaction. A request stands for a day.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.access.staff import actor_by_id, record
from core.foundation.clock import NOW
from core.foundation.errors import Conflict, InvalidInput, NotAllowed, NotFound
from core.ledger import moves as ledger
from core.money_requests.grants import grant_credits, needs_second
from core.money_requests.plans import Plan, may_ask, plan_grant, plan_reversal
from core.refunds import reversing
from core.tables.access import Staff
from core.tables.ledger import Transfer
from core.tables.money_requests import MoneyRequest, RequestKind, RequestState

LASTS = timedelta(hours=24)


# Who may answer it.
ANSWERS = {
    RequestKind.GRANT: Permission.SECOND_REFUNDS,
    RequestKind.REVERSE_GRANT: Permission.REVERSE_REFUNDS,
    RequestKind.REVERSE_CASE: Permission.REVERSE_REFUNDS,
}


class OwesMore(Conflict):
    """The customer has spent more since the screen was drawn."""


def grant_or_ask(
    session: Session, *, actor: Actor, customer_id: int, amount: int, reason: str, key: str
) -> MoneyRequest | None:
    """Grant at once as far as one person may, else ask for a second; the request, where there is one.

    Once per `key`. Raises NotAllowed, InvalidInput, NotFound, Conflict.
    """
    asked = _asked_before(session, key)
    granted = session.scalar(select(Transfer.id).where(Transfer.key == f"grant:{key}"))
    if asked is not None:
        return _same(asked, RequestKind.GRANT, customer_id, amount, None)
    if granted is None:
        plan = plan_grant(session, actor=actor, customer_id=customer_id, amount=amount)
        if needs_second(session, actor=actor, customer_id=customer_id, amount=amount):
            return _ask(session, actor, plan, reason, key)
    grant_credits(session, actor=actor, customer_id=customer_id, amount=amount, reason=reason, key=key)
    return None


def ask_reversal(
    session: Session, *, actor: Actor, transfer_id: int, reason: str, key: str, seen_seq: int | None = None
) -> MoneyRequest:
    """Ask a second person to agree to taking a grant or a case's payment back, once per `key`.

    `seen_seq` is the case's on the screen. Raises NotAllowed, InvalidInput (reason), NotFound, and Conflict:
    not taken back, an old screen, or asked for already.
    """
    if (asked := _asked_before(session, key)) is not None:
        return _same(asked, RequestKind(asked.kind), asked.customer_id, asked.amount, transfer_id)
    _expire(session, transfer_id)
    plan = plan_reversal(session, actor=actor, transfer_id=transfer_id)
    if seen_seq is not None and seen_seq != plan.seen_seq:
        raise Conflict(f"Case {plan.case_id} has moved since this was shown. Look at it, then ask again.")
    return _ask(session, actor, plan, reason, key)


def agree(session: Session, *, actor: Actor, request_id: int, seen_clawback: int = 0) -> MoneyRequest:
    """As the second person, agree, and carry it out in this transaction; `state` says where that led.

    Done, or stale where what it was about had changed; the note tells. Agreeing once more changes nothing.
    Raises NotFound, NotAllowed (role, or whoever asked), and Conflict: answered or expired, or the customer
    would owe more than the `seen_clawback` on the screen.
    """
    row = _locked(session, actor, request_id)
    if row.state == RequestState.DONE and row.answered_by == actor.id:
        return row
    _require_waiting(session, row)
    try:
        with session.begin_nested():
            posted = _carry_out(session, row, actor)
            _compare_owed(session, row, seen_clawback)
    except OwesMore:
        raise
    except (Conflict, NotFound, NotAllowed) as exc:
        session.refresh(row)
        return _answer(session, row, RequestState.STALE, actor, note=str(exc))
    return _answer(session, row, RequestState.DONE, actor, posted_id=posted)


def refuse(session: Session, *, actor: Actor, request_id: int, note: str) -> MoneyRequest:
    """As the second person, say no. Raises as `agree` does, and InvalidInput without a reason."""
    row = _locked(session, actor, request_id)
    if not note.strip():
        raise InvalidInput("Say why you refuse it.")
    _require_waiting(session, row)
    return _answer(session, row, RequestState.REFUSED, actor, note=note.strip())


def withdraw(session: Session, *, actor: Actor, request_id: int) -> MoneyRequest:
    """Take one's own request back. Raises NotFound, NotAllowed (somebody else's), Conflict (answered)."""
    row = _found(session, request_id)
    if row.asked_by != actor.id:
        raise NotAllowed("Only whoever asked may withdraw a request; you may refuse it.")
    _require_waiting(session, row)
    return _answer(session, row, RequestState.WITHDRAWN, actor)


def _asked_before(session: Session, key: str) -> MoneyRequest | None:
    return session.scalars(select(MoneyRequest).where(MoneyRequest.key == key)).one_or_none()


def _same(
    asked: MoneyRequest, kind: RequestKind, customer_id: int, amount: int, transfer_id: int | None
) -> MoneyRequest:
    wanted = (kind, customer_id, amount, transfer_id)
    if (asked.kind, asked.customer_id, asked.amount, asked.transfer_id) != wanted:
        raise Conflict("This form has asked for something else already. Reload the page and try again.")
    return asked


def _ask(session: Session, actor: Actor, plan: Plan, reason: str, key: str) -> MoneyRequest:
    if not reason.strip():
        raise InvalidInput("Say why: the second person decides by it.")
    if not key.strip():
        raise InvalidInput("A request needs the key of its form.")
    values: dict[str, Any] = {
        "key": key,
        "kind": plan.kind,
        "customer_id": plan.customer_id,
        "amount": plan.amount,
        "transfer_id": plan.transfer_id,
        "case_id": plan.case_id,
        "seen_seq": plan.seen_seq,
        "reason": reason.strip(),
        "preview": {
            "balance": plan.balance,
            "balance_after": plan.balance_after,
            "clawback": plan.clawback,
        },
        "asked_by": actor.id,
        "expires_at": NOW + LASTS,
    }
    # A twin under way is waited for; the next statement sees what it did.
    made = session.scalars(
        insert(MoneyRequest).values(values).on_conflict_do_nothing().returning(MoneyRequest)
    ).one_or_none()
    if made is None:
        if (twin := _asked_before(session, key)) is not None:
            return _same(twin, plan.kind, plan.customer_id, plan.amount, plan.transfer_id)
        raise Conflict(
            f"Taking transfer {plan.transfer_id} back was asked for already; it waits for an answer."
        )
    _trail(session, made, actor, "ask", made.reason)
    return made


def _expire(session: Session, transfer_id: int) -> None:
    """End an older request for the same transfer whose time is over."""
    session.execute(
        update(MoneyRequest)
        .where(
            MoneyRequest.transfer_id == transfer_id,
            MoneyRequest.state == RequestState.WAITING,
            MoneyRequest.expires_at <= NOW,
        )
        .values(state=RequestState.EXPIRED, answered_at=NOW)
    )


def _found(session: Session, request_id: int) -> MoneyRequest:
    row = session.get(MoneyRequest, request_id, with_for_update={"key_share": True}, populate_existing=True)
    if row is None:
        raise NotFound(f"There is no request {request_id}.")
    return row


def _locked(session: Session, actor: Actor, request_id: int) -> MoneyRequest:
    """The request, held until the transaction ends, for whoever may answer it. Who asked never may."""
    row = _found(session, request_id)
    if row.asked_by == actor.id:
        raise NotAllowed("You asked for this yourself. A second, different person must answer.")
    require(actor, ANSWERS[RequestKind(row.kind)])
    return row


def _require_waiting(session: Session, row: MoneyRequest) -> None:
    if row.state != RequestState.WAITING:
        who = session.scalar(select(Staff.name).where(Staff.id == (row.answered_by or row.asked_by)))
        when = f"{row.answered_at:%H:%M} UTC" if row.answered_at else "a moment ago"
        raise Conflict(f"Request {row.id} is {row.state} since {when}, by {who}. Nothing was done twice.")
    now: datetime = session.scalars(select(NOW)).one()
    if row.expires_at <= now:
        raise Conflict(f"Request {row.id} has expired: it stood for a day. It can be asked for again.")


def _carry_out(session: Session, row: MoneyRequest, actor: Actor) -> int:
    # Whoever asked must still be entitled to: roles may have been taken away since.
    may_ask(actor_by_id(session, row.asked_by), RequestKind(row.kind))
    if row.kind == RequestKind.GRANT:
        return ledger.grant(
            session,
            customer_id=row.customer_id,
            amount=row.amount,
            reason=row.reason,
            key=f"request:{row.id}",
            actor=actor.name,
        ).transfer_id
    if row.kind == RequestKind.REVERSE_CASE:
        return reversing.reverse_case(
            session,
            actor=actor,
            case_id=row.case_id or 0,
            seen_seq=row.seen_seq or 0,
            reason=row.reason,
            asked_by=row.asked_by,
        )
    posted = ledger.reverse(
        session, transfer_id=row.transfer_id or 0, actor=actor.name, reason=f"request {row.id}: {row.reason}"
    )
    if posted.replayed:
        raise Conflict(f"Transfer {row.transfer_id} was taken back already.")
    return posted.transfer_id


def _compare_owed(session: Session, row: MoneyRequest, seen: int) -> None:
    owed = session.scalar(select(Transfer.amount).where(Transfer.key == f"clawback:{row.transfer_id}")) or 0
    if row.transfer_id is not None and owed > seen:
        raise OwesMore(
            f"The customer has spent more meanwhile: {owed:,} credits would stand as owed, not {seen:,}. "
            "Look again, then decide."
        )


def _answer(
    session: Session,
    row: MoneyRequest,
    state: RequestState,
    actor: Actor,
    *,
    note: str | None = None,
    posted_id: int | None = None,
) -> MoneyRequest:
    # Asked first: a query in between would write the row half answered.
    now = session.scalars(select(NOW)).one()
    row.state, row.note, row.posted_id, row.answered_at = state, note, posted_id, now
    row.answered_by = None if state is RequestState.WITHDRAWN else actor.id
    _trail(session, row, actor, state, note or row.reason)
    session.flush()
    return row


def _trail(session: Session, row: MoneyRequest, actor: Actor, what: str, reason: str) -> None:
    record(
        session,
        actor=actor,
        action=f"request.{what}",
        subject=f"request:{row.id}",
        reason=reason,
        after={
            "kind": row.kind,
            "credits": row.amount,
            "customer": row.customer_id,
            "transfer": row.posted_id,
            "asked_by": row.asked_by,
        },
    )
