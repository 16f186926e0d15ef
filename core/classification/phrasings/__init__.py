"""The phrasings of each class, per language, as patterns over lowercase words without markup or addresses.

One entry a language, so that a reader sees what is missing. A pattern wants a verdict ("was flagged"), not a
topic ("moderation"): topics also occur in paths, parameter names and messages about something else.
"""

import re


def any_language(phrasings: dict[str, str]) -> re.Pattern[str]:
    """One pattern for all languages of a class."""
    return re.compile("|".join(f"(?:{pattern})" for pattern in phrasings.values()), re.DOTALL)
