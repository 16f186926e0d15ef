"""The watch over what was promoted: customers' jobs against the former version's, and the way back.

A tick of every worker looks. What it finds is written under the lock of the label, where it is looked at once
more, so that several workers move it once, and never over a move that a person made meanwhile.
"""

import dataclasses
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.access.staff import record
from core.foundation.clock import NOW
from core.foundation.database import Database
from core.foundation.errors import Conflict
from core.foundation.wording import count
from core.promotion.limits import Limits
from core.promotion.live import Counts, Job, counts, former_jobs, jobs_since
from core.promotion.watch import regressed
from core.prompts.labels import PRODUCTION, history, put_label, refuse_target, roll_back
from core.prompts.library import get_version
from core.tables.access import AuditEvent
from core.tables.generation import Generation
from core.tables.promotion import Promotion, PromotionGuard
from core.tables.prompts import Prompt, PromptLabel

# Jobs that do not count are read too; beyond so many the watch has seen enough anyway.
READ_FACTOR = 4


@dataclasses.dataclass(frozen=True)
class Finding:
    """What a look says the guard should be; `said` is the sentence that goes with it."""

    state: str
    said: str


def begin(session: Session, promotion: Promotion, *, limits: Limits, automatic: bool) -> PromotionGuard:
    """Watch a promotion. What the former version met is kept as it is now: jobs that end later were its too,
    but a bound that moves would hold no promise."""
    former = counts(former_jobs(session, promotion.former_id, promotion.at))
    guard = PromotionGuard(
        promotion_id=promotion.id,
        automatic=automatic,
        state="watching",
        former=dataclasses.asdict(former),
        after_id=session.scalar(select(func.max(Generation.id))) or 0,
        jobs=limits.guard_jobs,
        until=promotion.at + timedelta(days=limits.guard_days),
    )
    session.add(guard)
    session.flush()
    return guard


def supersede(session: Session, *, by: int | None, said: str) -> None:
    """End the watch that is on, if one is: somebody decided otherwise."""
    guard = _open(session, lock=True)
    if guard is not None:
        _end(session, guard, "superseded", said, by=by)


def look(database: Database) -> str | None:
    """Look at the watch that is on, and act; what it came to in this look, None where nothing changed."""
    with database.transaction() as session:
        guard = _open(session)
        if guard is None or _finding(session, guard) is None:
            return None
    with database.transaction() as session:
        return _settle(session)


def roll_back_now(session: Session, *, actor: Actor, promotion_id: int, seen_moves: int) -> None:
    """Bring the former version back, with the figures of this moment as the reason.

    Raises NotAllowed, and Conflict where the label was moved since `seen_moves` or the watch has ended.
    """
    guard = session.get(PromotionGuard, promotion_id)
    if guard is None or guard.ended_at is not None:
        raise Conflict("This watch has ended. Look again at what is in production.")
    why = guard.said or f"rolled back by hand after {count(len(watched(session, guard)), 'customer job')}"
    roll_back(session, actor=actor, name=PRODUCTION, seen_moves=seen_moves, reason=why)
    session.refresh(guard, with_for_update=True)
    _end(session, guard, "rolled_back", why, by=actor.id)


def set_automatic(session: Session, *, actor: Actor, promotion_id: int, automatic: bool) -> None:
    """Switch the automatic roll back of a watch on or off. Raises NotAllowed, Conflict where it has ended."""
    require(actor, Permission.MOVE_PRODUCTION)
    guard = session.get(PromotionGuard, promotion_id, with_for_update=True, populate_existing=True)
    if guard is None or guard.ended_at is not None:
        raise Conflict("This watch has ended; there is nothing to switch.")
    before, guard.automatic = guard.automatic, automatic
    record(
        session,
        actor=actor,
        action="promotion_guard.switch",
        subject=f"promotion:{promotion_id}",
        before={"automatic": before},
        after={"automatic": automatic},
    )
    session.flush()


def titles(session: Session, promotion: Promotion) -> tuple[str, str]:
    """What the promoted and the former version are called."""
    return title_of(session, promotion.version_id), title_of(session, promotion.former_id)


def title_of(session: Session, version_id: int) -> str:
    """`Woodcut v7`."""
    version = get_version(session, version_id)
    return f"{session.get_one(Prompt, version.prompt_id).name} v{version.number}"


