"""Two details that an error may tell: which safety category it refused, and when to come back."""

import re

from core.classification.evidence import Evidence

# Where providers list categories, e.g. safety_violations=[sexual] or "categories": ["sexual", "violence"].
LISTED = re.compile(
    r"""(?:safety_violations|["']?(?:categories|category|harm_category|violations)["']?)\s*[:=]"""
    r"""\s*\[?\s*["']?([a-z][\w/ -]{2,40})""",
    re.IGNORECASE,
)
FLAGGED_FOR = re.compile(r"flagged (?:for|as)\s*:?\s*([a-z][\w/-]{2,30})", re.IGNORECASE)

# Canonical name and the words that stand for it, most specific first.
CATEGORIES = {
    "minors": r"\bminors?\b|child|underage|csam|未成年|미성년|несовершеннолет",
    "sexual": r"sexual|nud(?:e|ity)|erotic|nsfw|porn|explicit content|色情|涉黄|低俗|性的|선정|"
    r"сексуал|sexuel|sexuell",
    "self_harm": r"self[- _]?harm|suicid|自残|自杀|自殺|자해",
    "hate": r"\bhate|harass|discriminat|仇恨|歧视|혐오",
    "violence": r"violen|\bgore\b|graphic content|weapon|暴力|血腥|폭력|насили|gewalt",
    "copyright": r"copyright|trademark|intellectual property|third[- ]party content|版权|侵权|著作権|"
    r"저작권|авторск|urheberrecht",
    "likeness": r"public figure|celebrit|likeness|real (?:person|people)|photorealistic people|肖像|"
    r"真人|名人",
    "illegal": r"illegal|terroris|\bdrugs?\b|违法",
}
CANONICAL = [(name, re.compile(pattern)) for name, pattern in CATEGORIES.items()]


def safety_category(evidence: Evidence) -> str | None:
    """The refused category: a canonical name where one fits, else the provider's word; None if not told."""
    for pattern in (LISTED, FLAGGED_FOR):
        if match := pattern.search(evidence.text):
            told = match.group(1).strip().lower()
            known = canonical(told.replace("_", " "))
            if known or pattern is LISTED:
                return known or told
    return canonical(evidence.words)


def canonical(words: str) -> str | None:
    return next((name for name, pattern in CANONICAL if pattern.search(words)), None)


UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
NUMBER = r"(\d+(?:\.\d+)?)"
UNIT = (
    r"(ms|millis\w*|seconds?|secs?|s\b|minutes?|mins?|m\b|hours?|h\b|秒|分钟|分|小时|초|"
    r"분|секунд\w*|сек|минут\w*)"
)
INVITATION = r"reset\w*|available|try again|wait\w*|retry"
WAITS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"""retry[-_ ]?(?:after|delay|in)(?:[-_ ]?seconds)?["']?\s*[:=]?\s*["']?~?{NUMBER}\s*{UNIT}?""",
        rf"(?:{INVITATION})(?: again)?\s*(?:in|after|for)?\s*(?:about )?~?{NUMBER}\s*{UNIT}",
        rf"""resets?_(?:in|after)(?:_seconds)?["']?\s*[:=]\s*{NUMBER}\s*{UNIT}?""",
        rf"{NUMBER}\s*(秒|分钟|分|小时|초|분)\s*(?:后|後|以后|之后|후|뒤)",
        rf"через {NUMBER}\s*{UNIT}",
    )
]


def retry_after(evidence: Evidence) -> float | None:
    """Seconds that the error asks us to wait, if it does; a bare number counts as seconds."""
    for pattern in WAITS:
        if match := pattern.search(evidence.text):
            return round(float(match.group(1)) * UNITS[unit_of(match.group(2))], 3)
    return None


def unit_of(word: str | None) -> str:
    word = (word or "s").lower()
    if word.startswith(("ms", "milli")):
        return "ms"
    if word[0] in "m分분м":
        return "m"
    return "h" if word[0] in "h小" else "s"
