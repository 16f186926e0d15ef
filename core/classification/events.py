"""Noting a failure in the transaction that causes it: one event, its group, and a group that comes back."""

import dataclasses
from datetime import datetime
from decimal import Decimal

from sqlalchemy import func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from core.classification.fingerprint import fingerprint, normalise
from core.tables.failures import ErrorEvent, ErrorGroup, ErrorGroupChange

SYSTEM = "system"


@dataclasses.dataclass(frozen=True)
class Source:
    """What the classifier was given beside the text; nothing where we knew the class ourselves."""

    place: str | None = None
    http_status: int | None = None
    code: str | None = None
    exception: str | None = None


NOTHING_GIVEN = Source()


@dataclasses.dataclass(frozen=True)
class Failure:
    """One failed attempt (`attempt_id` is set) or one generation that failed in the end.

    `cost_usd` is what a failed attempt cost us, `credits` what a lost generation had charged.
    """

    generation_id: int
    customer_id: int
    failure_class: str
    detail: str
    template_hash: str
    rule: str | None = None
    attempt_id: int | None = None
    cost_usd: Decimal | None = None
    credits: int = 0
    source: Source = NOTHING_GIVEN


def note_failure(session: Session, failure: Failure, *, at: datetime | None = None) -> str:
    """Write the event; the group appears with its first one, and a resolved one comes back. The fingerprint.

    The group's row is written only when it is new or resolved: during an outage hundreds of failures of one
    group commit side by side without waiting for each other. Its counts follow with the rollup tick.
    """
    name = fingerprint(failure.failure_class, failure.detail)
    moment = at or session.scalars(select(func.clock_timestamp())).one()
    session.execute(
        insert(ErrorEvent).values(
            at=moment,
            kind="generation" if failure.attempt_id is None else "attempt",
            generation_id=failure.generation_id,
            attempt_id=failure.attempt_id,
            customer_id=failure.customer_id,
            fingerprint=name,
            failure_class=failure.failure_class,
            rule=failure.rule,
            template_hash=failure.template_hash,
            cost_usd=failure.cost_usd or Decimal(0),
            credits=failure.credits,
            **dataclasses.asdict(failure.source),
        )
    )
    _first_of_group(session, name, failure, moment)
    regress(session, name, at=moment, template_hash=failure.template_hash)
    return name


def regress(session: Session, name: str, *, at: datetime, template_hash: str) -> bool:
    """Bring a resolved group back, if this failure is later than its resolution; says whether it was the one.

    Where a template was said to be mended, only a failure of that template proves the contrary.
    """
    back = session.scalars(
        update(ErrorGroup)
        .where(ErrorGroup.fingerprint == name, ErrorGroup.state == "resolved", ErrorGroup.resolved_at < at)
        .where(or_(ErrorGroup.resolved_template.is_(None), ErrorGroup.resolved_template == template_hash))
        .values(
            state="regressed",
            state_since=func.clock_timestamp(),
            resolved_at=None,
            resolved_template=None,
        )
        .returning(ErrorGroup.fingerprint)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if back is None:
        return False
    _remember(session, name, action="regressed", before="resolved", after="regressed")
    return True


def _first_of_group(session: Session, name: str, failure: Failure, at: datetime) -> None:
    made = session.scalars(
        upsert(ErrorGroup)
        .values(
            fingerprint=name,
            failure_class=failure.failure_class,
            message=normalise(failure.detail),
            first_seen=at,
            last_seen=at,
        )
        .on_conflict_do_nothing()
        .returning(ErrorGroup.fingerprint)
    ).one_or_none()
    if made is not None:
        _remember(session, name, action="seen", before=None, after="new")


def _remember(session: Session, name: str, *, action: str, before: str | None, after: str) -> None:
    session.execute(
        insert(ErrorGroupChange).values(
            fingerprint=name, actor=SYSTEM, action=action, from_state=before, to_state=after
        )
    )
