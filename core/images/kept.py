"""What a process keeps of pictures, so that it need not load them again, and that it forgets the erased.

Everything that is kept is of one number of erasures. Whoever asks for a picture reads that number from the
database: once another process has raised it, nothing older is given, and the memory is free. The number is
raised a second time when the last object is deleted; what was loaded in between goes then.
"""

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from typing import Any, Generic, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.tables.customers import ErasureNumber

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

_shelves: "weakref.WeakSet[KeptPictures[Any, Any]]" = weakref.WeakSet()
_forgetting: "list[Callable[[int], None]]" = []


class KeptPictures(Generic[K, T]):
    """At most `most` pictures of one number of erasures; those that were not asked for go first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[K, T] = OrderedDict()
        self._number = 0
        _shelves.add(self)

    def get(self, key: K, load: Callable[[], T], *, number: int) -> T:
        """The picture; loaded where it is not here. Raises what `load` raises, and keeps nothing then."""
        found = self.find([key], number=number)
        if key in found:
            return found[key]
        loaded = load()
        self.keep(key, loaded, number=number)
        return loaded

    def find(self, keys: Iterable[K], *, number: int) -> dict[K, T]:
        """Those that are here; of an older number none is."""
        with self._lock:
            self._turn(number)
            found = {key: self._kept[key] for key in keys if key in self._kept}
            for key in found:
                self._kept.move_to_end(key)
        return found

    def keep(self, key: K, picture: T, *, number: int) -> None:
        """Keep a picture that was asked for at this number; too late where somebody was erased meanwhile."""
        with self._lock:
            if number != self._number:
                return
            self._kept[key] = picture
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)

    def turn(self, number: int) -> None:
        """Forget everything that is not of this number."""
        with self._lock:
            self._turn(number)

    def _turn(self, number: int) -> None:
        if number != self._number:
            self._kept.clear()
            self._number = number


def erasure_number(session: Session) -> int:
    """How often something was erased, by any process. What this one keeps of an older number goes here."""
    number = session.scalars(select(ErasureNumber.number)).one()
    for shelf in list(_shelves):
        shelf.turn(number)
    for forget in _forgetting:
        forget(number)
    return number


def when_erased(forget: Callable[[int], None]) -> None:
    """Have `forget` called with the number whenever it is read, for what is kept in another way."""
    _forgetting.append(forget)
