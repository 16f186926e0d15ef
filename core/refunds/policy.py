"""The refund policy: rules in order, limits, and the pure function that decides by them."""

import dataclasses
import enum
from collections.abc import Mapping
from typing import Any

from core.classification.taxonomy import FailureClass, Fault
from core.foundation.errors import InvalidInput
from core.tables.refund_states import CaseKind


class Outcome(enum.StrEnum):
    """What the policy does with a case."""

    AUTO = "auto"  # pays at once, as far as the limits allow
    REVIEW = "review"  # a person decides
    DENY = "deny"  # keeps the credits; the customer may appeal


@dataclasses.dataclass(frozen=True)
class CaseFacts:
    """All that the policy looks at. Counts and credits are the customer's, of the last 30 days.

    `refund_share` is what came back of what was charged, from 0 to 1; this case is in neither.
    """

    kind: CaseKind
    failure_class: str | None
    fault: str | None
    amount: int
    refunds: int = 0
    refund_share: float = 0.0


@dataclasses.dataclass(frozen=True)
class Rule:
    """One rule. It fits a case that meets every condition given; an empty one is met by all.

    `refunds_over` and `share_over` look at the customer's last 30 days. `due_hours` is the time until the
    decision is due, None for the policy's own.
    """

    name: str
    outcome: Outcome
    kinds: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    amount_over: int | None = None
    refunds_over: int | None = None
    share_over: float | None = None
    second_person: bool = False
    due_hours: float | None = None

    def fits(self, case: CaseFacts) -> bool:
        return (
            (not self.kinds or case.kind in self.kinds)
            and (not self.classes or case.failure_class in self.classes)
            and (not self.faults or case.fault in self.faults)
            and (self.amount_over is None or case.amount > self.amount_over)
            and (self.refunds_over is None or case.refunds > self.refunds_over)
            and (self.share_over is None or case.refund_share > self.share_over)
        )


@dataclasses.dataclass(frozen=True)
class Cap:
    """How many automatic refunds, and how many credits by them, within one window."""

    refunds: int
    credits: int


