"""What the Health page says: reasons, steps and troubles in the operator's words; pure."""

import dataclasses
from datetime import timedelta

from core.foundation.wording import clock_offset, count, duration
from core.health.clock import ClockHealth
from core.health.provider import Freshness
from core.health.stuck import Reason, Step, Stuck
from core.health.view import Health
from core.tables.generation import State

LAG_OF_NOTE = timedelta(seconds=60)


@dataclasses.dataclass(frozen=True)
class ReasonWords:
    """A reason's title, and what it means and what happens by itself."""

    title: str
    meaning: str


REASONS = {
    Reason.OUTPUT_EXPIRING: ReasonWords(
        "Picture about to be deleted",
        "Drawn and paid, but not stored yet; the provider deletes it when its time is up.",
    ),
    Reason.NOT_FETCHED: ReasonWords(
        "Picture does not come",
        "Drawn, but the provider's file could not be fetched so far. It is tried again with growing waits.",
    ),
    Reason.STORE_AWAY: ReasonWords(
        "Object store away",
        "The picture is safe in the database and moves on as soon as the object store takes it.",
    ),
    Reason.WORKER_VANISHED: ReasonWords(
        "Worker vanished",
        "The worker that holds it is gone. Another takes over by itself when the lease has run out.",
    ),
    Reason.ANSWER_LOST: ReasonWords(
        "Answer lost",
        "Sent, but the answer never came. The provider's list is searched for it; nothing is paid twice.",
    ),
    Reason.PROVIDER_OVERDUE: ReasonWords(
        "Provider overdue",
        "The provider has been drawing for longer than for nearly all others of the last days.",
    ),
    Reason.NO_WORKER: ReasonWords(
        "No worker",
        "Due, and nobody takes it. Start a worker (make worker), or cancel what should not wait.",
    ),
}
STEPS = {
    Step.STORE: "Store now",
    Step.ADOPT: "Look now",
    Step.POLL: "Ask now",
    Step.CANCEL: "Cancel",
}
STEP_ICONS = {
    Step.STORE: ":material/download:",
    Step.ADOPT: ":material/travel_explore:",
    Step.POLL: ":material/sync:",
    Step.CANCEL: ":material/block:",
}
STEP_HELP = {
    Step.STORE: "Ends the wait: the next free worker stores it at once.",
    Step.ADOPT: "Reads the provider's list now and takes over what is found there.",
    Step.POLL: "Asks the provider about this one now and takes over what it says.",
    Step.CANCEL: "Ends it; its credits go back to the wallet.",
}
TICKS = {
    "submit_generations": "Submit",
    "store_avatars": "Store",
    "sweep_provider": "Sweep",
    "stop_unwanted_predictions": "Stop unwanted",
    "end_overdue_generations": "End overdue",
    "ask_for_stragglers": "Stragglers",
    "beat_heart": "Heartbeat",
    "prove_object_store": "Object store",
}
REQUESTS = {"create": "New predictions", "read": "Looking after them"}
SWEEPS = {Freshness.IDLE: "Nothing to look for", Freshness.FRESH: "Fresh", Freshness.LATE: "Late"}


def tick_title(name: str) -> str:
    """A tick's name for people; a new one's own name, readable."""
    return TICKS.get(name, name.replace("_", " ").capitalize())


def told(stuck: Stuck) -> str:
    """What is particular about this one."""
    match stuck.reason:
        case Reason.OUTPUT_EXPIRING:
            return _until(stuck.left, "deleted in {}", "may be deleted already")
        case Reason.NOT_FETCHED | Reason.STORE_AWAY:
            return count(stuck.tries, "try", "tries")
        case Reason.WORKER_VANISHED:
            return f"held by {stuck.holder}"
        case Reason.ANSWER_LOST:
            return _until(stuck.left, "given up in {}", "settled by the next list that can tell")
        case Reason.PROVIDER_OVERDUE:
            return f"overdue after {duration(stuck.usual)}"
        case Reason.NO_WORKER:
            return "waits for a worker" if stuck.state is State.QUEUED else "waits to be stored"


def _until(left: timedelta | None, running: str, over: str) -> str:
    return running.format(duration(left)) if left and left > timedelta() else over


def troubles(seen: Health) -> list[str]:
    """What is wrong now, a sentence each, the most pressing first; empty when all is well."""
    found = []
    if not seen.alive:
        found.append("No worker is alive, so nothing moves. Start one: make worker.")
    for each in seen.missed:
        held = f" and holds {count(each.held, 'generation')}" if each.held else ""
        found.append(f"Worker {each.worker.id} has been silent for {duration(each.silent_for)}{held}.")
    if seen.store and seen.store.problem:
        found.append(seen.store.problem)
    if seen.alive and seen.sweep.freshness is Freshness.LATE:
        ago = f"was {duration(seen.sweep.ago)} ago" if seen.sweep.ago else "never was"
        found.append(f"The last look at the provider's list {ago}; pictures are found late.")
    if sentence := _clock_trouble(seen.clock):
        found.append(sentence)
    if seen.alive and seen.lag and seen.lag > LAG_OF_NOTE:
        found.append(
            f"Due work has been waiting for {duration(seen.lag)}: workers or the provider's limits are short."
        )
    found += _failing_ticks(seen)
    return found


def _clock_trouble(clock: ClockHealth) -> str:
    if clock.off and clock.offset is not None and clock.give is not None:
        apart = clock_offset(clock.offset, clock.give)
        return (
            f"The provider's clock is {apart}. Nothing is paid twice for it; make sure that the database's "
            "server keeps its time by the network."
        )
    if clock.in_doubt:
        return (
            f"Work has been going on for {duration(clock.unknown_for)} while it is not known how far the "
            "provider's clock is from ours. Lost answers stay open until it is; nothing is paid twice."
        )
    return ""


def clock_state(clock: ClockHealth) -> tuple[str, str, str]:
    """Colour, word and details of the provider's clock."""
    ago = f"measured {duration(clock.seen_ago)} ago" if clock.seen_ago else "not measured yet"
    if clock.offset is None or clock.give is None:
        return ("gray" if clock.unknown_for is None else "orange"), "Not known now", ago
    details = f"{clock_offset(clock.offset, clock.give)}, {ago}"
    return ("red", "Apart", details) if clock.off else ("green", "In step", details)


def _failing_ticks(seen: Health) -> list[str]:
    return [
        f"{tick_title(tick.name)} fails on {each.worker.id}: {tick.problem}"
        for each in seen.workers
        if each.alive
        for tick in each.problems
        if tick.name != "prove_object_store"
    ]


def size(bytes_: int) -> str:
    """`8.2 MB`, `1.4 GB`."""
    if bytes_ < 1_000_000_000:
        return f"{bytes_ / 1_000_000:,.1f} MB"
    return f"{bytes_ / 1_000_000_000:,.1f} GB"


def quick(span: timedelta) -> str:
    """The time of an answer, which may well be less than a millisecond."""
    return "< 1 ms" if span < timedelta(milliseconds=1) else duration(span)
