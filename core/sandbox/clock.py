"""The sandbox's time: real seconds for timestamps, scaled seconds for every duration."""

import asyncio
import contextlib
import threading
import time


class Clock:
    """Durations are given in the provider's seconds and take `scale` times as long.

    `advance` jumps ahead by some of the provider's seconds (thread-safe; sleepers wake up). `skew` is how
    many seconds what the provider tells is ahead of the real time; nothing takes longer for it.
    """

    def __init__(self, scale: float = 1.0, skew: float = 0.0) -> None:
        self.scale = scale
        self.skew = skew
        self._start = time.time() - time.monotonic()
        self._offset = 0.0
        self._lock = threading.Lock()
        self._sleepers: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    def now(self) -> float:
        """Seconds since 1970, in whole microseconds. Never goes back, whatever happens to the wall clock."""
        return round(self._start + time.monotonic() + self._offset, 6)

    def told(self) -> float:
        """The time as the provider tells it, in answers and lists, in seconds since 1970."""
        return round(self.now() + self.skew, 6)

    def span(self, seconds: float) -> float:
        """How long that many of the provider's seconds take here."""
        return seconds * self.scale

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._offset += self.span(seconds)
            for loop, event in self._sleepers:
                loop.call_soon_threadsafe(event.set)

    async def sleep(self, seconds: float) -> None:
        """Sleep for that many of the provider's seconds."""
        await self.sleep_until(self.now() + self.span(seconds))

    async def sleep_until(self, moment: float) -> None:
        """Sleep until `now()` reaches the moment (never, for infinity)."""
        while (remaining := moment - self.now()) > 0:
            entry = (asyncio.get_running_loop(), asyncio.Event())
            with self._lock:
                self._sleepers.add(entry)
            try:
                with contextlib.suppress(TimeoutError):
                    # An hour at most, because infinity is no delay that an event loop accepts.
                    async with asyncio.timeout(min(remaining, 3600.0)):
                        await entry[1].wait()
            finally:
                with self._lock:
                    self._sleepers.discard(entry)
