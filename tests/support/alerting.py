"""What tests of alerts need: rules on a database, failures in time, and a clock that they move."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sqlalchemy import select

from core.access.permissions import Actor
from core.access.staff import active_staff, settle_personas
from core.alerts.evaluate import evaluate
from core.alerts.rules import rules, save_rule, seed_rules
from core.classification.events import Failure, note_failure
from core.foundation.database import Database
from core.services import Services
from core.settings import Settings
from core.tables.alerts import Alert, AlertHistory, AlertRule
from core.tables.notifications import Delivery, Notification, NotificationChannel
from tests.support.factories import make_generations


def services_on(database: Database, **changes: object) -> Services:
    """Services that reach the database, and neither an object store nor a provider."""
    settings = Settings().model_copy(
        update={"notify_private": True, "desk_url": "http://desk.test", **changes}
    )
    return Services(settings=settings, database=database, objects=cast(Any, None), gateway=cast(Any, None))


@dataclasses.dataclass
class Watch:
    """The alert rules at work on one database. `start` is the test's moment zero."""

    services: Services
    start: datetime

    @classmethod
    def open(cls, database: Database, **changes: object) -> "Watch":
        services = services_on(database, **changes)
        with database.transaction() as session:
            settle_personas(session, local=True)
            seed_rules(session)
        return cls(services, datetime.now(UTC).replace(microsecond=0))

    @property
    def database(self) -> Database:
        return self.services.database

    def actor(self, role: str = "admin") -> Actor:
        with self.database.transaction() as session:
            return next(actor for actor in active_staff(session) if role in actor.roles)

    def at(self, seconds: float) -> datetime:
        return self.start + timedelta(seconds=seconds)

    def look(self, seconds: float) -> None:
        """Evaluate everything that is due at that second."""
        evaluate(self.services, now=self.at(seconds))

    def looks(self, *seconds: float) -> None:
        for each in seconds:
            self.look(each)

    def ended(
        self, seconds: float, *, failed: int = 0, succeeded: int = 0, why: str = "timeout", **columns: Any
    ) -> None:
        """So many generations ended at that second."""
        with self.database.transaction() as session:
            moment = self.at(seconds)
            good = {"state": "succeeded", "credits": 0, "finished_at": moment, **columns}
            make_generations(session, [good] * succeeded)
            bad = {**good, "state": "failed", "failure_class": why}
            for made in make_generations(session, [bad] * failed):
                failure = Failure(made.id, made.customer_id, why, f"It broke: {why}", "h")
                note_failure(session, failure, at=moment)

    def edit(self, slug: str, why: str = "for the test", **changes: object) -> None:
        """Save another version of a rule."""
        with self.database.transaction() as session:
            rule = next(each for each in rules(session) if each.slug == slug)
            parameters = {**rule.spec.parameters, **cast(dict[str, float], changes.pop("parameters", {}))}
            spec = dataclasses.replace(rule.spec, parameters=parameters, **cast(Any, changes))
            save_rule(
                session, actor=self.actor(), rule_id=rule.id, seen_version=rule.version, spec=spec, reason=why
            )

    def only(self, *slugs: str) -> None:
        """Switch every other rule off."""
        with self.database.transaction() as session:
            others = [each.slug for each in rules(session) if each.slug not in slugs]
        for slug in others:
            self.edit(slug, enabled=False)

    def alerts(self, slug: str | None = None) -> list[Alert]:
        with self.database.transaction() as session:
            query = select(Alert).join(AlertRule, AlertRule.id == Alert.rule_id).order_by(Alert.id)
            return list(session.scalars(query.where(AlertRule.slug == slug) if slug else query))

    def states(self, slug: str) -> list[str]:
        return [each.state for each in self.alerts(slug)]

    def history(self, alert_id: int) -> list[str]:
        with self.database.transaction() as session:
            query = select(AlertHistory.action).where(AlertHistory.alert_id == alert_id)
            return list(session.scalars(query.order_by(AlertHistory.id)))

    def messages(self) -> list[Notification]:
        with self.database.transaction() as session:
            return list(session.scalars(select(Notification).order_by(Notification.id)))

    def titles(self) -> list[str]:
        return [each.title for each in self.messages()]

    def channel(self, name: str, address: str, *, kind: str = "webhook", severity: str = "info") -> int:
        with self.database.transaction() as session:
            row = NotificationChannel(
                name=name, kind=kind, address=address, min_severity=severity, enabled=True, made_by="t"
            )
            session.add(row)
            session.flush()
            return row.id

    def deliveries(self) -> list[Delivery]:
        with self.database.transaction() as session:
            return list(session.scalars(select(Delivery).order_by(Delivery.id)))


def failing(watch: Watch) -> None:
    """From second 0 on: 30 of 40 fail."""
    watch.only("failure-rate")
    watch.ended(-1, failed=30, succeeded=10)
