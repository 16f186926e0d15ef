"""What pages show of promotions: the watch with both versions' figures, and what was promoted before."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from core.promotion.conditions import Condition
from core.promotion.guard import titles, watched
from core.promotion.limits import from_json
from core.promotion.live import Counts, Figures, figures, former_jobs
from core.promotion.watch import too_many
from core.prompts.labels import PRODUCTION
from core.tables.access import Staff
from core.tables.promotion import Promotion, PromotionGuard, PromotionLimits
from core.tables.prompts import Prompt, PromptLabel, PromptVersion

MOST = 50
NOTICED_FOR = timedelta(days=7)


@dataclasses.dataclass(frozen=True)
class Watch:
    """The watch that is on. `too_many`: from so many refusals on, the next job would be one too many.

    `moves` is the label's count that a roll back has to show.
    """

    promotion_id: int
    version_id: int
    title: str
    former_title: str
    promoted_by: str
    at: datetime
    since: timedelta
    automatic: bool
    regressed: bool
    said: str | None
    jobs: int
    until: datetime
    now: Figures
    before: Figures
    too_many: int
    moves: int


@dataclasses.dataclass(frozen=True)
class Past:
    """One promotion with its conditions as they were judged, and how its watch stands or ended."""

    id: int
    at: datetime
    who: str
    title: str
    former_title: str
    experiment_id: int | None
    conditions: tuple[Condition, ...]
    overridden: bool
    reason: str
    automatic: bool
    state: str
    said: str | None
    ended_at: datetime | None
    ended_by: str | None
    moves: int


@dataclasses.dataclass(frozen=True)
class LimitsChange:
    """One version of the limits, and what it said otherwise than the one before: name, before, after."""

    version: int
    at: datetime
    who: str | None
    reason: str
    changes: tuple[tuple[str, float, float], ...]


def watch(session: Session) -> Watch | None:
    """The watch that is on, None where nothing is watched."""
    row = session.execute(
        select(PromotionGuard, Promotion, Staff.name)
        .join(Promotion, Promotion.id == PromotionGuard.promotion_id)
        .join(Staff, Staff.id == Promotion.actor_id)
        .where(PromotionGuard.ended_at.is_(None))
    ).one_or_none()
    if row is None:
        return None
    guard, promotion, who = row
    label = session.get_one(PromptLabel, PRODUCTION)
    title, former_title = titles(session, promotion)
    jobs, counted = watched(session, guard), Counts.from_json(guard.former)
    before = figures(session, former_jobs(session, promotion.former_id, promotion.at))
    now: datetime = session.scalars(select(func.clock_timestamp())).one()
    return Watch(
        promotion_id=promotion.id,
        version_id=promotion.version_id,
        title=title,
        former_title=former_title,
        promoted_by=who,
        at=promotion.at,
        since=now - promotion.at,
        automatic=guard.automatic,
        regressed=guard.state == "regressed",
        said=guard.said,
        jobs=guard.jobs,
        until=guard.until,
        now=figures(session, jobs),
        # The counts that it is held against are those of the promotion; times and money are as known now.
        before=dataclasses.replace(before, counts=counted),
        too_many=too_many(counted, jobs, most=guard.jobs),
        moves=label.moves,
    )


def rolled_back_lately(session: Session) -> Past | None:
    """The promotion that Inkdesk itself took back within a week, while nobody moved production since."""
    latest = next(iter(promotions(session, most=1)), None)
    label = session.get(PromptLabel, PRODUCTION)
    now: datetime = session.scalars(select(func.clock_timestamp())).one()
    if latest is None or label is None or latest.state != "rolled_back" or latest.ended_by is not None:
        return None
    fresh = latest.ended_at is not None and now - latest.ended_at < NOTICED_FOR
    return latest if fresh and label.moves == latest.moves + 1 else None


def promotions(session: Session, *, most: int = MOST) -> Sequence[Past]:
    """The latest promotions, the newest first."""
    version, former = aliased(PromptVersion), aliased(PromptVersion)
    prompt, former_prompt = aliased(Prompt), aliased(Prompt)
    who, ender = aliased(Staff), aliased(Staff)
    rows = session.execute(
        select(
            Promotion,
            PromotionGuard,
            who.name,
            ender.name,
            prompt.name,
            version.number,
            former_prompt.name,
            former.number,
        )
        .join(PromotionGuard, PromotionGuard.promotion_id == Promotion.id)
        .join(who, who.id == Promotion.actor_id)
        .join(version, version.id == Promotion.version_id)
        .join(prompt, prompt.id == version.prompt_id)
        .join(former, former.id == Promotion.former_id)
        .join(former_prompt, former_prompt.id == former.prompt_id)
        .outerjoin(ender, ender.id == PromotionGuard.ended_by)
        .order_by(Promotion.id.desc())
        .limit(most)
    )
    return [
        Past(
            id=promotion.id,
            at=promotion.at,
            who=name,
            title=f"{of} v{number}",
            former_title=f"{of_former} v{former_number}",
            experiment_id=promotion.experiment_id,
            conditions=tuple(Condition.from_json(each) for each in promotion.conditions),
            overridden=promotion.overridden,
            reason=promotion.reason,
            automatic=guard.automatic,
            state=guard.state,
            said=guard.said,
            ended_at=guard.ended_at,
            ended_by=ended_by,
            moves=promotion.moves,
        )
        for promotion, guard, name, ended_by, of, number, of_former, former_number in rows
    ]


def limits_history(session: Session) -> Sequence[LimitsChange]:
    """Every version of the limits, the newest first."""
    rows = session.execute(
        select(PromotionLimits, Staff.name)
        .outerjoin(Staff, Staff.id == PromotionLimits.author_id)
        .order_by(PromotionLimits.version)
    ).all()
    told: list[LimitsChange] = []
    before: dict[str, float] = {}
    for row, who in rows:
        said = dataclasses.asdict(from_json(row.body))
        changes = tuple(
            (name, before[name], value) for name, value in said.items() if before and before[name] != value
        )
        told.append(LimitsChange(row.version, row.created_at, who, row.reason, changes))
        before = said
    return told[::-1]
