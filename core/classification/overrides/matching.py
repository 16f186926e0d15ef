"""One override rule of the operators: what it matches, decided without a regular expression.

Patterns are plain words with `*` for whatever differs. They are looked for part by part from left to right,
so no pattern, however clumsy, takes longer than reading the text: a backtracking expression that an operator
types could hang every worker.
"""

import dataclasses
import functools
import unicodedata

from core.classification.evidence import PLACES, Evidence, read_evidence
from core.classification.taxonomy import FailureClass

# What stands behind this in a text is not looked at.
LONGEST_TEXT = 20_000


@dataclasses.dataclass(frozen=True)
class Error:
    """One error as it was received, in the fields of `classify`; what it tells is read when asked for."""

    where: str
    text: str
    exception: str | None = None
    http_status: int | None = None
    code: str | None = None
    model: str = ""

    @functools.cached_property
    def evidence(self) -> Evidence:
        return read_evidence(
            where=self.where,
            exception=self.exception,
            http_status=self.http_status,
            code=self.code,
            text=self.text,
        )

    @functools.cached_property
    def folded(self) -> str:
        return fold(self.text)


@dataclasses.dataclass(frozen=True)
class Conditions:
    """What must hold, all of it; what is empty asks for nothing.

    `pattern` may stand anywhere in the text; `place`, `http_status` and `code` are those that the rules read
    (`Evidence`), so a status or code that only the text names counts too; `model` is the catalog's name.
    """

    pattern: str = ""
    place: str | None = None
    http_status: int | None = None
    code: str | None = None
    model: str | None = None

    def match(self, error: Error) -> bool:
        """Whether all of it holds."""
        return (
            self.place in (None, PLACES.get(error.where, error.where))
            and self.model in (None, error.model)
            and contains(error.folded, self.parts)
            and (self.http_status is None or self.http_status == error.evidence.status)
            and (self.code is None or self.code.lower() in error.evidence.codes)
        )

    @functools.cached_property
    def parts(self) -> tuple[str, ...]:
        return parts_of(self.pattern)


@dataclasses.dataclass(frozen=True)
class Override:
    """An override rule in one of its versions, switched on. `rule_id` is what its failures bear."""

    id: int
    version: int
    conditions: Conditions
    failure_class: FailureClass
    made_by: str
    reason: str

    @property
    def rule_id(self) -> str:
        return rule_id(self.id, self.version)


def rule_id(override_id: int, version: int) -> str:
    """`override:7.v2`, what a failure bears that version 2 of override 7 has classified."""
    return f"override:{override_id}.v{version}"


def fold(text: str) -> str:
    """Lowercase, compatible forms of characters unified, white space of any length as one space."""
    return " ".join(unicodedata.normalize("NFKC", text[:LONGEST_TEXT]).lower().split())


def parts_of(pattern: str) -> tuple[str, ...]:
    """What must follow one another in the text; a star stands between two parts."""
    return tuple(part for part in (fold(piece) for piece in pattern.split("*")) if part)


def contains(folded: str, parts: tuple[str, ...]) -> bool:
    """Whether the parts follow one another; taking each as early as it comes misses nothing."""
    position = 0
    for part in parts:
        found = folded.find(part, position)
        if found < 0:
            return False
        position = found + len(part)
    return True
