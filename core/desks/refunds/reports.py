"""What became of cases in a time: by class, reason, reviewer and day; how fast, how automatic, how agreed."""

import dataclasses
from collections.abc import Sequence
from datetime import date, datetime, timedelta, tzinfo

from sqlalchemy import RowMapping, func, select, text
from sqlalchemy.orm import Session

from core.foundation.statistics.rates import Rate
from core.monitoring.rollups import Money, floor_quarter, money
from core.monitoring.stacks import title_of
from core.refunds.reasons import REASONS
from core.refunds.versions import in_force
from core.tables.refunds import CompensationCase, DoubleReview

# What one person pays one customer within a day is suspicious from this share of what needs two people.
NEAR_LIMIT = 0.8


@dataclasses.dataclass(frozen=True)
class Line:
    """Closed cases of one class or reason: how many, how decided, and the credits paid."""

    name: str
    title: str
    cases: int
    automatic: int
    approved: int
    denied: int
    other: int
    credits: int


@dataclasses.dataclass(frozen=True)
class Reviewer:
    """What one person decided. `median` is from opening to decision."""

    name: str
    decided: int
    approved: int
    denied: int
    credits: int
    median: timedelta | None
    agreement: Rate


@dataclasses.dataclass(frozen=True)
class Speed:
    """From opening to the decision of a person. `oldest`: how long the oldest open case waits already."""

    decided: int
    median: timedelta | None
    p95: timedelta | None
    open: int
    oldest: timedelta | None


@dataclasses.dataclass(frozen=True)
class Day:
    """One day on the operator's clock, in credits and cases."""

    day: date
    automatic: int
    approved: int
    denied: int
    credits: int


@dataclasses.dataclass(frozen=True)
class NearLimit:
    """One reviewer, one customer, one day: several payments that stay just below what needs two people."""

    reviewer: str
    customer_id: int
    customer: str
    day: date
    payments: int
    credits: int
    limit: int


@dataclasses.dataclass(frozen=True)
class Report:
    """Everything about the time from `since` to `until`; its days are those on the operator's clock."""

    since: datetime
    until: datetime
    days: list[Day]
    classes: list[Line]
    reasons: list[Line]
    reviewers: list[Reviewer]
    speed: Speed
    automatic: Rate
    agreement: Rate
    near_limit: list[NearLimit]
    money: Money
    first: date
    last: date


CLOSED = """
SELECT k.*, coalesce(k.failure_class, 'goodwill') AS class FROM compensation_case k
WHERE k.closed_at >= :since AND k.closed_at < :until AND k.kind <> 'cancel'
"""
COUNTS = """
count(*) AS cases,
count(*) FILTER (WHERE state = 'auto_approved') AS automatic,
count(*) FILTER (WHERE state = 'approved') AS approved,
count(*) FILTER (WHERE state = 'denied') AS denied,
count(*) FILTER (WHERE state IN ('withdrawn', 'reversed')) AS other,
coalesce(sum(amount) FILTER (WHERE state IN ('auto_approved', 'approved')), 0)::bigint AS credits
"""
BY_DAY = text(
    f"SELECT (closed_at AT TIME ZONE :zone)::date AS day, {COUNTS} FROM ({CLOSED}) c GROUP BY 1 ORDER BY 1"  # noqa: S608
)
BY_CLASS = text(
    f"SELECT class AS name, {COUNTS} FROM ({CLOSED}) c GROUP BY 1 ORDER BY credits DESC, cases DESC, 1"  # noqa: S608
)
BY_REASON = text(
    f"SELECT coalesce(reason_code, '') AS name, {COUNTS} FROM ({CLOSED}) c GROUP BY 1 ORDER BY cases DESC, 1"  # noqa: S608
)
BY_REVIEWER = text(f"""
SELECT s.id, s.name, count(*) AS decided, count(*) FILTER (WHERE state = 'approved') AS approved,
    count(*) FILTER (WHERE state = 'denied') AS denied,
    coalesce(sum(amount) FILTER (WHERE state = 'approved'), 0)::bigint AS credits,
    extract(epoch FROM percentile_cont(0.5) WITHIN GROUP (ORDER BY closed_at - opened_at)) AS median
FROM ({CLOSED}) c JOIN staff s ON s.id = c.decided_by GROUP BY s.id, s.name ORDER BY decided DESC, s.name
""")  # noqa: S608 - words of this file only
SPEED = text(f"""
SELECT count(*) AS decided,
    extract(epoch FROM percentile_cont(0.5) WITHIN GROUP (ORDER BY closed_at - opened_at)) AS median,
    extract(epoch FROM percentile_cont(0.95) WITHIN GROUP (ORDER BY closed_at - opened_at)) AS p95
FROM ({CLOSED}) c WHERE decided_by IS NOT NULL
""")  # noqa: S608 - words of this file only
NEAR = text("""
SELECT s.name AS reviewer, c.id AS customer_id, c.name AS customer,
    (l.at AT TIME ZONE :zone)::date AS day, count(*) AS payments, sum(l.amount)::bigint AS credits
FROM case_log l JOIN compensation_case k ON k.id = l.case_id
JOIN staff s ON s.id = l.staff_id JOIN customer c ON c.id = k.customer_id
WHERE l.to_state = 'approved' AND l.at >= :since AND l.at < :until AND k.required_approvals = 1
GROUP BY s.name, c.id, c.name, day
HAVING count(*) > 1 AND sum(l.amount) >= :least
ORDER BY credits DESC, day DESC LIMIT 50
""")


