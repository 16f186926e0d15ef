"""Amounts, durations and moments as the desk writes them; pure, and the only place that formats them."""

from datetime import datetime, timedelta, tzinfo
from decimal import Decimal

UNKNOWN = "—"


def dollars(amount: Decimal | None) -> str:
    """`$0.084`: as many places as it takes (two at least, four at most); a dash where it is not known."""
    if amount is None:
        return UNKNOWN
    text = f"{amount:,.4f}".rstrip("0")
    whole, _, places = text.partition(".")
    return f"${whole}.{places.ljust(2, '0')}"


def duration(span: timedelta | None) -> str:
    """`840 ms`, `12.3 s`, `4 min 05 s`, `2 h 10 min`, `3 d 4 h`; a dash where it is not known."""
    if span is None:
        return UNKNOWN
    # Two machines' clocks may differ by a little, but nothing ended before it began.
    seconds = max(span.total_seconds(), 0.0)
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    return _long(round(seconds))


def ago(span: timedelta) -> str:
    """`just now`, `12 s ago`, `4 min 05 s ago`: how long something is past, without false precision."""
    seconds = round(span.total_seconds())
    if seconds < 2:
        return "just now"
    return f"{seconds} s ago" if seconds < 60 else f"{_long(seconds)} ago"


def _long(seconds: int) -> str:
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if minutes < 60:
        return f"{minutes} min {seconds % 60:02d} s"
    if hours < 24:
        return f"{hours} h {minutes % 60:02d} min"
    return f"{days} d {hours % 24} h"


def moment(at: datetime | None, zone: tzinfo, *, today: datetime | None = None) -> str:
    """`14:03:07` on the day of `today`, else `22 Nov 14:03:07`; a dash where it is not known."""
    if at is None:
        return UNKNOWN
    there = at.astimezone(zone)
    same_day = today is not None and today.astimezone(zone).date() == there.date()
    return there.strftime("%H:%M:%S") if same_day else there.strftime("%-d %b %H:%M:%S")


def clock_offset(seconds: float, give: float) -> str:
    """How far another clock is: `1 h 00 min behind ours, give or take 1.2 s`, or `within 2.0 s of ours`."""
    if abs(seconds) <= give:
        return f"within {duration(timedelta(seconds=abs(seconds) + give))} of ours"
    side = "ahead of" if seconds > 0 else "behind"
    apart = duration(timedelta(seconds=abs(seconds)))
    return f"{apart} {side} ours, give or take {duration(timedelta(seconds=give))}"


def count(number: int, singular: str, plural: str | None = None) -> str:
    """`1 generation`, `1,204 generations`."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"
