"""What a rule can measure: its parameters, how often it is looked at, and what its alerts go out with."""

import dataclasses
import enum
from collections.abc import Mapping
from typing import Any

from core.classification.taxonomy import TAXONOMY, FailureClass, Fault
from core.foundation.errors import InvalidInput


class Severity(enum.StrEnum):
    """How pressing it is; the order is the order of pressure."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


class Kind(enum.StrEnum):
    """What a rule measures."""

    FAILURE_RATE = "failure_rate"
    CLASS_COUNT = "class_count"
    PROVIDER_STOP = "provider_stop"
    ERROR_GROUP = "error_group"
    QUEUE_AGE = "queue_age"
    STUCK = "stuck"
    OUTPUT_EXPIRING = "output_expiring"
    PROVIDER_CLOCK = "provider_clock"
    WORKER_SILENT = "worker_silent"
    SPEND = "spend"
    REFUND_RATE = "refund_rate"
    REFUND_LIMIT = "refund_limit"
    LEDGER = "ledger"
    PROMOTION = "promotion"
    CHANNEL_DEAD = "channel_dead"
    BLIND = "blind"


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One number of a rule, with its unit and limits."""

    name: str
    label: str
    unit: str
    default: float
    least: float
    most: float


@dataclasses.dataclass(frozen=True)
class KindFacts:
    """One row of the table. `topic`: alerts of one topic go out together as one message.

    `historic`: what it measures is kept, so that it can be asked for any moment of the past.
    """

    title: str
    question: str
    topic: str
    historic: bool
    parameters: tuple[Parameter, ...] = ()


# Failures that we or the provider are to blame for; a customer's refused photo is no outage.
OURS = tuple(name for name, row in TAXONOMY.items() if row.fault is not Fault.CUSTOMER)
PROVIDER_STOPS = (FailureClass.AUTH, FailureClass.BILLING, FailureClass.MODEL_UNAVAILABLE)

WINDOW = Parameter("window_minutes", "Window", "min", 15, 1, 1_440)
EVENTS = Parameter("min_events", "Ended at least", "", 20, 1, 100_000)
THRESHOLD = Parameter("threshold_percent", "Certainly above", "%", 20, 0.1, 99.9)

