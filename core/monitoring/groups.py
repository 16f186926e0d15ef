"""What staff do with an error group: acknowledge, mute, resolve, reopen, assign, note. All of it is kept."""

import dataclasses
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.access.staff import record
from core.foundation.errors import Conflict, InvalidInput, NotFound
from core.tables.access import Staff
from core.tables.failures import ErrorGroup, ErrorGroupChange, GroupState

LONGEST_NOTE = 2_000
LONGEST_MUTE = timedelta(days=366)


UNHANDLED = (GroupState.NEW, GroupState.ONGOING, GroupState.ESCALATING, GroupState.REGRESSED)
OPEN_STATES = (*UNHANDLED, GroupState.ACKNOWLEDGED)

# Which states each action starts from.
FROM: dict[str, tuple[GroupState, ...]] = {
    "acknowledge": UNHANDLED,
    "mute": OPEN_STATES,
    "resolve": (*OPEN_STATES, GroupState.MUTED),
    "reopen": (GroupState.ACKNOWLEDGED, GroupState.MUTED, GroupState.RESOLVED),
}


@dataclasses.dataclass(frozen=True)
class _Step:
    """What an action changes; a state that is left takes its own columns with it."""

    action: str
    to: GroupState
    acknowledged_by: str | None = None
    muted_until: datetime | None = None
    resolved_at: datetime | None = None
    resolved_template: str | None = None


def acknowledge(session: Session, *, actor: Actor, fingerprint: str, note: str = "") -> ErrorGroup:
    """Say that one is on it. Raises NotAllowed, NotFound, and Conflict where somebody was faster."""
    step = _Step("acknowledge", GroupState.ACKNOWLEDGED, acknowledged_by=actor.name)
    return _take(session, actor, fingerprint, step, note)


def mute(session: Session, *, actor: Actor, fingerprint: str, until: datetime, note: str = "") -> ErrorGroup:
    """Hear nothing of it until then (aware, within a year). Raises as `acknowledge`, and InvalidInput."""
    now = session.scalars(select(func.clock_timestamp())).one()
    if not now < until <= now + LONGEST_MUTE:
        raise InvalidInput("A group is muted until a moment within the next year.")
    return _take(session, actor, fingerprint, _Step("mute", GroupState.MUTED, muted_until=until), note)


def resolve(
    session: Session, *, actor: Actor, fingerprint: str, template_hash: str | None = None, note: str = ""
) -> ErrorGroup:
    """Say that it is mended as of now; with `template_hash`, mended in that prompt template.

    A later failure brings the group back, where a template is named only a failure of that template.
    """
    require(actor, Permission.HANDLE_ERRORS)
    # The lock first: a failure that is noted meanwhile is then either seen as later or waits for us.
    _locked(session, fingerprint)
    now = session.scalars(select(func.clock_timestamp())).one()
    step = _Step("resolve", GroupState.RESOLVED, resolved_at=now, resolved_template=template_hash)
    return _take(session, actor, fingerprint, step, note)


def reopen(session: Session, *, actor: Actor, fingerprint: str, note: str = "") -> ErrorGroup:
    """Take back an acknowledgement, a mute or a resolution."""
    return _take(session, actor, fingerprint, _Step("reopen", GroupState.ONGOING), note)


def assign(session: Session, *, actor: Actor, fingerprint: str, staff_id: int | None) -> ErrorGroup:
    """Give it to somebody, or with None to nobody. Raises NotAllowed, NotFound (group, staff)."""
    require(actor, Permission.HANDLE_ERRORS)
    group = _locked(session, fingerprint)
    if staff_id == group.assignee_id:
        return group
    name = "nobody"
    if staff_id is not None:
        staff = session.get(Staff, staff_id)
        if staff is None or not staff.active:
            raise NotFound("This colleague is no longer active. Choose somebody else.")
        name = staff.name
    before = {"assignee_id": group.assignee_id}
    group.assignee_id = staff_id
    _keep(session, actor, group, "assign", GroupState(group.state), f"to {name}", before)
    return group


def annotate(session: Session, *, actor: Actor, fingerprint: str, note: str) -> ErrorGroup:
    """Write the note that stands on the group; an empty one removes it."""
    require(actor, Permission.HANDLE_ERRORS)
    group = _locked(session, fingerprint)
    words = _checked(note)
    if words == group.note:
        return group
    before = {"note": group.note}
    group.note = words
    _keep(session, actor, group, "note", GroupState(group.state), words, before)
    return group


def _take(session: Session, actor: Actor, fingerprint: str, step: _Step, note: str) -> ErrorGroup:
    require(actor, Permission.HANDLE_ERRORS)
    group = _locked(session, fingerprint)
    former = GroupState(group.state)
    if former not in FROM[step.action]:
        raise Conflict(_why_not(group, former))
    words = _checked(note)
    before = {"state": former.value}
    group.state = step.to
    group.state_since = func.clock_timestamp()
    group.acknowledged_by = step.acknowledged_by
    group.muted_until = step.muted_until
    group.resolved_at = step.resolved_at
    group.resolved_template = step.resolved_template
    _keep(session, actor, group, step.action, former, words, before)
    session.refresh(group)
    return group


def _locked(session: Session, fingerprint: str) -> ErrorGroup:
    group = session.get(ErrorGroup, fingerprint, with_for_update=True, populate_existing=True)
    if group is None:
        raise NotFound("There is no such error group.")
    return group


def _why_not(group: ErrorGroup, state: GroupState) -> str:
    if state is GroupState.ACKNOWLEDGED:
        return f"{group.acknowledged_by} has acknowledged it already."
    return f"The group is {state.value} already. Reload to see who changed it."


def _checked(note: str) -> str | None:
    words = note.strip()
    if len(words) > LONGEST_NOTE:
        raise InvalidInput(f"A note has at most {LONGEST_NOTE:,} characters.")
    return words or None


def _keep(
    session: Session,
    actor: Actor,
    group: ErrorGroup,
    action: str,
    former: GroupState,
    note: str | None,
    before: dict[str, Any],
) -> None:
    """Write the group's own history and the audit trail, in the transaction of the change itself."""
    session.flush()
    session.execute(
        insert(ErrorGroupChange).values(
            fingerprint=group.fingerprint,
            actor=actor.name,
            action=action,
            from_state=former,
            to_state=group.state,
            note=note,
        )
    )
    after = {name: getattr(group, name) for name in before}
    record(
        session,
        actor=actor,
        action=f"error_group.{action}",
        subject=f"error_group:{group.fingerprint}",
        reason=note,
        before=before,
        after=after,
    )
    session.flush()
