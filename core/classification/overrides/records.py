"""Override rules as operators keep them: added, changed, switched off and on, every version remembered."""

import dataclasses
import math
import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.access.staff import record
from core.catalog.models import MODELS
from core.classification.evidence import PLACES
from core.classification.overrides.in_force import conditions_of
from core.classification.overrides.matching import Conditions, Override, fold, parts_of
from core.classification.taxonomy import FailureClass
from core.foundation.errors import Conflict, InvalidInput, NotFound
from core.tables.failures import ErrorEvent
from core.tables.overrides import ErrorOverride, ErrorOverrideVersion

LONGEST_PATTERN = 500
LEAST_LETTERS = 3
LONGEST_REASON = 500
LAST_POSITION = 1_000
# Each failure is held against all of them.
MOST_RULES = 100
DAYS = 30
# What `fingerprint.normalise` puts in the place of ids, numbers and addresses.
PLACEHOLDER = re.compile(r"<[a-z]{1,8}>")


@dataclasses.dataclass(frozen=True)
class Spec:
    """What one version of a rule says: what it matches, the class that it gives, and when it is asked."""

    conditions: Conditions
    failure_class: FailureClass
    position: int = 100
    enabled: bool = True

    def checked(self) -> "Spec":
        """The same without needless spaces. Raises InvalidInput where it cannot be a rule."""
        given = self.conditions
        code = (given.code or "").strip() or None
        pattern = " ".join(given.pattern.split()).strip("* ")
        _check_pattern(pattern, bound=bool(given.http_status or code))
        if given.http_status is not None and not 100 <= given.http_status <= 599:
            raise InvalidInput("An HTTP status is a number from 100 to 599.")
        if code and len(code) > LONGEST_PATTERN:
            raise InvalidInput(f"A code has at most {LONGEST_PATTERN} characters.")
        if given.model is not None and given.model not in MODELS:
            raise InvalidInput(f"There is no model {given.model}.")
        if not 1 <= self.position <= LAST_POSITION:
            raise InvalidInput(f"The order is a number from 1 to {LAST_POSITION:,}.")
        place = PLACES.get(given.place, given.place) if given.place else None
        conditions = dataclasses.replace(given, pattern=pattern, code=code, place=place)
        return dataclasses.replace(self, conditions=conditions)

    def columns(self) -> dict[str, object]:
        """The row's columns."""
        return {
            **dataclasses.asdict(self.conditions),
            "failure_class": self.failure_class.value,
            "position": self.position,
            "enabled": self.enabled,
        }


@dataclasses.dataclass(frozen=True)
class Version:
    """One version of a rule: what it says, who made it, when and why."""

    override_id: int
    version: int
    spec: Spec
    made_by: str
    made_at: datetime
    reason: str

    @property
    def override(self) -> Override:
        """As the classifier takes it."""
        spec = self.spec
        return Override(
            self.override_id, self.version, spec.conditions, spec.failure_class, self.made_by, self.reason
        )


def asked_before(rules: Sequence[Version], spec: Spec, override_id: int | None) -> list[Override]:
    """Of the rules in force, those that would be asked before this one; None is one that is not saved yet."""
    last = (spec.position, math.inf if override_id is None else override_id)
    return [
        each.override for each in rules if each.spec.enabled and (each.spec.position, each.override_id) < last
    ]


def list_overrides(session: Session) -> list[Version]:
    """Every rule with the version in force, in the order in which they are asked, those switched off last."""
    version = ErrorOverrideVersion
    rows = session.scalars(
        select(version)
        .join(
            ErrorOverride,
            (ErrorOverride.id == version.override_id) & (ErrorOverride.version == version.version),
        )
        .order_by(version.enabled.desc(), version.position, version.override_id)
    )
    return [_version(row) for row in rows]


def history(session: Session, override_id: int) -> list[Version]:
    """Every version, the latest first. Raises NotFound."""
    rows = session.scalars(
        select(ErrorOverrideVersion)
        .where(ErrorOverrideVersion.override_id == override_id)
        .order_by(ErrorOverrideVersion.version.desc())
    )
    found = [_version(row) for row in rows]
    if not found:
        raise NotFound("There is no such rule.")
    return found