@dataclasses.dataclass(frozen=True)
class Policy:
    """One whole set of rules; the first that fits decides, and nothing that fits none is paid unseen.

    `second_over`: from more credits than this to one customer within a day, a second person must agree.
    `small_limit`: up to so many credits, silence until the due time counts for the customer.
    `breaker_factor`: automatic refunds stop for the hour at so many times the usual hour, yet never below
    `breaker_floor` refunds.
    """

    rules: tuple[Rule, ...]
    customer_day: Cap
    customer_month: Cap
    provider_hour: Cap
    global_hour: Cap
    second_over: int
    small_limit: int
    due_hours: float
    hard_limit_hours: float
    breaker_factor: float
    breaker_floor: int


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What the policy says of one case, by which rule, and why in a sentence."""

    outcome: Outcome
    rule: str
    why: str
    second_person: bool
    due_hours: float


NO_RULE = "no rule fits"

DEFAULT = Policy(
    rules=(
        Rule("canceled", Outcome.AUTO, classes=(FailureClass.CANCELED,)),
        Rule("goodwill", Outcome.REVIEW, kinds=(CaseKind.GOODWILL,)),
        Rule("many refunds lately", Outcome.REVIEW, refunds_over=5, share_over=0.2),
        Rule("unknown cause", Outcome.REVIEW, classes=(FailureClass.UNKNOWN,)),
        Rule("not the customer's doing", Outcome.AUTO, faults=(Fault.US, Fault.PROVIDER)),
        Rule("the customer's content or input", Outcome.REVIEW, faults=(Fault.CUSTOMER,)),
    ),
    customer_day=Cap(3, 1_000),
    customer_month=Cap(10, 3_000),
    provider_hour=Cap(2_000, 100_000),
    global_hour=Cap(2_000, 100_000),
    second_over=100,
    small_limit=20,
    due_hours=24.0,
    hard_limit_hours=72.0,
    breaker_factor=3.0,
    breaker_floor=20,
)


def decide(policy: Policy, case: CaseFacts) -> Verdict:
    """The verdict of the first rule that fits; a person decides where none does."""
    rule = next((each for each in policy.rules if each.fits(case)), Rule(NO_RULE, Outcome.REVIEW))
    return Verdict(
        outcome=rule.outcome,
        rule=rule.name,
        why=explain(rule, case),
        second_person=rule.second_person or case.amount > policy.second_over,
        due_hours=policy.due_hours if rule.due_hours is None else rule.due_hours,
    )


def explain(rule: Rule, case: CaseFacts) -> str:
    """Why the rule fits, with the values that it looked at."""
    met = []
    if rule.kinds:
        met.append(f"it is a {case.kind} case")
    if rule.classes:
        met.append(f"the class is {case.failure_class}")
    if rule.faults:
        met.append(f"the fault lies with {WHOSE.get(case.fault or '', 'nobody known')}")
    if rule.amount_over is not None:
        met.append(f"{case.amount} credits are over {rule.amount_over}")
    if rule.refunds_over is not None:
        met.append(f"{case.refunds} refunds in 30 days are over {rule.refunds_over}")
    if rule.share_over is not None:
        met.append(f"{case.refund_share:.0%} of the charges came back, over {rule.share_over:.0%}")
    return f"Rule “{rule.name}”" + (f": {', '.join(met)}." if met else ".")


def to_json(policy: Policy) -> dict[str, Any]:
    """The policy as the table keeps it."""
    return dataclasses.asdict(policy)


def from_json(body: Mapping[str, Any]) -> Policy:
    """The policy that a version keeps. Raises InvalidInput with a sentence for what no policy can be."""
    try:
        values: dict[str, Any] = {name: Cap(**body[name]) for name in CAPS}
        values |= {name: body[name] for name in PLAIN}
        policy = Policy(rules=tuple(_rule(each) for each in body["rules"]), **values)
    except (KeyError, TypeError, ValueError) as exc:
        raise InvalidInput(f"This is no refund policy: {exc}.") from exc
    check(policy)
    return policy


def check(policy: Policy) -> None:
    """Raises InvalidInput where a policy contradicts itself or has impossible values."""
    names = [rule.name.strip() for rule in policy.rules]
    if not all(names) or len(set(names)) != len(names):
        raise InvalidInput("Every rule needs a name of its own.")
    for rule in policy.rules:
        _check_rule(rule)
    for name, title in CAPS.items():
        cap: Cap = getattr(policy, name)
        if not (_whole(cap.refunds) and _whole(cap.credits)):
            raise InvalidInput(f"The limit {title} needs whole numbers from 0.")
    if not (_whole(policy.second_over) and _whole(policy.small_limit) and _whole(policy.breaker_floor)):
        raise InvalidInput("Credits and counts are whole numbers from 0.")
    if not 0 < policy.due_hours <= policy.hard_limit_hours <= 24 * 90:
        raise InvalidInput("The due time lies before the last hour, and that within 90 days.")
    if policy.breaker_factor < 1:
        raise InvalidInput("The breaker cannot stop below the usual hour: give a factor from 1.")


# Which limits there are, and what the desk calls them.
CAPS = {
    "customer_day": "per customer and day",
    "customer_month": "per customer and month",
    "provider_hour": "per provider and hour",
    "global_hour": "per hour, over all customers",
}
PLAIN = ("second_over", "small_limit", "due_hours", "hard_limit_hours", "breaker_factor", "breaker_floor")
WHOSE: dict[str, str] = {Fault.CUSTOMER: "the customer", Fault.US: "us", Fault.PROVIDER: "the provider"}


def _rule(body: Mapping[str, Any]) -> Rule:
    lists = {name: tuple(body.get(name) or ()) for name in ("kinds", "classes", "faults")}
    return Rule(**{**body, **lists, "outcome": Outcome(body["outcome"])})


def _check_rule(rule: Rule) -> None:
    known: dict[str, set[Any]] = {
        "kinds": set(CaseKind),
        "classes": set(FailureClass),
        "faults": set(Fault),
    }
    for field, values in known.items():
        if strange := sorted(set(getattr(rule, field)) - values):
            raise InvalidInput(f"Rule “{rule.name}” names {', '.join(strange)}, which does not exist.")
    if rule.due_hours is not None and not 0 < rule.due_hours <= 24 * 90:
        raise InvalidInput(f"Rule “{rule.name}”: the due time lies between 0 and 90 days.")
    if rule.share_over is not None and not 0 <= rule.share_over <= 1:
        raise InvalidInput(f"Rule “{rule.name}”: a share lies between 0 and 1.")
    for count in (rule.amount_over, rule.refunds_over):
        if count is not None and not _whole(count):
            raise InvalidInput(f"Rule “{rule.name}”: credits and counts are whole numbers from 0.")
    if rule.outcome is Outcome.AUTO and CaseKind.GOODWILL in rule.kinds:
        raise InvalidInput(f"Rule “{rule.name}”: goodwill is never paid without a person.")


def _whole(value: object) -> bool:
    # bool is an int to Python, and a form may hand over a float.
    return type(value) is int and value >= 0
