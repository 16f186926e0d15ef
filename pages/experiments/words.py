"""How experiments are told: states, progress, money and forecasts."""

from datetime import timedelta

from core.experiments.plan import Forecast
from core.experiments.views import Progress
from core.foundation.wording import count, dollars, duration

STATES = {
    "draft": ":gray-badge[:material/edit: Not started]",
    "running": ":blue-badge[:material/sync: Running]",
    "stopping": ":orange-badge[:material/hourglass_top: Stopping]",
    "stopped": ":orange-badge[:material/block: Stopped]",
    "done": ":green-badge[:material/check_circle: Done]",
}


def shape(seen: Progress) -> str:
    """`3 variants x 6 selfies x 2 samples`."""
    parts = [count(seen.variants, "variant"), count(seen.selfies, "selfie", "selfies")]
    return " x ".join([*parts, count(seen.repeats, "sample")])


def standing(seen: Progress) -> str:
    """Every image in one of these numbers."""
    numbers = {
        "done": seen.done,
        "failed": seen.failed,
        "under way": seen.running,
        "missing": seen.missing,
    }
    told = ", ".join(f"{number:,} {what}" for what, number in numbers.items() if number)
    return f"{seen.settled:,} of {seen.total:,} images: {told}"


def money(seen: Progress) -> str:
    """`$1.92 spent, $0.42 in flight, cap $4.10`."""
    parts = [f"{dollars(seen.money.spent)} spent"]
    if seen.money.in_flight:
        parts.append(f"{dollars(seen.money.in_flight)} in flight")
    return ", ".join([*parts, f"cap {dollars(seen.budget_usd)}"])


def left(span: timedelta | None) -> str:
    return "time left not known yet" if span is None else f"about {duration(span)} left"


def price(found: Forecast) -> str:
    """`24 images for $1.27`, as buttons name it."""
    if not found.new:
        return f"{count(found.owned, 'owned image')} for nothing"
    return f"{count(found.new, 'image')} for {'at most ' if found.unpublished else ''}{dollars(found.usd)}"


def doubts(found: Forecast) -> list[str]:
    """What somebody should know before they confirm it."""
    told = []
    if found.over_budget:
        told.append(
            f"The cap leaves {dollars(found.budget_left)} of the {dollars(found.usd)}: "
            "it will stop there, with the rest missing."
        )
    if found.over_day:
        told.append(
            f"The day's cap over all experiments leaves {dollars(found.day_left)}: it will stop there."
        )
    if found.unpublished:
        told.append(
            f"The price of {count(found.unpublished, 'image')} is not published; "
            "counted is the most that it can be by what is published."
        )
    return told
