"""The one call that moves credits, and what the database answers when it refuses."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from core.foundation.errors import OperatorError

# SQLSTATEs of the ledger, as core/schema/ledger.sql lists them.
KEY_REUSED = "IK003"
NO_WALLET = "IK004"
OVERDRAWN = "IK005"
SETTLED = "IK006"
NO_CHARGE = "IK007"
NOT_REVERSIBLE = "IK008"
UNIQUE_VIOLATION = "23505"

POST = text(
    "SELECT posted_id, replayed FROM "
    "post_transfer(:key, :kind, :actor, :reason, :amount, :customer, :generation, :reverses, :case)"
)

Refusals = Mapping[str, OperatorError]


@dataclasses.dataclass(frozen=True)
class Posted:
    """One transfer that stands in the ledger; `replayed` when an earlier call had posted it."""

    transfer_id: int
    replayed: bool


def post(
    session: Session,
    *,
    key: str,
    kind: Literal["grant", "charge", "capture", "refund", "goodwill", "clawback", "reversal"],
    actor: str,
    refusals: Refusals,
    reason: str | None = None,
    amount: int | None = None,
    customer_id: int | None = None,
    generation_id: int | None = None,
    reverses_id: int | None = None,
    case_id: int | None = None,
) -> Posted:
    """Post one transfer, once per key. A refusal of the database becomes the error that `refusals` names
    for its SQLSTATE; the session stays usable either way."""
    values: dict[str, Any] = {
        "key": key,
        "kind": kind,
        "actor": actor,
        "reason": reason,
        "amount": amount,
        "customer": customer_id,
        "generation": generation_id,
        "reverses": reverses_id,
        "case": case_id,
    }
    try:
        with session.begin_nested():
            row = session.execute(POST, values).one()
    except DBAPIError as exc:
        refusal = refusals.get(getattr(exc.orig, "sqlstate", None) or "")
        if refusal is None:
            raise
        raise refusal from exc
    return Posted(row.posted_id, row.replayed)