def _open(session: Session, *, lock: bool = False) -> PromotionGuard | None:
    query = select(PromotionGuard).where(PromotionGuard.ended_at.is_(None))
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.scalars(query).one_or_none()


def watched(session: Session, guard: PromotionGuard) -> list[Job]:
    """The customers' jobs of the promoted version since the promotion, in order, as many as are looked at."""
    promotion = session.get_one(Promotion, guard.promotion_id)
    most = guard.jobs * READ_FACTOR
    return jobs_since(session, promotion.version_id, promotion.at, after_id=guard.after_id, most=most)


def _settle(session: Session) -> str | None:
    """Look once more where nobody else can move the label, and write down what is found."""
    label = session.get(PromptLabel, PRODUCTION, with_for_update=True, populate_existing=True)
    guard = _open(session, lock=True)
    if label is None or guard is None:
        return None
    found = _finding(session, guard)
    if found is None:
        return None
    if found.state == "rolled_back":
        _bring_back(session, label, session.get_one(Promotion, guard.promotion_id), found.said)
    if found.state == "regressed":
        guard.state, guard.said, guard.regressed_at = found.state, found.said, func.clock_timestamp()
        session.flush()
    else:
        _end(session, guard, found.state, found.said, by=None)
    return found.state


def _finding(session: Session, guard: PromotionGuard) -> Finding | None:
    """What the guard should be other than it is; None where it is right."""
    promotion = session.get_one(Promotion, guard.promotion_id)
    label = session.get_one(PromptLabel, PRODUCTION, populate_existing=True)
    if label.moves != promotion.moves:
        return Finding("superseded", _who_moved_it(session))
    if guard.state == "regressed":
        back = guard.automatic and _can_go_back(session, label, promotion)
        return Finding("rolled_back", guard.said or "") if back else None
    jobs = watched(session, guard)
    title, former_title = titles(session, promotion)
    wrong = regressed(Counts.from_json(guard.former), jobs, most=guard.jobs)
    if wrong is not None:
        back = guard.automatic and _can_go_back(session, label, promotion)
        return Finding("rolled_back" if back else "regressed", wrong.sentence(title, former_title))
    return _passed(session, guard, jobs, title)


def _passed(session: Session, guard: PromotionGuard, jobs: list[Job], title: str) -> Finding | None:
    seen = counts(jobs)
    told = f"{seen.refused:,} of {count(seen.cases, 'customer job')} of {title} were refused"
    if seen.cases >= guard.jobs:
        return Finding("passed", f"{told}: no more than could be chance.")
    if session.scalars(select(NOW)).one() >= guard.until:
        return Finding("passed", f"The time is over; {told}, no more than could be chance.")
    return None


def _can_go_back(session: Session, label: PromptLabel, promotion: Promotion) -> bool:
    try:
        refuse_target(session, label, promotion.former_id)
    except Conflict:
        # The former version was archived meanwhile: people are told, and decide.
        return False
    return True


def _bring_back(session: Session, label: PromptLabel, promotion: Promotion, said: str) -> None:
    """Move the label as Inkdesk; the audit trail names it beside the person who had it watched."""
    reason = f"Rolled back automatically: {said}"
    put_label(
        session, actor=None, name=PRODUCTION, version_id=promotion.former_id, label=label, reason=reason
    )
    session.add(
        AuditEvent(
            staff_id=promotion.actor_id,
            action="prompt_label.rolled_back_by_inkdesk",
            subject=f"promotion:{promotion.id}",
            reason=reason,
            before={"version_id": promotion.version_id},
            after={"version_id": promotion.former_id, "by": "Inkdesk"},
        )
    )


def _who_moved_it(session: Session) -> str:
    latest = history(session, PRODUCTION)[0]
    return f"{latest.actor or 'Inkdesk'} moved production to {latest.after} ({latest.reason})."


def _end(session: Session, guard: PromotionGuard, state: str, said: str, *, by: int | None) -> None:
    if state == "rolled_back" and guard.regressed_at is None and by is None:
        guard.regressed_at = func.clock_timestamp()
    guard.state, guard.said, guard.ended_by, guard.ended_at = state, said, by, func.clock_timestamp()
    session.flush()
