"""What can be set about a sandbox."""

import dataclasses
import secrets


def new_token() -> str:
    """A token shaped like Replicate's: `r8_` and 37 characters."""
    return "r8_" + secrets.token_hex(19)[:37]


@dataclasses.dataclass
class Options:
    """Durations are the provider's seconds; they take `time_scale` times as long here.

    Sources: output kept for an hour and files for a day, running limit of 30 minutes, 600 creations and 3000
    other requests a minute (Replicate docs: data retention, lifecycle, rate limits; file expiry as recorded
    by the client's own tests).
    """

    time_scale: float = 1.0
    token: str = dataclasses.field(default_factory=new_token)
    starting: tuple[float, float] = (2.0, 4.0)
    processing: tuple[float, float] = (8.0, 15.0)
    retention: float = 3600.0
    file_retention: float = 86400.0
    running_limit: float = 1800.0
    enforce_limits: bool = False
    creates_per_minute: int = 600
    others_per_minute: int = 3000
    page_size: int = 100
    file_limit: int = 100 * 1000 * 1000
    mix: dict[str, float] = dataclasses.field(default_factory=dict)
    seed: int = 0
    # Whether listed and fetched predictions carry data URIs as they were sent, or shortened.
    echo_data_uris: bool = True
    draw_workers: int = 2
    # Seconds that the provider's clock is ahead of the real time, and that its Date is ahead of that clock;
    # None leaves the Date away.
    clock_skew: float = 0.0
    date_skew: float | None = 0.0
    # Smaller PNG files are filled up to so many bytes: real ones of a detailed scene have 1.5 MB.
    least_output_bytes: int = 0
