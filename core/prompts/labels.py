"""Labels point at versions: `production` at the one that customers get. Every move is kept with a reason."""

import dataclasses
import re
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Session, aliased

from core.access.permissions import Actor, Permission, require
from core.access.staff import record
from core.foundation.errors import Conflict, InvalidInput, NotFound
from core.prompts.library import get_version
from core.tables.access import Staff
from core.tables.prompts import Prompt, PromptLabel, PromptLabelMove, PromptVersion

PRODUCTION = "production"
NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
LONGEST_REASON = 500


@dataclasses.dataclass(frozen=True)
class Label:
    """A label as it stands. `former_id` is the version that it pointed at before, None for its first."""

    name: str
    version_id: int
    title: str
    moves: int
    moved_by: str | None
    moved_at: datetime
    former_id: int | None
    former_title: str | None


@dataclasses.dataclass(frozen=True)
class Move:
    """One move in a label's history; `before` and `after` are None where it was made or removed."""

    at: datetime
    actor: str | None
    before: str | None
    after: str | None
    reason: str


def labelled(session: Session, name: str = PRODUCTION) -> PromptVersion:
    """The version that a label points at in this moment. Raises NotFound."""
    query = select(PromptVersion).join(PromptLabel, PromptLabel.version_id == PromptVersion.id)
    found = session.scalars(query.where(PromptLabel.name == name)).one_or_none()
    if found is None:
        raise NotFound(f"No version bears the label {name}. Put it on one on the Prompts page.")
    return found


def labels(session: Session) -> list[Label]:
    """Every label, `production` first."""
    rows = session.execute(
        select(PromptLabel, PromptVersion.number, Prompt.name, Staff.name)
        .join(PromptVersion, PromptVersion.id == PromptLabel.version_id)
        .join(Prompt, Prompt.id == PromptVersion.prompt_id)
        .outerjoin(Staff, Staff.id == PromptLabel.moved_by)
        .order_by(PromptLabel.name != PRODUCTION, PromptLabel.name)
    ).all()
    formers = _formers(session)
    return [
        Label(
            name=label.name,
            version_id=label.version_id,
            title=f"{prompt} v{number}",
            moves=label.moves,
            moved_by=who,
            moved_at=label.moved_at,
            former_id=formers.get(label.name, (None, None))[0],
            former_title=formers.get(label.name, (None, None))[1],
        )
        for label, number, prompt, who in rows
    ]


def history(session: Session, name: str) -> Sequence[Move]:
    """Every move of a label, the latest first."""
    before, after = aliased(PromptVersion), aliased(PromptVersion)
    of_before, of_after = aliased(Prompt), aliased(Prompt)
    rows = session.execute(
        select(PromptLabelMove, Staff.name, of_before.name, before.number, of_after.name, after.number)
        .outerjoin(Staff, Staff.id == PromptLabelMove.actor_id)
        .outerjoin(before, before.id == PromptLabelMove.from_version_id)
        .outerjoin(of_before, of_before.id == before.prompt_id)
        .outerjoin(after, after.id == PromptLabelMove.to_version_id)
        .outerjoin(of_after, of_after.id == after.prompt_id)
        .where(PromptLabelMove.name == name)
        .order_by(PromptLabelMove.id.desc())
    ).all()
    return [
        Move(move.at, who, _title(was, was_number), _title(now, now_number), move.reason)
        for move, who, was, was_number, now, now_number in rows
    ]


def move_label(
    session: Session, *, actor: Actor, name: str, version_id: int, seen_moves: int, reason: str
) -> PromptLabel:
    """Point a label at a version; a name that is new (`seen_moves` 0) makes the label.

    It counts for the next generation. Where `production` points already it only moves through the gate
    (`promotion.gate.promote`) or back. Raises NotAllowed, NotFound, InvalidInput, and Conflict where somebody
    moved it since `seen_moves`, it is there already, or the version is archived.
    """
    require(actor, Permission.MOVE_PRODUCTION if name == PRODUCTION else Permission.MOVE_LABELS)
    if not NAME.fullmatch(name):
        raise InvalidInput("A label has small letters, digits and hyphens, a letter first; 40 at most.")
    why = checked_reason(reason)
    label = locked_label(session, name, seen_moves)
    refuse_target(session, label, version_id)
    if name == PRODUCTION and label is not None:
        raise Conflict("What is in production is replaced by a promotion. Use Promote on the version.")
    return put_label(session, actor=actor, name=name, version_id=version_id, label=label, reason=why)


def refuse_target(session: Session, label: PromptLabel | None, version_id: int) -> None:
    """Raises NotFound or Conflict where a label cannot point at a version: archived, or there already."""
    _refuse_archived(session, version_id)
    if label is not None and label.version_id == version_id:
        raise Conflict(f"{label.name} points at this version already.")


