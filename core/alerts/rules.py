"""Alert rules: the ones that are there from the first start, and their versions."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.access.staff import record
from core.alerts.kinds import KINDS, Kind, Severity, checked_parameters
from core.alerts.machine import NoData, Timing
from core.foundation.errors import Conflict, InvalidInput, NotFound
from core.tables.alerts import AlertRule, AlertRuleVersion

LONGEST_NAME = 80
MOST_SECONDS = 86_400.0


@dataclasses.dataclass(frozen=True)
class RuleSpec:
    """What one version of a rule says. Times in seconds."""

    name: str
    kind: Kind
    severity: Severity
    parameters: Mapping[str, float] = dataclasses.field(default_factory=dict)
    every_seconds: float = 10.0
    for_seconds: float = 0.0
    keep_seconds: float = 120.0
    no_data: NoData = NoData.KEEP
    enabled: bool = True

    @property
    def timing(self) -> Timing:
        return Timing(timedelta(seconds=self.for_seconds), timedelta(seconds=self.keep_seconds), self.no_data)

    def columns(self) -> dict[str, Any]:
        """The row's columns."""
        return {**dataclasses.asdict(self), "parameters": dict(self.parameters)}

    def checked(self) -> "RuleSpec":
        """The same with all parameters. Raises InvalidInput where a value is outside its limits."""
        if not 1 <= len(self.name.strip()) <= LONGEST_NAME:
            raise InvalidInput(f"A rule's name has 1 to {LONGEST_NAME} characters.")
        if not 1 <= self.every_seconds <= MOST_SECONDS:
            raise InvalidInput("A rule is looked at every 1 to 86,400 seconds.")
        if not (0 <= self.for_seconds <= MOST_SECONDS and 0 <= self.keep_seconds <= MOST_SECONDS):
            raise InvalidInput("Waits are 0 to 86,400 seconds.")
        parameters = checked_parameters(self.kind, self.parameters)
        return dataclasses.replace(self, name=self.name.strip(), parameters=parameters)


@dataclasses.dataclass(frozen=True)
class RuleView:
    """A rule in force: how far it was evaluated, and what went wrong with that."""

    id: int
    slug: str
    version: int
    spec: RuleSpec
    evaluated_until: datetime | None
    failures: int
    problem: str | None
    made_by: str
    made_at: datetime

    @property
    def topic(self) -> str:
        """Alerts of one topic go out together."""
        return KINDS[self.spec.kind].topic


WARNING, CRITICAL = Severity.WARNING, Severity.CRITICAL

DEFAULTS: dict[str, RuleSpec] = {
    "provider-stop": RuleSpec("Provider refuses us", Kind.PROVIDER_STOP, CRITICAL, every_seconds=5),
    "failure-rate": RuleSpec("High failure rate", Kind.FAILURE_RATE, CRITICAL, for_seconds=30),
    "class-count": RuleSpec("Many failures of one class", Kind.CLASS_COUNT, WARNING, for_seconds=30),
    "error-group": RuleSpec("New or regressed error group", Kind.ERROR_GROUP, WARNING, keep_seconds=0),
    "queue-age": RuleSpec("Queue too old", Kind.QUEUE_AGE, WARNING, for_seconds=60),
    "stuck": RuleSpec("Generations stuck", Kind.STUCK, WARNING, for_seconds=120, keep_seconds=60),
    "output-expiring": RuleSpec("Paid pictures about to be lost", Kind.OUTPUT_EXPIRING, CRITICAL),
    "provider-clock": RuleSpec("Clocks apart", Kind.PROVIDER_CLOCK, WARNING, for_seconds=60),
    "worker-silent": RuleSpec("Worker silent", Kind.WORKER_SILENT, WARNING, for_seconds=30, keep_seconds=0),
    "spend": RuleSpec("High spend", Kind.SPEND, WARNING, every_seconds=30, keep_seconds=600),
    "refund-rate": RuleSpec("Many refunds", Kind.REFUND_RATE, WARNING, every_seconds=30, for_seconds=60),
    "refund-limit": RuleSpec("Automatic refunds held back", Kind.REFUND_LIMIT, CRITICAL, keep_seconds=60),
    "ledger": RuleSpec("Ledger imbalance", Kind.LEDGER, CRITICAL, every_seconds=30, keep_seconds=0),
    "promotion": RuleSpec(
        "Promoted prompt regressed", Kind.PROMOTION, CRITICAL, every_seconds=5, keep_seconds=0
    ),
    "channel-dead": RuleSpec("Notification channel dead", Kind.CHANNEL_DEAD, CRITICAL, keep_seconds=0),
    "blind": RuleSpec("Alert rule cannot be evaluated", Kind.BLIND, CRITICAL, keep_seconds=0),
}


