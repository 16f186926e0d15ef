"""What a reading says, in words and figures."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from core.alerts.kinds import Kind
from core.foundation.wording import clock_offset, count, dollars, duration


def sentence(kind: Kind, facts: Mapping[str, Any]) -> str:
    """One sentence without its end, for a message or a row."""
    return WORDS[kind](facts)


def _rate(facts: Mapping[str, Any]) -> str:
    return f"{_share(facts)} failed within {facts['minutes']:g} min"


def _refunds(facts: Mapping[str, Any]) -> str:
    return f"{_share(facts)} were refunded within {facts['minutes']:g} min"


def _limit(facts: Mapping[str, Any]) -> str:
    return (
        f"{facts['count']:,} of {count(facts['limit'], 'automatic refund')} this hour "
        f"({count(facts['credits'], 'credit')}); new cases wait for a person"
    )


def _hits(facts: Mapping[str, Any]) -> str:
    return f"{count(facts['count'], 'generation')} within {facts['minutes']:g} min"


def _group(facts: Mapping[str, Any]) -> str:
    return f"{count(facts['count'], 'occurrence')}: {facts['message']}"


def _age(facts: Mapping[str, Any]) -> str:
    age = duration(timedelta(seconds=facts["seconds"]))
    return f"{age}, {count(facts['count'], 'generation')} in the queue"


def _expiring(facts: Mapping[str, Any]) -> str:
    left = facts["seconds_left"]
    soon = f", the first is deleted in {duration(timedelta(seconds=left))}" if left is not None else ""
    return f"{count(facts['count'], 'paid picture')}{soon}"


def _clock(facts: Mapping[str, Any]) -> str:
    if "offset" in facts:
        return f"the provider's clock is {clock_offset(facts['offset'], facts['give'])}"
    since = duration(timedelta(seconds=facts["seconds"]))
    return f"not known how far it is from ours, while work has been going on for {since}"


def _silent(facts: Mapping[str, Any]) -> str:
    return f"last sign of life at {facts['beat_at'][:19].replace('T', ' ')} UTC"


def _spent(facts: Mapping[str, Any]) -> str:
    spent, limit = _dollars(facts["usd"]), _dollars(facts["limit"])
    return f"{spent} for {count(facts['attempts'], 'attempt')}, the limit is {limit}"


def _dead(facts: Mapping[str, Any]) -> str:
    return f"{count(facts['tries'], 'failed try', 'failed tries')}, last answer: {facts['answer']}"


def _blind(facts: Mapping[str, Any]) -> str:
    return f"{', '.join(facts['rules'])}: {facts['problem']}"


def _promotion(facts: Mapping[str, Any]) -> str:
    then = "the former version is back" if facts["rolled_back"] else "it waits for a person to roll it back"
    return f"{facts['said'].removesuffix('.')}; {then}"


def _share(facts: Mapping[str, Any]) -> str:
    hits, cases = facts["hits"], facts["cases"]
    share = hits / cases if cases else 0.0
    return f"{share:.1%} (95 % interval {facts['low']:.1%} to {facts['high']:.1%}), {hits:,} of {cases:,}"


def _dollars(amount: float) -> str:
    return dollars(Decimal(str(round(amount, 4))))


WORDS: dict[Kind, Callable[[Mapping[str, Any]], str]] = {
    Kind.FAILURE_RATE: _rate,
    Kind.CLASS_COUNT: _hits,
    Kind.PROVIDER_STOP: _hits,
    Kind.ERROR_GROUP: _group,
    Kind.QUEUE_AGE: _age,
    Kind.STUCK: lambda facts: count(facts["count"], "generation"),
    Kind.OUTPUT_EXPIRING: _expiring,
    Kind.PROVIDER_CLOCK: _clock,
    Kind.WORKER_SILENT: _silent,
    Kind.SPEND: _spent,
    Kind.REFUND_RATE: _refunds,
    Kind.REFUND_LIMIT: _limit,
    Kind.LEDGER: lambda facts: count(facts["count"], "finding"),
    Kind.PROMOTION: _promotion,
    Kind.CHANNEL_DEAD: _dead,
    Kind.BLIND: _blind,
}