def put_label(
    session: Session,
    *,
    actor: Actor | None,
    name: str,
    version_id: int,
    label: PromptLabel | None,
    reason: str,
) -> PromptLabel:
    """Write the move, whoever asks; `label` is the locked row, None where there is none yet."""
    former = None if label is None else label.version_id
    of_it = select(func.count()).select_from(PromptLabelMove).where(PromptLabelMove.name == name)
    moves = (session.scalar(of_it) or 0) + 1
    if label is None:
        made = insert(PromptLabel).values(
            name=name, version_id=version_id, moves=moves, moved_by=None if actor is None else actor.id
        )
        label = session.scalars(made.on_conflict_do_nothing().returning(PromptLabel)).one_or_none()
        if label is None:
            raise Conflict(f"The label {name} was made meanwhile. Look again before you move it.")
    else:
        label.version_id, label.moves = version_id, moves
        label.moved_by, label.moved_at = None if actor is None else actor.id, func.clock_timestamp()
    _keep(session, actor, name, former, version_id, reason)
    return label


def roll_back(
    session: Session, *, actor: Actor, name: str, seen_moves: int, reason: str = "rolled back"
) -> PromptLabel:
    """Point a label at the version that it pointed at before its latest move. Raises as `move_label`.

    No gate: what customers had before is always one click away.
    """
    require(actor, Permission.MOVE_PRODUCTION if name == PRODUCTION else Permission.MOVE_LABELS)
    why = checked_reason(reason)
    label = locked_label(session, name, seen_moves)
    former_id, _ = _formers(session).get(name, (None, None))
    if label is None or former_id is None:
        raise Conflict(f"The label {name} has not been moved yet: there is nothing to roll back to.")
    refuse_target(session, label, former_id)
    return put_label(session, actor=actor, name=name, version_id=former_id, label=label, reason=why)


def remove_label(session: Session, *, actor: Actor, name: str, seen_moves: int, reason: str) -> None:
    """Take an own label away; `production` stays. Raises NotAllowed, NotFound, InvalidInput, Conflict."""
    require(actor, Permission.MOVE_LABELS)
    if name == PRODUCTION:
        raise InvalidInput("The production label can be moved, not removed.")
    why = checked_reason(reason)
    label = locked_label(session, name, seen_moves)
    if label is None:
        raise NotFound(f"There is no label {name}.")
    former = label.version_id
    session.delete(label)
    _keep(session, actor, name, former, None, why)


def locked_label(session: Session, name: str, seen_moves: int) -> PromptLabel | None:
    """The label, locked until the transaction ends; None where there is none yet.

    Raises Conflict where somebody moved it since `seen_moves`, NotFound for one that never was.
    """
    label = session.get(PromptLabel, name, with_for_update=True, populate_existing=True)
    moves = label.moves if label is not None else 0
    if moves == seen_moves:
        return label
    latest = next(iter(history(session, name)), None)
    if latest is None:
        raise NotFound(f"There is no label {name}.")
    who, where = latest.actor or "Inkdesk", f"to {latest.after}" if latest.after else "away"
    raise Conflict(
        f"{who} has moved {name} {where} meanwhile ({latest.reason}). Look again before you move it."
    )


def _refuse_archived(session: Session, version_id: int) -> None:
    version = get_version(session, version_id)
    # Locked against archiving until the label points at it.
    prompt = session.get_one(
        Prompt, version.prompt_id, with_for_update={"read": True}, populate_existing=True
    )
    session.refresh(version, with_for_update={"read": True})
    if prompt.archived_at is not None or version.archived_at is not None:
        what = prompt.name if prompt.archived_at is not None else f"{prompt.name} v{version.number}"
        raise Conflict(f"{what} is archived. Restore it before a label points at it.")


def _keep(
    session: Session, actor: Actor | None, name: str, before: int | None, after: int | None, reason: str
) -> None:
    """Write the label's own history and the audit trail, in the transaction of the move itself."""
    session.add(
        PromptLabelMove(
            name=name,
            from_version_id=before,
            to_version_id=after,
            actor_id=None if actor is None else actor.id,
            reason=reason,
        )
    )
    if actor is not None:
        record(
            session,
            actor=actor,
            action="prompt_label.move" if after is not None else "prompt_label.remove",
            subject=f"prompt_label:{name}",
            reason=reason,
            before={"version_id": before},
            after={"version_id": after},
        )
    session.flush()


def _formers(session: Session) -> dict[str, tuple[int | None, str | None]]:
    rows = session.execute(
        select(PromptLabelMove.name, PromptLabelMove.from_version_id, Prompt.name, PromptVersion.number)
        .outerjoin(PromptVersion, PromptVersion.id == PromptLabelMove.from_version_id)
        .outerjoin(Prompt, Prompt.id == PromptVersion.prompt_id)
        .ext(distinct_on(PromptLabelMove.name))
        .order_by(PromptLabelMove.name, PromptLabelMove.id.desc())
    ).all()
    return {name: (former, _title(prompt, number)) for name, former, prompt, number in rows}


def _title(prompt: str | None, number: int | None) -> str | None:
    return None if prompt is None or number is None else f"{prompt} v{number}"


def checked_reason(reason: str) -> str:
    """The reason as it is kept. Raises InvalidInput without one."""
    words = reason.strip()
    if not words:
        raise InvalidInput("Say why the label is moved.")
    if len(words) > LONGEST_REASON:
        raise InvalidInput(f"The reason has at most {LONGEST_REASON} characters.")
    return words
