"""What goes out, and what came back."""

import dataclasses
import enum


@dataclasses.dataclass(frozen=True)
class Message:
    """One message in plain words. `key` stays the same however often it is tried."""

    title: str
    body: str
    link: str | None = None
    key: str = ""


class Outcome(enum.StrEnum):
    """What became of one try."""

    ACCEPTED = "accepted"
    RETRY = "retry"  # later it may work
    REFUSED = "refused"  # as it is, it never will


@dataclasses.dataclass(frozen=True)
class Answer:
    """The other side's answer to one try. `retry_after`: seconds that it asked us to wait."""

    outcome: Outcome
    text: str
    status: int | None = None
    retry_after: float | None = None
