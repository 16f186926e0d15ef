"""The money moves, by name. Every one is posted once, however often it is called."""

from collections.abc import Collection
from typing import Literal

from sqlalchemy import BigInteger, func, select
from sqlalchemy.orm import Session

from core.foundation.errors import Conflict, InsufficientCredits, InvalidInput, NotFound
from core.ledger.posting import (
    KEY_REUSED,
    NO_CHARGE,
    NO_WALLET,
    NOT_REVERSIBLE,
    OVERDRAWN,
    SETTLED,
    UNIQUE_VIOLATION,
    Posted,
    post,
)
from core.tables.customers import Customer
from core.tables.ledger import Account, Charge, Transfer, WalletBalance

LARGEST_GRANT = 1_000_000


def open_wallet(session: Session, *, customer_id: int) -> int:
    """The account number of a customer's wallet, opened at the first call. Raises NotFound."""
    if session.get(Customer, customer_id) is None:
        raise NotFound(f"There is no customer {customer_id}.")
    return session.execute(select(func.open_wallet(customer_id, type_=BigInteger))).scalar_one()


def balance(session: Session, *, customer_id: int) -> int:
    """The credits that a customer can spend now; 0 without a wallet."""
    held = session.scalar(
        select(WalletBalance.balance)
        .join(Account, Account.id == WalletBalance.account_id)
        .where(Account.customer_id == customer_id)
    )
    return held or 0


def balances(session: Session, customer_ids: Collection[int]) -> dict[int, int]:
    """The credits that each of these customers can spend now; who has no wallet is left out."""
    rows = session.execute(
        select(Account.customer_id, WalletBalance.balance)
        .join(WalletBalance, WalletBalance.account_id == Account.id)
        .where(Account.customer_id.in_(customer_ids))
    )
    return {customer_id: held for customer_id, held in rows if customer_id is not None}


def grant(session: Session, *, customer_id: int, amount: int, reason: str, key: str, actor: str) -> Posted:
    """Give a customer credits. `key` is the request's own, made once per filled-in form.

    Raises InvalidInput (amount, reason), NotFound (customer), and Conflict when the key granted otherwise.
    """
    _check_grant(amount, reason, key)
    open_wallet(session, customer_id=customer_id)
    return post(
        session,
        key=f"grant:{key}",
        kind="grant",
        actor=actor,
        reason=reason.strip(),
        amount=amount,
        customer_id=customer_id,
        refusals={
            KEY_REUSED: Conflict(
                "This form has granted other credits already. Reload the page and try again."
            )
        },
    )


def charge(session: Session, *, generation_id: int, customer_id: int, amount: int, actor: str) -> Posted:
    """Take the price of a generation out of the customer's wallet; it is in flight until the generation ends.

    Raises InsufficientCredits, and Conflict when the generation has another customer or price.
    """
    other = Conflict(f"Generation {generation_id} has another customer or price. Reload the page.")
    short = InsufficientCredits()
    try:
        return post(
            session,
            key=f"charge:{generation_id}",
            kind="charge",
            actor=actor,
            amount=amount,
            customer_id=customer_id,
            generation_id=generation_id,
            refusals={NO_WALLET: short, OVERDRAWN: short, NO_CHARGE: other, KEY_REUSED: other},
        )
    except InsufficientCredits as exc:
        # The sentence needs the name and the balance, which only a refused charge looks up.
        raise InsufficientCredits(_shortfall(session, customer_id, amount)) from exc


def capture(session: Session, *, generation_id: int, actor: str) -> Posted:
    """Keep what a delivered generation cost. Raises NotFound (never charged), Conflict (given back)."""
    return _settle(session, "capture", f"capture:{generation_id}", generation_id=generation_id, actor=actor)


def keep(
    session: Session, *, case_id: int, decision: str, generation_id: int, amount: int, actor: str, reason: str
) -> Posted:
    """Keep what a decision on a case leaves of a charge. `decision` tells the case's decisions apart, because
    an appeal may take the first one back. Raises NotFound, and Conflict when the charge is settled."""
    return _settle(
        session,
        "capture",
        f"capture:case:{case_id}:{decision}",
        generation_id=generation_id,
        case_id=case_id,
        amount=amount,
        actor=actor,
        reason=reason,
    )


def refund(
    session: Session, *, case_id: int, generation_id: int, amount: int, actor: str, reason: str
) -> Posted:
    """Give back what a generation without an avatar cost, or a part; once per case. Raises InvalidInput
    (reason), NotFound (never charged), Conflict (settled already, or paid otherwise)."""
    return _settle(
        session,
        "refund",
        f"refund:case:{case_id}",
        generation_id=generation_id,
        case_id=case_id,
        amount=amount,
        actor=actor,
        reason=_told(reason, "A refund"),
    )