def report(session: Session, *, since: datetime, until: datetime, zone: tzinfo) -> Report:
    """Read everything once. Cases that staff canceled are left out: nobody had to decide them."""
    span = {"since": since, "until": until}
    clock = span | {"zone": str(zone)}
    _, policy = in_force(session)
    by_class = [_line(row, title_of(row["name"])) for row in session.execute(BY_CLASS, span).mappings()]
    return Report(
        since=since,
        until=until,
        days=[_day(row) for row in session.execute(BY_DAY, clock).mappings()],
        classes=by_class,
        reasons=[_line(row, _reason(row["name"])) for row in session.execute(BY_REASON, span).mappings()],
        reviewers=_reviewers(session, span),
        speed=_speed(session, span),
        automatic=Rate(sum(each.automatic for each in by_class), sum(each.cases for each in by_class)),
        agreement=_agreement(session, span),
        near_limit=[
            NearLimit(**row, limit=policy.second_over)
            for row in session.execute(
                NEAR, clock | {"least": max(1, NEAR_LIMIT * policy.second_over)}
            ).mappings()
        ],
        # The tallies of failures are kept by quarters of an hour.
        money=money(session, floor_quarter(since), floor_quarter(until)),
        first=since.astimezone(zone).date(),
        last=until.astimezone(zone).date(),
    )


def _line(row: RowMapping, title: str) -> Line:
    return Line(title=title, **row)


def _reason(code: str) -> str:
    return REASONS[code].title if code in REASONS else "No reason told"


def _day(row: RowMapping) -> Day:
    return Day(row["day"], row["automatic"], row["approved"], row["denied"], int(row["credits"]))


def _reviewers(session: Session, span: dict[str, datetime]) -> list[Reviewer]:
    agreed = _agreement_by_reviewer(session, span)
    return [
        Reviewer(
            row["name"],
            row["decided"],
            row["approved"],
            row["denied"],
            int(row["credits"]),
            _span(row["median"]),
            agreed.get(row["id"], Rate(0, 0)),
        )
        for row in session.execute(BY_REVIEWER, span).mappings()
    ]


def _speed(session: Session, span: dict[str, datetime]) -> Speed:
    row = session.execute(SPEED, span).one()
    waiting, oldest = session.execute(
        select(func.count(), func.min(CompensationCase.opened_at)).where(CompensationCase.closed_at.is_(None))
    ).one()
    now: datetime = session.scalars(select(func.clock_timestamp())).one()
    return Speed(row.decided, _span(row.median), _span(row.p95), waiting, now - oldest if oldest else None)


def _agreement(session: Session, span: dict[str, datetime]) -> Rate:
    found = _agreement_by_reviewer(session, span).values()
    return Rate(sum(rate.hits for rate in found), sum(rate.cases for rate in found))


def _agreement_by_reviewer(session: Session, span: dict[str, datetime]) -> dict[int, Rate]:
    """How often a second reviewer, who saw neither the decision nor the name, would have decided the same."""
    rows = session.execute(
        select(
            DoubleReview.first_staff_id,
            func.count().filter(DoubleReview.first_outcome == DoubleReview.second_outcome),
            func.count(),
        )
        .where(DoubleReview.reviewed_at >= span["since"], DoubleReview.reviewed_at < span["until"])
        .group_by(DoubleReview.first_staff_id)
    )
    return {staff: Rate(int(hits), int(cases)) for staff, hits, cases in rows}


def _span(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=float(seconds))


def lines_csv(report_: Report) -> Sequence[Sequence[object]]:
    """The report as rows for a spreadsheet: what it is by, its name, and the counts."""
    rows: list[Sequence[object]] = [
        ("by", "name", "cases", "automatic", "approved", "denied", "other", "credits")
    ]
    for by, lines in (("class", report_.classes), ("reason", report_.reasons)):
        rows += [
            (by, each.name, each.cases, each.automatic, each.approved, each.denied, each.other, each.credits)
            for each in lines
        ]
    rows += [
        ("reviewer", each.name, each.decided, 0, each.approved, each.denied, 0, each.credits)
        for each in report_.reviewers
    ]
    rows += [
        (
            "day",
            each.day.isoformat(),
            each.automatic + each.approved + each.denied,
            each.automatic,
            each.approved,
            each.denied,
            0,
            each.credits,
        )
        for each in report_.days
    ]
    return rows
