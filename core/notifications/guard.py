"""No connection to private addresses, whichever library makes it.

Apprise's services connect by `requests`, by `smtplib` and by others, and look names up for themselves: a
check of the name beforehand could be answered otherwise the second time. So the connect itself is checked.
"""

import contextlib
import contextvars
import ipaddress
import sys
from collections.abc import Iterator
from typing import Any

from core.foundation.transport import is_public

_refused: contextvars.ContextVar[list[str] | None] = contextvars.ContextVar("refused", default=None)


class PrivateAddress(OSError):
    """A connection to an address that is not public was refused."""


@contextlib.contextmanager
def public_only() -> Iterator[list[str]]:
    """Inside, on this context, only public addresses are connected to; yields what was refused."""
    refused: list[str] = []
    token = _refused.set(refused)
    try:
        yield refused
    finally:
        _refused.reset(token)


def _look(event: str, args: tuple[Any, ...]) -> None:
    if event not in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        return
    refused = _refused.get()
    # A message on a connected socket names no address: the connect was looked at.
    if refused is None or args[1] is None or _may(args[1]):
        return
    refused.append(str(args[1][0] if isinstance(args[1], tuple) else args[1]))
    raise PrivateAddress(f"{refused[-1]} is not a public address")


def _may(address: Any) -> bool:
    if not isinstance(address, tuple):
        return False  # a socket in the file system
    with contextlib.suppress(ValueError):
        return is_public(ipaddress.ip_address(str(address[0]).partition("%")[0]))
    return False


sys.addaudithook(_look)
