"""Which failures are the same one: a versioned name made of class and normalised message.

The version is part of the name: another algorithm makes other names, and groups that exist keep theirs.
"""

import hashlib
import re
import unicodedata

VERSION = "v1"
LONGEST = 2_000  # characters of the normalised text that count; the tails of stack traces vary

UNIT = r"(?:ms|millis\w*|s|secs?|seconds?|m|mins?|minutes?|h|hours?|days?|秒|分钟|小时)\b"
CLOCK = r"\d\d?:\d\d(?::\d\d(?:[.,]\d+)?)?"
ZONE = r"(?: ?(?:z|gmt|utc)\b| ?[+-]\d\d:?\d\d)?"

# Order matters: the more specific form first, plain numbers last. Lowercase text only.
PLACEHOLDERS = [
    (re.compile(pattern), placeholder)
    for pattern, placeholder in (
        (r"\bdata:[\w/+.-]+;base64,[\w+/=-]*", "<data>"),
        (r"\b[a-z][a-z0-9+.-]{0,20}://[^\s\"'<>)\]}]+", "<url>"),
        (r"\b[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+", "<email>"),
        (r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "<id>"),
        (r"\b((?:request|trace|log|support|prediction)[ _-]?(?:id|code)s?[^\w<]{1,3})[\w-]+", r"\1<id>"),
        (rf"\b\d{{4}}[-/]\d\d?[-/]\d\d?(?:[t ]{CLOCK})?{ZONE}", "<date>"),
        (rf"\b(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? \d\d? [a-z]{{3}} \d{{4}}(?: {CLOCK})?{ZONE}", "<date>"),
        (r"\b\d\d?:\d\d:\d\d(?:[.,]\d+)?\b", "<time>"),
        (r"\b(?:\d{1,3}\.){3}\d{1,3}\b(?::\d+)?|\b(?:[0-9a-f]{1,4}:){4,7}[0-9a-f]{1,4}\b", "<ip>"),
        (r"(?:/[\w.@-]+){2,}/?", "<path>"),
        (r"\b(?:sk|r8|pk|hf|ghp|org|proj|req|msg|chatcmpl|img|task|resp)[-_][\w-]*\d[\w-]*", "<id>"),
        # The opaque mark after a provider's code, e.g. "(E003) (1cah9wlWR9)".
        (r"(\(e\d{3,4}\)) \(\w+\)", r"\1 <id>"),
        (r"\b0x[0-9a-f]+\b", "<hex>"),
        (r"\b\d+(?:\.\d+)? ?[x*\u00d7] ?\d+(?:\.\d+)?\b", "<size>"),
        (r"\b(?=[a-f]*\d)[0-9a-f]{7,}\b", "<hex>"),
        # Long words with digits inside are identifiers; the codes of providers are shorter.
        (r"\b(?=[a-z_-]*\d)[a-z0-9][a-z0-9_-]{15,}\b|\b(?=[a-z]*\d)(?=\d*[a-z])[a-z0-9]{8,}\b", "<id>"),
        (r"\b(?=[a-z0-9]*\d[a-z]+\d)[a-z0-9]{6,}\b", "<id>"),
        (rf"[~≈]?\b\d+(?:\.\d+)?\s?{UNIT}(?:[\s,]*(?:and )?\d+(?:\.\d+)?\s?{UNIT})*", "<duration>"),
        (r"\b([a-z]{3,})\d+\b", r"\1<n>"),
        (r"(?<![a-z0-9_])[-+]?\$?\d(?:[\d,.]*\d)?", "<n>"),
    )
]


def normalise(text: str) -> str:
    """The text in lowercase, with everything replaced that differs from one occurrence to the next."""
    text = unicodedata.normalize("NFKC", text[: 4 * LONGEST]).lower()
    for pattern, placeholder in PLACEHOLDERS:
        text = pattern.sub(placeholder, text)
    return " ".join(text.split())[:LONGEST]


def fingerprint(failure_class: str, text: str) -> str:
    """`v1:` and 16 hexadecimal digits; the same for failures that differ only in ids, numbers and times."""
    content = f"{failure_class}\n{normalise(text)}".encode()
    return f"{VERSION}:{hashlib.sha256(content).hexdigest()[:16]}"
