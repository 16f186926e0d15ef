"""What the policy page shows: versions with their history, what differs, and how far the limits are used."""

import dataclasses
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.refunds.budgets import PROVIDER
from core.refunds.policy import CAPS, Policy, Rule
from core.tables.access import Staff
from core.tables.refunds import RefundBudget, RefundPolicy, RefundPolicyActivation


@dataclasses.dataclass(frozen=True)
class VersionLine:
    """One version: who wrote it when and why, and when it was put in force last."""

    version: int
    note: str
    author: str
    created_at: datetime
    activated_at: datetime | None
    activated_by: str | None
    reason: str | None


@dataclasses.dataclass(frozen=True)
class LimitUse:
    """How far a limit of this hour is used. `tripped_at`: since when it holds automatic refunds back."""

    title: str
    refunds: int
    refund_cap: int
    used: int
    credit_cap: int
    tripped_at: datetime | None


PLAIN_TITLES = {
    "second_over": "second person above",
    "small_limit": "silence pays up to",
    "due_hours": "hours until due",
    "hard_limit_hours": "hours until overdue",
    "breaker_factor": "breaker factor",
    "breaker_floor": "breaker never below",
}


def versions(session: Session, limit: int = 50) -> list[VersionLine]:
    """The newest versions first."""
    latest = (
        select(RefundPolicyActivation.version, func.max(RefundPolicyActivation.id).label("id"))
        .group_by(RefundPolicyActivation.version)
        .subquery()
    )
    author, activator = Staff.__table__.alias(), Staff.__table__.alias()
    rows = session.execute(
        select(
            RefundPolicy,
            author.c.name,
            RefundPolicyActivation.at,
            activator.c.name,
            RefundPolicyActivation.reason,
        )
        .join(author, author.c.id == RefundPolicy.author_id, isouter=True)
        .join(latest, latest.c.version == RefundPolicy.version, isouter=True)
        .join(RefundPolicyActivation, RefundPolicyActivation.id == latest.c.id, isouter=True)
        .join(activator, activator.c.id == RefundPolicyActivation.staff_id, isouter=True)
        .order_by(RefundPolicy.version.desc())
        .limit(limit)
    )
    return [
        VersionLine(row.version, row.note, name or "the desk", row.created_at, at, by, reason)
        for row, name, at, by, reason in rows
    ]


def differences(old: Policy, new: Policy) -> list[str]:
    """What a version changes, in words; rules are told by their names and places."""
    before, after = {rule.name: rule for rule in old.rules}, {rule.name: rule for rule in new.rules}
    told = [f"Rule “{name}” is gone." for name in before if name not in after]
    told += [f"Rule “{name}” is new: {in_words(after[name])}" for name in after if name not in before]
    told += [
        f"Rule “{name}” says now: {in_words(after[name])}"
        for name in after
        if name in before and before[name] != after[name]
    ]
    kept = [name for name in before if name in after]
    if kept != [name for name in after if name in before]:
        told.append("The rules stand in another order: " + ", ".join(after) + ".")
    for name, title in (CAPS | PLAIN_TITLES).items():
        was, now = getattr(old, name), getattr(new, name)
        if was != now:
            told.append(f"{title[0].upper()}{title[1:]}: {_value(was)}, now {_value(now)}.")
    return told


def in_words(rule: Rule) -> str:
    """A rule in a sentence."""
    met = [
        f"{label} {', '.join(getattr(rule, field))}"
        for field, label in (("kinds", "kind"), ("classes", "class"), ("faults", "fault of"))
        if getattr(rule, field)
    ]
    if rule.amount_over is not None:
        met.append(f"more than {rule.amount_over} credits")
    if rule.refunds_over is not None:
        met.append(f"more than {rule.refunds_over} refunds in 30 days")
    if rule.share_over is not None:
        met.append(f"more than {rule.share_over:.0%} of the charges came back")
    then = OUTCOME_WORDS[rule.outcome] + (", with a second person" if rule.second_person else "")
    due = f", due within {rule.due_hours:g} hours" if rule.due_hours is not None else ""
    return f"{' and '.join(met) or 'everything'}: {then}{due}."


OUTCOME_WORDS = {"auto": "paid at once", "review": "a person decides", "deny": "kept"}


def limit_use(session: Session, at: datetime | None = None) -> list[LimitUse]:
    """The limits that concern everybody, in the hour of a moment; those of one customer are on the cases."""
    moment = at or func.now()
    titles = {"global:hour": "All customers", f"provider:{PROVIDER}:hour": "Provider"}
    rows = session.scalars(
        select(RefundBudget)
        .where(
            RefundBudget.scope.in_(titles),
            RefundBudget.window_start == func.date_trunc("hour", moment, "UTC"),
        )
        .order_by(RefundBudget.scope)
    )
    return [
        LimitUse(titles[row.scope], row.refunds, row.refund_cap, row.used, row.credit_cap, row.tripped_at)
        for row in rows
    ]


def _value(value: Any) -> str:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        cap = dataclasses.asdict(value)
        return f"{cap['refunds']:,} refunds or {cap['credits']:,} credits"
    return f"{value:g}"
