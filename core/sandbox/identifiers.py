"""Ids, timestamps, durations and cursors as Replicate writes them."""

import base64
import binascii
import datetime as dt
import hashlib
import re
import secrets

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id() -> str:
    """26 lower-case characters, like `hdwst0bb05rgp0cf0p29mzk2am`."""
    return "".join(secrets.choice(ALPHABET) for _ in range(26))


def stamp(moment: float, salt: str) -> str:
    """ISO 8601 in UTC with 3, 6, 8 or 9 digits, always the same number for the same salt.

    Recorded answers of Replicate hold all four.
    """
    digits = (3, 6, 8, 9)[hashlib.sha256(salt.encode()).digest()[0] % 4]
    whole, fraction = divmod(round(moment * 1_000_000), 1_000_000)
    text = dt.datetime.fromtimestamp(whole, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{f'{fraction:06d}271'[:digits]}Z"


def parse_moment(text: str) -> float:
    """Seconds since 1970 of an ISO 8601 date-time. Raises ValueError; without an offset it is UTC."""
    # A "+" that was not escaped arrives as a space.
    parsed = dt.datetime.fromisoformat(re.sub(r" (\d\d:\d\d)$", r"+\1", text))
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=dt.UTC)).timestamp()


def parse_duration(text: str) -> float:
    """Seconds of `30`, `30s`, `5m` or `1h30m45s`. Raises ValueError.

    Source: Replicate's OpenAPI document, header `Cancel-After`.
    """
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    match = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?", text)
    if match is None or not any(match.groups()):
        raise ValueError(text)
    hours, minutes, seconds = (float(group or 0) for group in match.groups())
    return hours * 3600 + minutes * 60 + seconds


def encode_cursor(position: int, *, backwards: bool) -> str:
    return base64.b64encode(f"{'r=1&' if backwards else ''}p={position}".encode()).decode()


def decode_cursor(cursor: str) -> tuple[int, bool]:
    """The position and whether it is read backwards. Raises ValueError."""
    try:
        match = re.fullmatch(r"(r=1&)?p=(\d+)", base64.b64decode(cursor, validate=True).decode())
    except (binascii.Error, UnicodeDecodeError) as exc:
        raise ValueError(cursor) from exc
    if match is None:
        raise ValueError(cursor)
    return int(match[2]), bool(match[1])
