"""One rule of the classifier: conditions as data, so that a page can list them and a person can read them."""

import dataclasses
import re

from core.classification.evidence import Evidence
from core.classification.taxonomy import FailureClass


@dataclasses.dataclass(frozen=True)
class Example:
    """An error that a rule is the first to match. The fields are those of `classify`."""

    where: str
    text: str = ""
    exception: str | None = None
    http_status: int | None = None
    code: str | None = None


@dataclasses.dataclass(frozen=True)
class Rule:
    """Matches if all gates hold and, where signs are given, at least one of them shows.

    Gates: `places`, `statuses` (three digits, or one digit for the hundred), `no_status` (there was no
    answer), `unless` (words that forbid it).
    Signs: `codes` and `exceptions` match a whole machine code or type name, `words` anywhere in the words.
    """

    id: str
    failure_class: FailureClass
    retryable: bool
    description: str
    example: Example
    places: frozenset[str] = frozenset()
    statuses: tuple[int, ...] = ()
    no_status: bool = False
    unless: re.Pattern[str] | None = None
    codes: re.Pattern[str] | None = None
    exceptions: re.Pattern[str] | None = None
    words: re.Pattern[str] | None = None

    def matches(self, evidence: Evidence) -> bool:
        return self.gates_open(evidence) and self.sign_shows(evidence)

    def gates_open(self, evidence: Evidence) -> bool:
        if self.places and evidence.where not in self.places:
            return False
        if self.statuses and not has_status(evidence.status, self.statuses):
            return False
        if self.no_status and evidence.status is not None:
            return False
        return not (self.unless and self.unless.search(evidence.words))

    def is_certain(self, evidence: Evidence) -> bool:
        """Whether it knew by a code, a type or an exact status, rather than by words or the place."""
        if self.codes and any(self.codes.fullmatch(code) for code in evidence.codes):
            return True
        if self.exceptions and self.exceptions.fullmatch(evidence.exception):
            return True
        return not self.words and any(status >= 100 for status in self.statuses)

    def sign_shows(self, evidence: Evidence) -> bool:
        if not (self.codes or self.exceptions or self.words):
            return True
        if self.codes and any(self.codes.fullmatch(code) for code in evidence.codes):
            return True
        if self.exceptions and self.exceptions.fullmatch(evidence.exception):
            return True
        return bool(self.words and self.words.search(evidence.words))


def has_status(status: int | None, wanted: tuple[int, ...]) -> bool:
    return status is not None and (status in wanted or status // 100 in wanted)


def pattern(*alternatives: str) -> re.Pattern[str]:
    """One pattern of several alternatives, for lowercase text."""
    return re.compile("|".join(f"(?:{alternative})" for alternative in alternatives), re.DOTALL)


PROVIDER = frozenset({"prediction", "replicate_http"})

# What several places share: broken connections, missing trust, programming errors.
PASSING_NETWORK = (
    r"connect\w*error|newconnectionerror|maxretryerror|endpointconnectionerror|"
    r"\w*timeout(?:error)?|protocolerror|remote\w+|read(?:timeout)?error|writeerror"
    r"|connectionclosederror|incompleteread\w*|responsestreamingerror|httpclienterror|"
    r"brokenpipeerror|connectionreseterror|networkerror|clientconnector\w*|"
    r"serverdisconnected\w*|chunkedencodingerror|clientoserror|clientpayloaderror|"
    r"contentlengtherror"
)
TRUST = (
    r"certificate|self[- ]signed|hostname mismatch|wrong_version_number|"
    r"unable_to_verify\w*|unknown ca\b|altname"
)
DOMAIN_BUG = pattern(
    r"cannot send a request, as the client has been closed|event loop|"
    r"\bunsupported protocol|missing an? '?https?|unexpected keyword|nonetype|"
    r"not callable|has no attribute|request url is missing"
)
