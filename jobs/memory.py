"""Keeps the C library from holding on to what many threads have freed."""

import ctypes

# mallopt(3): with glibc's default of 8 arenas a core, each thread's pictures leave free memory of their own.
M_ARENA_MAX = -8
ARENAS = 2


def share_arenas() -> None:
    """Let all threads share two arenas, where the C library is glibc; before the first thread starts."""
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(M_ARENA_MAX, ARENAS)