KINDS: dict[Kind, KindFacts] = {
    Kind.FAILURE_RATE: KindFacts(
        "Failure rate",
        "Is the share of generations that failed by our or the provider's fault certainly above the "
        "threshold (lower end of Wilson's 95 % interval)?",
        "failures",
        historic=True,
        parameters=(WINDOW, THRESHOLD, EVENTS),
    ),
    Kind.CLASS_COUNT: KindFacts(
        "Generations hit by one class",
        "Has one error class that is not the customer's hit at least so many generations?",
        "failures",
        historic=True,
        parameters=(
            dataclasses.replace(WINDOW, default=10),
            Parameter("at_least", "Generations at least", "", 10, 1, 1e6),
        ),
    ),
    Kind.PROVIDER_STOP: KindFacts(
        "Provider refuses us",
        "Did the provider refuse our key, our account or the model?",
        "provider",
        historic=True,
        parameters=(
            dataclasses.replace(WINDOW, default=10),
            Parameter("at_least", "Generations at least", "", 1, 1, 1e6),
        ),
    ),
    Kind.ERROR_GROUP: KindFacts(
        "New or regressed error group",
        "Has an error group that nobody has taken yet appeared, come back or escalated?",
        "failures",
        historic=False,
        parameters=(
            dataclasses.replace(WINDOW, default=60),
            Parameter("at_least", "Occurrences at least", "", 3, 1, 1e6),
        ),
    ),
    Kind.QUEUE_AGE: KindFacts(
        "Queue age",
        "Has the oldest queued generation waited for too long?",
        "queue",
        historic=False,
        parameters=(Parameter("minutes", "Longer than", "min", 5, 0.1, 1_440),),
    ),
    Kind.STUCK: KindFacts(
        "Stuck generations",
        "Are generations stuck, by reason?",
        "queue",
        historic=False,
        parameters=(Parameter("at_least", "Generations at least", "", 1, 1, 1e6),),
    ),
    Kind.OUTPUT_EXPIRING: KindFacts(
        "Output about to be deleted",
        "Is a drawn and paid picture not stored yet, and soon deleted by the provider?",
        "outputs",
        historic=False,
        parameters=(Parameter("within_minutes", "Deleted within", "min", 30, 1, 1_440),),
    ),
    Kind.PROVIDER_CLOCK: KindFacts(
        "Provider's clock off",
        "Is the provider's clock certainly further from the database's than this, or is that not known while "
        "work goes on? Nothing is paid twice for it, but lost answers then stay open for longer.",
        "provider",
        historic=False,
        parameters=(Parameter("seconds", "Further than", "s", 30, 1, 86_400),),
    ),
    Kind.WORKER_SILENT: KindFacts(
        "Worker silent",
        "Has a worker fallen silent without a goodbye?",
        "workers",
        historic=False,
        parameters=(Parameter("forget_minutes", "Forgotten after", "min", 15, 1, 1_440),),
    ),
    Kind.SPEND: KindFacts(
        "Spend per hour",
        "Have we paid the provider more than this within an hour?",
        "money",
        historic=True,
        parameters=(Parameter("usd", "More than", "$ an hour", 25, 0.01, 1e6),),
    ),
    Kind.REFUND_RATE: KindFacts(
        "Refund rate",
        "Is the share of settled charges that were given back certainly above the threshold?",
        "money",
        historic=True,
        parameters=(
            dataclasses.replace(WINDOW, default=60),
            dataclasses.replace(THRESHOLD, default=30),
            EVENTS,
        ),
    ),
    Kind.REFUND_LIMIT: KindFacts(
        "Automatic refunds held back",
        "Is a limit on automatic refunds of all customers reached, so that new cases wait for people?",
        "money",
        historic=False,
    ),
    Kind.LEDGER: KindFacts(
        "Ledger imbalance",
        "Did a check of the books find that the ledger breaks one of its own rules?",
        "ledger",
        historic=False,
    ),
    Kind.PROMOTION: KindFacts(
        "Promoted prompt regressed",
        "Are customers' jobs of a newly promoted prompt version refused more than chance allows, or was it "
        "rolled back for that lately?",
        "prompts",
        historic=False,
        parameters=(Parameter("told_minutes", "After a roll back, for", "min", 60, 1, 10_080),),
    ),
    Kind.CHANNEL_DEAD: KindFacts(
        "Notification channel dead",
        "Does a channel no longer take messages? Told on the other channels.",
        "channels",
        historic=False,
        parameters=(Parameter("tries", "Failed tries in a row", "", 3, 1, 100),),
    ),
    Kind.BLIND: KindFacts(
        "Evaluator blind",
        "Can a rule not be evaluated? Its alerts stay as they were.",
        "evaluator",
        historic=False,
        parameters=(Parameter("evaluations", "Failed evaluations in a row", "", 2, 1, 100),),
    ),
}

# Told without waiting for others of their topic.
IMMEDIATE = (Kind.PROVIDER_STOP, Kind.LEDGER, Kind.PROMOTION)
# While the first fires, alerts of the others are its consequences and are not told.
INHIBITS: dict[Kind, tuple[Kind, ...]] = {
    Kind.PROVIDER_STOP: (Kind.FAILURE_RATE, Kind.CLASS_COUNT, Kind.ERROR_GROUP, Kind.QUEUE_AGE),
    Kind.FAILURE_RATE: (Kind.CLASS_COUNT, Kind.ERROR_GROUP),
}


def checked_parameters(kind: Kind, given: Mapping[str, Any]) -> dict[str, float]:
    """All parameters of the kind, defaults where none is given. Raises InvalidInput outside their limits."""
    known = {each.name: each for each in KINDS[kind].parameters}
    if unknown := set(given) - set(known):
        raise InvalidInput(f"A rule of this kind has no {', '.join(sorted(unknown))}.")
    found = {}
    for name, each in known.items():
        value = float(given.get(name, each.default))
        if not each.least <= value <= each.most:
            raise InvalidInput(f"{each.label}: from {each.least:g} to {each.most:,g}.")
        found[name] = value
    return found