def caught(session: Session, *, days: int = DAYS) -> dict[int, int]:
    """How many failures each rule has classified in the last days, in whatever version."""
    rule = ErrorEvent.rule
    number = func.split_part(func.split_part(rule, ":", 2), ".", 1)
    since = func.now() - timedelta(days=days)
    rows = session.execute(
        select(number, func.count()).where(rule.like("override:%"), ErrorEvent.at >= since).group_by(number)
    )
    return {int(each): events for each, events in rows}


def add_override(session: Session, *, actor: Actor, spec: Spec, reason: str) -> int:
    """Put a new rule in force; its number. Raises NotAllowed, InvalidInput."""
    require(actor, Permission.CONFIGURE_CLASSES)
    checked, why = spec.checked(), _checked_reason(reason)
    if len(list_overrides(session)) >= MOST_RULES:
        raise InvalidInput(f"There are {MOST_RULES} rules already. Change one that is switched off instead.")
    rule = ErrorOverride()
    session.add(rule)
    session.flush()
    _keep(session, actor, rule, checked, why, before=None)
    return rule.id


def change_override(
    session: Session, *, actor: Actor, override_id: int, seen_version: int, spec: Spec, reason: str
) -> int:
    """Put another version in force; its number. Switching off and restoring an older version are one too.

    Raises NotAllowed, NotFound, InvalidInput, and Conflict where somebody saved another version since
    `seen_version`.
    """
    require(actor, Permission.CONFIGURE_CLASSES)
    checked, why = spec.checked(), _checked_reason(reason)
    rule = session.get(ErrorOverride, override_id, with_for_update=True, populate_existing=True)
    if rule is None:
        raise NotFound("There is no such rule.")
    now = _version(session.get_one(ErrorOverrideVersion, (rule.id, rule.version)))
    if rule.version != seen_version:
        raise Conflict(
            f"{now.made_by} has saved version {now.version} meanwhile ({now.reason}). "
            "Open the rule again to see what it says now."
        )
    if checked == now.spec:
        raise InvalidInput("Nothing was changed.")
    rule.version += 1
    _keep(session, actor, rule, checked, why, before=now)
    return rule.version


def _keep(
    session: Session, actor: Actor, rule: ErrorOverride, spec: Spec, reason: str, *, before: Version | None
) -> None:
    """Write the version and the audit trail, in the transaction of the change itself."""
    number = 1 if before is None else rule.version
    session.add(
        ErrorOverrideVersion(
            override_id=rule.id, version=number, made_by=actor.name, reason=reason, **spec.columns()
        )
    )
    record(
        session,
        actor=actor,
        action="error_override.add" if before is None else "error_override.change",
        subject=f"error_override:{rule.id}",
        reason=reason,
        before=None if before is None else {"version": before.version, **before.spec.columns()},
        after={"version": number, **spec.columns()},
    )
    session.flush()


def _check_pattern(pattern: str, *, bound: bool) -> None:
    if len(pattern) > LONGEST_PATTERN:
        raise InvalidInput(f"A pattern has at most {LONGEST_PATTERN} characters.")
    letters = sum(character.isalnum() for part in parts_of(pattern) for character in part)
    if letters < LEAST_LETTERS and (pattern or not bound):
        raise InvalidInput(
            f"A pattern needs at least {LEAST_LETTERS} letters or digits. "
            "Beside a status or code it may stay empty."
        )


def _checked_reason(reason: str) -> str:
    words = reason.strip()
    if not words:
        raise InvalidInput("Say why the rule is needed or changed.")
    if len(words) > LONGEST_REASON:
        raise InvalidInput(f"The reason has at most {LONGEST_REASON} characters.")
    return words


def _version(row: ErrorOverrideVersion) -> Version:
    return Version(
        override_id=row.override_id,
        version=row.version,
        spec=Spec(conditions_of(row), FailureClass(row.failure_class), row.position, row.enabled),
        made_by=row.made_by,
        made_at=row.made_at,
        reason=row.reason,
    )


def suggested_pattern(message: str) -> str:
    """A group's message as a pattern: a star in the place of every id, number and address."""
    pieces = PLACEHOLDER.split(fold(message))
    return "*".join(pieces)[:LONGEST_PATTERN]
