"""The home folder: one Inkdesk at a time lives in it, and leaves word of where it serves."""

import json
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from core.foundation.errors import SetupError


class Home:
    """A folder for embedded data, with a lock that dies with its holder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.expanduser().resolve()
        self.run_folder = self.folder / "run"
        self._lock = FileLock(self.folder / "lock")
        self._word = self.run_folder / "inkdesk.json"

    def enter(self) -> None:
        """Take the home. Raises SetupError with the address of whoever lives there already."""
        try:
            self.run_folder.mkdir(parents=True, exist_ok=True)
            self.run_folder.chmod(0o700)
        except OSError as exc:
            raise SetupError(f"INKDESK_HOME: {self.folder} cannot be written ({exc.strerror})") from exc
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            where = (self.word() or {}).get("url", "an address it has not told yet")
            raise SetupError(f"Inkdesk is already running at {where} (home {self.folder})") from None
        self._word.unlink(missing_ok=True)

    def leave_word(self, word: dict[str, Any]) -> None:
        """Tell other processes where this one serves; readable by us alone, because it bears keys."""
        self._word.touch(mode=0o600)
        self._word.write_text(json.dumps(word))

    def word(self) -> dict[str, Any] | None:
        """What the process that lives here told, if it told anything."""
        try:
            found: dict[str, Any] = json.loads(self._word.read_text())
        except (FileNotFoundError, ValueError):
            return None
        return found

    @property
    def taken(self) -> bool:
        """Whether a living process holds this home."""
        try:
            with self._lock.acquire(timeout=0):
                return False
        except Timeout:
            return True

    def leave(self) -> None:
        self._word.unlink(missing_ok=True)
        self._lock.release()
