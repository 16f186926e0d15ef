"""The money moves, by name. Every one is posted once, however often it is called."""

from collections.abc import Collection

from sqlalchemy import BigInteger, func, select
from sqlalchemy.orm import Session

from core.credits.models import Account, WalletBalance
from core.credits.posting import (
    KEY_REUSED,
    NO_CHARGE,
    NO_WALLET,
    OVERDRAWN,
    SETTLED,
    UNIQUE_VIOLATION,
    Posted,
    post,
)
from core.customers.models import Customer
from core.errors import Conflict, InsufficientCredits, InvalidInput, NotFound

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
    given_back = Conflict(f"The credits of generation {generation_id} were given back; they cannot be kept.")
    return post(
        session,
        key=f"capture:{generation_id}",
        kind="capture",
        actor=actor,
        generation_id=generation_id,
        refusals={SETTLED: given_back, UNIQUE_VIOLATION: given_back, NO_CHARGE: _uncharged(generation_id)},
    )


def refund(session: Session, *, generation_id: int, actor: str, reason: str) -> Posted:
    """Give back all that a generation cost. Raises InvalidInput (reason), NotFound (never charged),
    Conflict (captured, or given back under another key)."""
    if not reason.strip():
        raise InvalidInput("A refund needs a reason.")
    settled = Conflict(f"The credits of generation {generation_id} are settled; they cannot be given back.")
    return post(
        session,
        key=f"refund:{generation_id}",
        kind="refund",
        actor=actor,
        reason=reason.strip(),
        generation_id=generation_id,
        refusals={SETTLED: settled, UNIQUE_VIOLATION: settled, NO_CHARGE: _uncharged(generation_id)},
    )


def _check_grant(amount: int, reason: str, key: str) -> None:
    # bool is an int to Python, and pages may hand over a float.
    if type(amount) is not int or not 1 <= amount <= LARGEST_GRANT:
        raise InvalidInput(f"A grant is a whole number of credits from 1 to {LARGEST_GRANT:,}.")
    if not reason.strip():
        raise InvalidInput("A grant needs a reason.")
    if not key.strip():
        raise InvalidInput("A grant needs the key of its request.")


def _uncharged(generation_id: int) -> NotFound:
    return NotFound(f"Generation {generation_id} was never charged.")


def _shortfall(session: Session, customer_id: int, amount: int) -> str:
    name = session.scalar(select(Customer.name).where(Customer.id == customer_id))
    held = balance(session, customer_id=customer_id)
    if held >= amount:  # a grant came in between
        return f"{name} has {_credits(held)} now. Try again."
    return f"{name} has {_credits(held)}; this needs {amount}. Grant {amount - held} more."


def _credits(count: int) -> str:
    return "1 credit" if count == 1 else f"{count:,} credits"
