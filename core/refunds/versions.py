"""Versions of the refund policy: kept for ever, one of them in force."""

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.access.staff import record
from core.foundation.errors import Conflict, InvalidInput, NotFound
from core.refunds.policy import DEFAULT, Policy, check, from_json, to_json
from core.tables.refunds import RefundPolicy, RefundPolicyActivation

# Two first users must not both write the first version; the number is only ours.
FIRST_VERSION_LOCK = 0x1AD_90C1


def in_force(session: Session) -> tuple[int, Policy]:
    """The number and the rules of the version that decides now; the first start writes the default."""
    row = _active(session)
    if row is None:
        session.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": FIRST_VERSION_LOCK})
        row = _active(session) or _write_default(session)
    return row.version, from_json(row.body)


def version(session: Session, number: int) -> RefundPolicy:
    """One version. Raises NotFound."""
    row = session.get(RefundPolicy, number)
    if row is None:
        raise NotFound(f"There is no version {number} of the refund policy.")
    return row


def save_draft(session: Session, *, actor: Actor, policy: Policy, note: str) -> int:
    """Keep a new version, which decides nothing until it is activated. Raises NotAllowed, InvalidInput."""
    require(actor, Permission.EDIT_POLICY)
    check(policy)
    if not note.strip():
        raise InvalidInput("Say in a note what this version changes.")
    parent, _ = in_force(session)
    row = RefundPolicy(body=to_json(policy), note=note.strip(), author_id=actor.id, parent=parent)
    session.add(row)
    session.flush()
    record(session, actor=actor, action="policy.save", subject=f"policy:{row.version}", reason=note.strip())
    return row.version


def activate(session: Session, *, actor: Actor, number: int, reason: str, seen: int) -> None:
    """Put a version in force. `seen` is the one that was in force on the screen.

    Raises NotAllowed, InvalidInput (reason), NotFound, and Conflict when another one came into force.
    """
    require(actor, Permission.EDIT_POLICY)
    if not reason.strip():
        raise InvalidInput("Activating a policy needs a reason.")
    session.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": FIRST_VERSION_LOCK})
    from_json(version(session, number).body)
    current, _ = in_force(session)
    if current == number:
        return
    if current != seen:
        raise Conflict(f"Version {current} came into force meanwhile. Look at it, then decide again.")
    session.add(RefundPolicyActivation(version=number, staff_id=actor.id, reason=reason.strip()))
    record(
        session,
        actor=actor,
        action="policy.activate",
        subject=f"policy:{number}",
        reason=reason.strip(),
        before={"version": current},
        after={"version": number},
    )
    session.flush()


def _active(session: Session) -> RefundPolicy | None:
    newest = select(func.max(RefundPolicyActivation.id)).scalar_subquery()
    return session.scalars(
        select(RefundPolicy)
        .join(RefundPolicyActivation, RefundPolicyActivation.version == RefundPolicy.version)
        .where(RefundPolicyActivation.id == newest)
    ).one_or_none()


def _write_default(session: Session) -> RefundPolicy:
    row = RefundPolicy(body=to_json(DEFAULT), note="The rules that come with the desk")
    session.add(row)
    session.flush()
    session.add(RefundPolicyActivation(version=row.version, reason="first start"))
    session.flush()
    return row