def seed_rules(session: Session) -> None:
    """Add the default rules that are missing; what was changed since stays."""
    for slug, spec in DEFAULTS.items():
        rule_id = session.scalar(
            insert(AlertRule).values(slug=slug).on_conflict_do_nothing().returning(AlertRule.id)
        )
        if rule_id is not None:
            columns = spec.checked().columns()
            session.add(AlertRuleVersion(rule_id=rule_id, version=1, made_by="system", **columns))
    session.flush()


def rules(session: Session) -> list[RuleView]:
    """Every rule with the version in force, in the order in which they were added."""
    rows = session.execute(
        select(AlertRule, AlertRuleVersion)
        .join(
            AlertRuleVersion,
            (AlertRuleVersion.rule_id == AlertRule.id) & (AlertRuleVersion.version == AlertRule.version),
        )
        .order_by(AlertRule.id)
    )
    return [rule_view(rule, version) for rule, version in rows]


def save_rule(
    session: Session, *, actor: Actor, rule_id: int, seen_version: int, spec: RuleSpec, reason: str
) -> int:
    """Put a new version in force; its number. Raises NotAllowed, NotFound, InvalidInput, and Conflict where
    somebody saved another version since `seen_version`."""
    require(actor, Permission.CONFIGURE_ALERTS)
    if not reason.strip():
        raise InvalidInput("Say why the rule is changed.")
    rule = session.get(AlertRule, rule_id, with_for_update=True, populate_existing=True)
    if rule is None:
        raise NotFound("There is no such rule.")
    if rule.version != seen_version:
        raise Conflict("Somebody changed this rule meanwhile. Reload to see what it says now.")
    before = session.get_one(AlertRuleVersion, (rule_id, rule.version))
    if spec.kind != before.kind:
        raise InvalidInput("A rule keeps what it measures; its numbers can change.")
    columns = spec.checked().columns()
    rule.version += 1
    session.add(
        AlertRuleVersion(
            rule_id=rule_id, version=rule.version, made_by=actor.name, reason=reason.strip(), **columns
        )
    )
    record(
        session,
        actor=actor,
        action="alert_rule.change",
        subject=f"alert_rule:{rule.slug}",
        reason=reason.strip(),
        before={"version": seen_version, **spec_of(before).columns()},
        after={"version": rule.version, **columns},
    )
    session.flush()
    return rule.version


def rule_in_force(session: Session, rule: AlertRule) -> RuleView:
    """The rule with the version that counts now."""
    return rule_view(rule, session.get_one(AlertRuleVersion, (rule.id, rule.version)))


def spec_of(row: AlertRuleVersion) -> RuleSpec:
    """What a version says."""
    return RuleSpec(
        name=row.name,
        kind=Kind(row.kind),
        severity=Severity(row.severity),
        parameters=row.parameters,
        every_seconds=row.every_seconds,
        for_seconds=row.for_seconds,
        keep_seconds=row.keep_seconds,
        no_data=NoData(row.no_data),
        enabled=row.enabled,
    )


def rule_view(rule: AlertRule, version: AlertRuleVersion) -> RuleView:
    """A rule with one of its versions, as plain values."""
    return RuleView(
        id=rule.id,
        slug=rule.slug,
        version=rule.version,
        spec=spec_of(version),
        evaluated_until=rule.evaluated_until,
        failures=rule.failures,
        problem=rule.problem,
        made_by=version.made_by,
        made_at=version.made_at,
    )