def goodwill(
    session: Session, *, case_id: int, generation_id: int, amount: int, actor: str, reason: str
) -> Posted:
    """Compensate a delivered avatar, up to its price; once per case. Raises as `refund` does."""
    return _settle(
        session,
        "goodwill",
        f"refund:case:{case_id}",
        generation_id=generation_id,
        case_id=case_id,
        amount=amount,
        actor=actor,
        reason=_told(reason, "A refund"),
    )


def reverse(session: Session, *, transfer_id: int, actor: str, reason: str) -> Posted:
    """Post the mirror image of a grant, refund, goodwill or capture, once.

    What the customer has spent of it already is advanced out of the clawback account, where it stands as
    owed. Raises InvalidInput (reason), NotFound, and Conflict for kinds that are not reversed.
    """
    reason = _told(reason, "A reversal")
    origin = session.get(Transfer, transfer_id)
    if origin is None:
        raise NotFound(f"There is no transfer {transfer_id}.")
    wallet = session.get(Account, origin.to_account)
    never = Conflict(f"Transfer {transfer_id} is a {origin.kind}; only what was given or kept is reversed.")
    if wallet is not None and wallet.customer_id is not None:
        _advance(session, origin, wallet.customer_id, actor=actor, reason=reason)
    return post(
        session,
        key=f"reverse:{transfer_id}",
        kind="reversal",
        actor=actor,
        reason=reason,
        amount=origin.amount,
        generation_id=origin.generation_id,
        reverses_id=transfer_id,
        case_id=origin.case_id,
        refusals={NOT_REVERSIBLE: never, NO_CHARGE: never},
    )


def shortfall(session: Session, *, transfer_id: int) -> int:
    """The credits of a payment that its customer has spent already, and would owe if it were reversed now."""
    paid = session.execute(
        select(Transfer.amount, WalletBalance.balance)
        .join(WalletBalance, WalletBalance.account_id == Transfer.to_account)
        .where(Transfer.id == transfer_id)
    ).one_or_none()
    return max(0, paid.amount - paid.balance) if paid else 0


def _advance(session: Session, origin: Transfer, customer_id: int, *, actor: str, reason: str) -> None:
    """Fill the wallet up to what is to be taken out of it. It is locked first: nobody spends in between."""
    if session.scalar(select(Transfer.id).where(Transfer.key == f"reverse:{origin.id}")) is not None:
        return
    if origin.generation_id is not None:  # the same order as every posting: charge, then wallet
        session.execute(
            select(Charge.generation_id)
            .where(Charge.generation_id == origin.generation_id)
            .with_for_update(key_share=True)
        )
    held = session.scalars(
        select(WalletBalance.balance)
        .where(WalletBalance.account_id == origin.to_account)
        .with_for_update(key_share=True)
    ).one()
    if held < origin.amount:
        post(
            session,
            key=f"clawback:{origin.id}",
            kind="clawback",
            actor=actor,
            reason=reason,
            amount=origin.amount - held,
            customer_id=customer_id,
            generation_id=origin.generation_id,
            case_id=origin.case_id,
            refusals={},
        )


def _settle(
    session: Session,
    kind: Literal["capture", "refund", "goodwill"],
    key: str,
    *,
    generation_id: int,
    actor: str,
    case_id: int | None = None,
    amount: int | None = None,
    reason: str | None = None,
) -> Posted:
    verb = "kept" if kind == "capture" else "given back"
    settled = Conflict(f"The credits of generation {generation_id} are settled; they cannot be {verb}.")
    return post(
        session,
        key=key,
        kind=kind,
        actor=actor,
        reason=reason,
        amount=amount,
        generation_id=generation_id,
        case_id=case_id,
        refusals={
            SETTLED: settled,
            UNIQUE_VIOLATION: settled,
            KEY_REUSED: settled,
            NO_CHARGE: NotFound(f"Generation {generation_id} was never charged."),
        },
    )


def _told(reason: str, what: str) -> str:
    if not reason.strip():
        raise InvalidInput(f"{what} needs a reason.")
    return reason.strip()


def _check_grant(amount: int, reason: str, key: str) -> None:
    # bool is an int to Python, and pages may hand over a float.
    if type(amount) is not int or not 1 <= amount <= LARGEST_GRANT:
        raise InvalidInput(f"A grant is a whole number of credits from 1 to {LARGEST_GRANT:,}.")
    _told(reason, "A grant")
    if not key.strip():
        raise InvalidInput("A grant needs the key of its request.")


def _shortfall(session: Session, customer_id: int, amount: int) -> str:
    name = session.scalar(select(Customer.name).where(Customer.id == customer_id))
    held = balance(session, customer_id=customer_id)
    if held >= amount:  # a grant came in between
        return f"{name} has {_credits(held)} now. Try again."
    return f"{name} has {_credits(held)}; this needs {amount}. Grant {amount - held} more."


def _credits(count: int) -> str:
    return "1 credit" if count == 1 else f"{count:,} credits"
