"""Takes secrets and faces out of texts before they are stored, logged or shown."""

import re
from collections.abc import Iterable
from urllib.parse import quote

LIMIT = 4_000  # characters that a scrubbed text has at most
_SCANNED = 200_000  # characters looked at; the rest of a longer text is dropped unread
_GONE = "[secret]"

_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"(?i)(\bauthorization\b[\"']?\s*[:=]\s*[\"']?)(?:(?:bearer|token|basic)\s+)?[^\s\"',;]+"),
        r"\1" + _GONE,
    ),
    # A value holds a digit or is long; "bearer authentication" is plain English.
    (
        re.compile(r"(?i)\b(bearer|basic)\s+(?:(?=\S{0,200}\d)[\w.~+/=*-]{6,}|[\w.~+/=*-]{20,})"),
        r"\1 " + _GONE,
    ),
    (re.compile(r"\br8_[A-Za-z0-9_*]{3,}"), _GONE),
    # OpenAI shows keys masked, too: sk-abc***xyz.
    (re.compile(r"\bsk-[\w*.…-]{2,}[\w*…]"), _GONE),
    (re.compile(r"\bwhsec_[A-Za-z0-9+/_-]+=*"), _GONE),
    (re.compile(r"(://)[^\s/@:]+:[^\s/@]+@"), r"\1" + _GONE + "@"),
    (
        re.compile(
            r"(?i)\b((?:x-(?:amz|goog)-)?(?:signature|credential|security-token)|sig|(?:openai_)?api[_-]?key|"
            r"access[_-]?token|auth[_-]?token|token|secret|password)=[^\s&\"'<>#]+"
        ),
        r"\1=" + _GONE,
    ),
    (
        re.compile(
            r"(?i)([\"'](?:openai_api_key|api[_-]?key|access[_-]?token|api[_-]?token|token|secret|password)[\"']\s*:\s*)"
            r"(\"[^\"]*\"|'[^']*')"
        ),
        r'\1"' + _GONE + '"',
    ),
)
_DATA_URI = re.compile(
    r"data:([\w.+-]{1,60}/[\w.+-]{1,60})?((?:;[\w.+=-]{1,80}){0,4}),([A-Za-z0-9+/=_%.~-]{16,})"
)
_LONG_RUN = re.compile(r"[A-Za-z0-9+/_-]{200,}={0,2}")
# PostgreSQL stores no NUL, and a lone surrogate cannot be encoded; the other control characters hide text.
_UNSTORABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


def scrub(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` without tokens, keys, signatures and embedded pictures, at most LIMIT characters long.

    `secrets` are values known to be secret; they go wherever they stand, also percent-encoded. The end is cut
    after the secrets are gone, so that no half of one remains.
    """
    text = _without_known(text, secrets)
    text = _DATA_URI.sub(_shortened, _head(text))
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    text = _LONG_RUN.sub(lambda found: f"[{len(found[0])} characters]", text)
    text = _UNSTORABLE.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))
    return text if len(text) <= LIMIT else text[: LIMIT - 1] + "…"


def _without_known(text: str, secrets: Iterable[str]) -> str:
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= 4:  # a shorter one would eat ordinary words
            text = text.replace(secret, _GONE).replace(quote(secret, safe=""), _GONE)
    return text


def _head(text: str) -> str:
    if len(text) <= _SCANNED:
        return text
    # The last word may be half a secret that no pattern recognises any more.
    head, _, _ = text[:_SCANNED].rpartition(" ")
    return head or f"[{len(text)} characters without a space]"


def _shortened(found: re.Match[str]) -> str:
    return f"data:{found[1] or ''}{found[2]},[{len(found[3])} characters]"
