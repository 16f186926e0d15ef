"""Replicate's request limits: 600 creations and 3000 other requests a minute, as two leaking buckets."""

import math

from core.sandbox.state import SandboxState


class Bucket:
    """Holds a minute's worth of requests and refills steadily. Switched off, it is always full."""

    def __init__(self, state: SandboxState, per_minute: int) -> None:
        self._state = state
        self.per_minute = per_minute
        self._left = float(per_minute)
        self._filled = state.clock.now()

    def take(self) -> int:
        """Take one request: 0, or the seconds to wait when there is none left (at least 1)."""
        if not self._state.options.enforce_limits:
            return 0
        now = self._state.clock.now()
        a_second = self.per_minute / 60
        gained = (now - self._filled) / max(self._state.clock.span(1.0), 1e-9) * a_second
        self._left, self._filled = min(float(self.per_minute), self._left + gained), now
        if self._left < 1:
            return max(1, math.ceil((1 - self._left) / a_second))
        self._left -= 1
        return 0

    @property
    def remaining(self) -> int:
        return max(0, int(self._left) - (0 if self._state.options.enforce_limits else 1))
