"""Addresses under which a browser gets pictures: signed, for a day at most, so that nobody can guess one."""

import dataclasses
import enum
import hashlib
import hmac
import time

from core.foundation.errors import NotFound, SetupError
from core.settings import Settings

PATH = "/pictures"
# Behind an address it asks for a file instead of a picture on the page.
DOWNLOAD = "download"
# An address stays the same for so long, so that a browser does not load a picture twice; then it has as long.
STEP_SECONDS = 12 * 3600


class Picture(enum.StrEnum):
    """What a number names."""

    AVATAR = "avatar"  # a generation
    SELFIE = "selfie"
    IMPORTED_IMAGE = "imported-image"
    IMPORTED_SELFIE = "imported-selfie"


class Size(enum.StrEnum):
    """How large it is wanted."""

    SMALL = "small"  # WEBP of at most 384 pixels
    WHOLE = "whole"  # the bytes that were stored


@dataclasses.dataclass(frozen=True)
class Shown:
    """One picture that a browser can be shown."""

    picture: Picture
    number: int

    def address(self, settings: Settings, size: Size) -> str:
        """Where a browser finds it during the next 12 to 24 hours."""
        return address(settings, self.picture, self.number, size)


def address(settings: Settings, picture: Picture, number: int, size: Size) -> str:
    """Where a browser finds this picture during the next 12 to 24 hours."""
    until = (int(_now()) // STEP_SECONDS + 2) * STEP_SECONDS
    return f"{PATH}/{picture}/{number}/{size}/{until}/{_signature(settings, picture, number, size, until)}"


def check_address(
    settings: Settings, picture: str, number: int, size: str, until: int, signature: str
) -> None:
    """Raises NotFound where the address was not made here, or its time is over."""
    made = _signature(settings, picture, number, size, until)
    if not hmac.compare_digest(made.encode(), signature.encode()) or until < _now():
        raise NotFound("There is no such picture.")


def _now() -> float:
    return time.time()


def _signature(settings: Settings, *parts: object) -> str:
    """By a key that every process of this desk has, and that is good for nothing else."""
    if settings.s3_secret_key is None:
        raise SetupError("Addresses of pictures need the object store's key.")
    secret = settings.s3_secret_key.get_secret_value().encode()
    key = hmac.digest(secret, b"inkdesk: addresses of pictures", hashlib.sha256)
    return hmac.new(key, "/".join(map(str, parts)).encode(), hashlib.sha256).hexdigest()[:32]
