"""Why a case was not decided automatically, and the smallest change of the policy that would have done it.

Every candidate is tried by the policy's own function: what is named here has been seen to work.
"""

import dataclasses
from collections.abc import Iterator

from core.refunds.policy import CAPS, CaseFacts, Outcome, Policy, Rule, decide
from core.tables.refund_states import CaseKind

LIMIT = "limit "


@dataclasses.dataclass(frozen=True)
class Change:
    """One change of one value, in words; `rule` is the one that it is made in, None for a limit."""

    words: str
    rule: str | None


def smallest_change(policy: Policy, seen: CaseFacts, fired: str) -> Change | None:
    """The smallest change that would have had the case paid at once; None where none may, as for goodwill.

    `fired` is the rule that was noted with the decision, or the limit that held it back.
    """
    if seen.kind is CaseKind.GOODWILL:
        return None
    if fired.startswith(LIMIT):
        return _raised(policy, fired.removeprefix(LIMIT), seen.amount)
    for words, rule, changed in _candidates(policy, seen):
        if decide(changed, seen).outcome is Outcome.AUTO:
            return Change(words, rule)
    return None


def _raised(policy: Policy, title: str, amount: int) -> Change | None:
    for name, known in CAPS.items():
        if known == title:
            cap = getattr(policy, name)
            refunds = f"{cap.refunds + 1:,} refunds instead of {cap.refunds:,}"
            total = f"{cap.credits + amount:,} credits instead of {cap.credits:,}"
            return Change(f"Raise the limit {title} to {refunds} or {total}, whichever was reached.", None)
    return None


def _candidates(policy: Policy, seen: CaseFacts) -> Iterator[tuple[str, str, Policy]]:
    """Changes from the smallest: a threshold moved just far enough, a rule's outcome, a rule more."""
    fitting = next((rule for rule in policy.rules if rule.fits(seen)), None)
    if fitting is not None:
        for words, rule in _relaxed(fitting, seen):
            yield words, fitting.name, _with(policy, fitting, rule)
        yield (
            f"Let rule “{fitting.name}” pay at once instead of asking a person.",
            fitting.name,
            _with(policy, fitting, dataclasses.replace(fitting, outcome=Outcome.AUTO)),
        )
    else:
        extra = Rule(
            f"{seen.failure_class}", Outcome.AUTO, classes=(seen.failure_class,) if seen.failure_class else ()
        )
        yield (
            f"Add a rule that pays the class {seen.failure_class} at once; no rule speaks of it.",
            extra.name,
            dataclasses.replace(policy, rules=(*policy.rules, extra)),
        )


def _relaxed(rule: Rule, seen: CaseFacts) -> Iterator[tuple[str, Rule]]:
    """A rule that does not fit the case any more, because one of its thresholds lies at the case's value."""
    if rule.refunds_over is not None:
        words = f"from {seen.refunds + 1} refunds in 30 days on, instead of {rule.refunds_over + 1}"
        yield f"Rule “{rule.name}”: {words}.", dataclasses.replace(rule, refunds_over=seen.refunds)
    if rule.share_over is not None:
        yield (
            f"Rule “{rule.name}”: a share over {seen.refund_share:.0%} instead of {rule.share_over:.0%}.",
            dataclasses.replace(rule, share_over=min(1.0, seen.refund_share)),
        )
    if rule.amount_over is not None:
        yield (
            f"Rule “{rule.name}”: more than {seen.amount} credits instead of {rule.amount_over}.",
            dataclasses.replace(rule, amount_over=seen.amount),
        )


def _with(policy: Policy, old: Rule, new: Rule) -> Policy:
    return dataclasses.replace(policy, rules=tuple(new if rule == old else rule for rule in policy.rules))
