"""Decide what kind of failure an error is: pure, without clock, network or database."""

import dataclasses
from collections.abc import Sequence

from core.classification.details import retry_after, safety_category
from core.classification.evidence import Evidence
from core.classification.overrides.matching import Error, Override
from core.classification.rules import RULES
from core.classification.taxonomy import FailureClass, facts

NO_RULE = "no_rule"
NO_RULE_DESCRIPTION = "No rule matches; it stays unknown rather than guessed."


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The class of one error and why.

    `retryable` is about this error and wins over the policy of its class. `category` is the refused safety
    category, `retry_after` the seconds that the provider asked us to wait; both None where not told.
    """

    failure_class: FailureClass
    retryable: bool
    rule_id: str
    rule_description: str
    category: str | None = None
    retry_after: float | None = None


def classify(
    *,
    where: str,
    exception: str | None = None,
    http_status: int | None = None,
    code: str | None = None,
    text: str = "",
    model: str = "",
    overrides: Sequence[Override] = (),
) -> Verdict:
    """Classify one error.

    `where` is the step that failed: `replicate_http` (the provider's API answered), `prediction` (one
    ended without a picture), `network` (no answer), `asset` or `output_fetch` (the finished picture), `input`
    (selfie and form), `storage`, `database`. `exception` is a type name, with or without its module; `code` a
    machine code, SQLSTATE or the prediction's status. `overrides` are asked before the built-in rules, in
    their order; `model` is for those that ask for one. Never raises; what no rule knows is `unknown`.
    """
    error = Error(where, text, exception, http_status, code, model)
    evidence = error.evidence
    if override := next((each for each in overrides if each.conditions.match(error)), None):
        return overridden(override, evidence)
    rule = next((rule for rule in RULES if rule.matches(evidence)), None)
    if rule is None:
        return Verdict(FailureClass.UNKNOWN, False, NO_RULE, NO_RULE_DESCRIPTION)
    return Verdict(
        failure_class=rule.failure_class,
        retryable=rule.retryable,
        rule_id=rule.id,
        rule_description=rule.description,
        category=told_category(evidence, rule.failure_class),
        retry_after=told_wait(evidence, rule.retryable),
    )


def overridden(override: Override, evidence: Evidence) -> Verdict:
    """The class that the override names, retried as that class is."""
    retryable = facts(override.failure_class).retry.retry
    return Verdict(
        failure_class=override.failure_class,
        retryable=retryable,
        rule_id=override.rule_id,
        rule_description=f"An override rule by {override.made_by}: {override.reason}",
        category=told_category(evidence, override.failure_class),
        retry_after=told_wait(evidence, retryable),
    )


def told_category(evidence: Evidence, failure_class: FailureClass) -> str | None:
    return safety_category(evidence) if failure_class is FailureClass.CONTENT_POLICY else None


def told_wait(evidence: Evidence, retryable: bool) -> float | None:
    return retry_after(evidence) if retryable else None
