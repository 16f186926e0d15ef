"""Who works at the desk, and the personas of local mode."""

from collections.abc import Sequence

from sqlalchemy import false, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.access.permissions import ROLES, Actor
from core.foundation.errors import InvalidInput, NotAllowed
from core.tables.access import AuditEvent, Staff

# Nobody receives mail at it (RFC 6762 keeps .local for the local network), so nobody can prove to own it.
PERSONA_DOMAIN = "@inkdesk.local"
# One persona a role, for local mode: e-mail, name, roles.
PERSONAS = (
    ("ada.admin@inkdesk.local", "Ada (admin)", ["admin"]),
    ("tom.tuner@inkdesk.local", "Tom (prompt tuner)", ["tuner"]),
    ("sue.support@inkdesk.local", "Sue (support reviewer)", ["support"]),
    ("amir.approver@inkdesk.local", "Amir (approver)", ["approver"]),
    ("olga.operator@inkdesk.local", "Olga (operator)", ["operator"]),
    ("vic.viewer@inkdesk.local", "Vic (viewer)", ["viewer"]),
)


def settle_personas(session: Session, *, local: bool) -> None:
    """In local mode the personas are staff, added where they are missing; with sign-in none of them is.

    Who was locked out has no roles, and stays out; what else was changed of them stays too.
    """
    if local:
        rows = [{"email": email, "name": name, "roles": roles} for email, name, roles in PERSONAS]
        session.execute(insert(Staff).on_conflict_do_nothing(index_elements=["email"]), rows)
    active = func.cardinality(Staff.roles) > 0 if local else false()
    session.execute(
        update(Staff)
        .where(func.lower(Staff.email).endswith(PERSONA_DOMAIN, autoescape=True))
        .values(active=active)
        .execution_options(synchronize_session="fetch")
    )


def active_staff(session: Session) -> Sequence[Actor]:
    """Everyone who may act, in the order in which they were added."""
    rows = session.scalars(select(Staff).where(Staff.active).order_by(Staff.id)).all()
    return [_actor(row) for row in rows]


def actor_by_id(session: Session, staff_id: int) -> Actor:
    """The staff member with their roles of this moment. Raises NotAllowed when they were removed."""
    row = session.get(Staff, staff_id)
    if row is None or not row.active:
        raise NotAllowed("This account is no longer active. Ask an admin to restore it.")
    return _actor(row)


def actor_by_email(session: Session, email: str) -> Actor:
    """The staff member who signed in with this address. Raises NotAllowed when nobody was entered with it."""
    address = email.strip().lower()
    if address.endswith(PERSONA_DOMAIN):
        raise NotAllowed(f"{email} is a persona of local mode. Sign in with an address of your own.")
    row = session.scalars(select(Staff).where(func.lower(Staff.email) == address)).one_or_none()
    if row is None or not row.active:
        raise NotAllowed(f"{email} is not entered as staff here. Ask an admin to add this address.")
    return _actor(row)


def enrol(session: Session, *, email: str, name: str, roles: Sequence[str]) -> Actor:
    """Enter somebody as staff, or change their name and roles; without a role they are locked out.

    For whoever administers the machine: it asks for no permission. Raises InvalidInput.
    """
    email, name = email.strip().lower(), name.strip()
    if "@" not in email or not name:
        raise InvalidInput("Staff need an e-mail address and a name.")
    if unknown := sorted(set(roles) - ROLES.keys()):
        raise InvalidInput(f"There is no role {', '.join(unknown)}. Roles: {', '.join(ROLES)}.")
    known = session.scalars(select(Staff).where(Staff.email == email)).one_or_none()
    former = known.roles if known else None
    persona = email.endswith(PERSONA_DOMAIN)
    if persona and known is None:
        raise InvalidInput(f"Nobody can sign in as {email}: give the address of a real mailbox.")
    # Whether a persona is staff is decided by the mode that Inkdesk starts in.
    active = bool(roles) and (not persona or (known is not None and known.active))
    wanted = {"name": name, "roles": sorted(set(roles)), "active": active}
    row = session.scalars(
        insert(Staff)
        .values(email=email, **wanted)
        .on_conflict_do_update(index_elements=["email"], set_=wanted)
        .returning(Staff)
        .execution_options(populate_existing=True)
    ).one()
    before: dict[str, object] | None = {"roles": former} if former is not None else None
    record(
        session,
        actor=_actor(row),
        action="staff.enrol",
        subject=f"staff:{row.id}",
        reason="entered on the command line",
        before=before,
        after={"roles": row.roles},
    )
    session.flush()
    return _actor(row)


def record(
    session: Session,
    *,
    actor: Actor,
    action: str,
    subject: str,
    reason: str | None = None,
    before: dict[str, object] | None = None,
    after: dict[str, object] | None = None,
) -> None:
    """Write one line of the audit trail, in the transaction of the change itself."""
    session.add(
        AuditEvent(
            staff_id=actor.id, action=action, subject=subject, reason=reason, before=before, after=after
        )
    )


def _actor(row: Staff) -> Actor:
    return Actor(row.id, row.name, row.email, tuple(row.roles))
