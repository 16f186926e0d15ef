"""Decide what kind of failure an error is: pure, without clock, network or database."""

import dataclasses

from core.failures.details import retry_after, safety_category
from core.failures.evidence import Evidence, read_evidence
from core.failures.rules import RULES
from core.failures.taxonomy import FailureClass

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
) -> Verdict:
    """Classify one error.

    `where` is the step that failed: `replicate_http` (the provider's API answered), `prediction` (one
    ended without a picture), `network` (no answer), `asset` or `output_fetch` (the finished picture), `input`
    (selfie and form), `storage`, `database`. `exception` is a type name, with or without its module; `code` a
    machine code, SQLSTATE or the prediction's status. Never raises; what no rule knows is `unknown`.
    """
    evidence = read_evidence(where=where, exception=exception, http_status=http_status, code=code, text=text)
    rule = next((rule for rule in RULES if rule.matches(evidence)), None)
    if rule is None:
        return Verdict(FailureClass.UNKNOWN, False, NO_RULE, NO_RULE_DESCRIPTION)
    return Verdict(
        failure_class=rule.failure_class,
        retryable=rule.retryable,
        rule_id=rule.id,
        rule_description=rule.description,
        category=safety_category(evidence) if rule.failure_class is FailureClass.CONTENT_POLICY else None,
        retry_after=told_wait(evidence, rule.retryable),
    )


def told_wait(evidence: Evidence, retryable: bool) -> float | None:
    return retry_after(evidence) if retryable else None
