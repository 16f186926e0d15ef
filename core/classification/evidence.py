"""What an error says, laid out for the rules: place, type, status, machine codes, plain words.

The same refusal arrives as JSON, as JSON escaped inside JSON, as a Python dictionary, cut in the middle,
inside an HTML page or a log line. Strict parsers fail on half of these, so text is unescaped and then read by
patterns, which do not care where it was cut.
"""

import dataclasses
import html
import re
import unicodedata

# Characters kept of a long text: what matters stands at its start or, in a stack trace, at its end.
HEAD, TAIL = 8_000, 4_000
LONG_RUN = re.compile(
    r"[A-Za-z0-9+/=_-]{200,}"
)  # an encoded picture or signature says nothing, but costs time

# The gateway and the engine have finer names for a place than the rules need.
PLACES = {
    "output_fetch": "asset",
    "output": "asset",
    "selfie": "input",
    "intake": "input",
    "object_store": "storage",
    "provider": "replicate_http",
    "http": "replicate_http",
}


@dataclasses.dataclass(frozen=True)
class Evidence:
    """One error, ready to be matched.

    `exception` is the bare type name, `status` the HTTP status that was given or, failing that, read from the
    text; `codes` are machine codes, `words` the text without markup, addresses, stack frames and quoted
    prompts. All but `text` is lowercase.
    """

    where: str
    exception: str
    status: int | None
    codes: frozenset[str]
    words: str
    text: str


def read_evidence(
    *, where: str, exception: str | None, http_status: int | None, code: str | None, text: str
) -> Evidence:
    """Lay out one error for the rules. Never raises, whatever the text holds."""
    plain = strip_quoted_input(unescape(shorten(text)))
    codes = machine_codes(plain) | ({code.strip().lower()} if code and code.strip() else set())
    return Evidence(
        where=PLACES.get(where, where),
        exception=(exception or "").rsplit(".", 1)[-1].strip().lower(),
        status=http_status if http_status is not None else status_in(plain, code),
        codes=frozenset(codes),
        words=clean_words(plain),
        text=plain,
    )


def shorten(text: str) -> str:
    text = text if len(text) <= HEAD + TAIL else f"{text[:HEAD]}\n{text[-TAIL:]}"
    return LONG_RUN.sub(" ", text)


ESCAPES = (
    ("\\r\\n", "\n"),
    ("\\n", "\n"),
    ("\\t", " "),
    ('\\"', '"'),
    ("\\'", "'"),
    ("\\/", "/"),
    ("<EOL>", "\n"),
)
UNICODE_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")


def unescape(text: str) -> str:
    """Undo JSON escaping however often it was applied, and unify quotes and widths of characters."""
    text = re.sub(r"\\{2,}", r"\\", text)
    for old, new in ESCAPES:
        text = text.replace(old, new)
    text = UNICODE_ESCAPE.sub(lambda match: chr(int(match.group(1), 16)), text)
    # Lone surrogates come from escaped emoji; they mean nothing here and break encoders later.
    text = re.sub(r"[\ud800-\udfff]", "", text)
    return unicodedata.normalize("NFKC", text).replace("\u2019", "'").replace("\u2018", "'")


# Values that the customer or we wrote: their words say nothing about the failure.
QUOTED_INPUT = re.compile(
    r"""(["']?(?:\w*prompt|input_value|image_query|parameters|requestparameters)["']?\s*[:=]\s*)"""
    r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\{[^{}]*\})""",
    re.IGNORECASE,
)


def strip_quoted_input(text: str) -> str:
    return QUOTED_INPUT.sub(r"\1", text)


CODE_FIELD = re.compile(
    r"""["'\s({,](?:error_?|err_?|finish_?|block_?)?(?:code|type|status|reason|name)["']?\s*[:=]\s*["']?"""
    r"""([A-Za-z][\w.:-]{2,80})""",
    re.IGNORECASE,
)
REPLICATE_CODE = re.compile(r"\b(E\d{3,4})\b")
S3_CODE = re.compile(r"an error occurred \((\w+)\) when calling", re.IGNORECASE)
SHOUTED = re.compile(r"\b[A-Z]{3,}(?:_[A-Z]+)+\b")


def machine_codes(text: str) -> set[str]:
    """Codes named in fields, in Replicate's brackets, in botocore's phrase, or in SHOUTED_FORM; lowercase."""
    found: set[str] = set()
    for pattern in (CODE_FIELD, REPLICATE_CODE, S3_CODE, SHOUTED):
        found.update(match.strip(".:-").lower() for match in pattern.findall(f" {text}"))
    return found


REASON_PHRASES = (
    "bad request|unauthorized|payment required|forbidden|not found|method not "
    "allowed|request time-?out|conflict|gone"
    "|payload too large|request entity too large|unprocessable|too many "
    "requests|internal server error|bad gateway"
    "|service (?:temporarily )?unavailable|gateway time-?out"
)
STATUS_WORDS = (
    r"error code|response(?: code| status)?|status[_ ]?code|\bstatus"
    r"|http(?:/\d(?:\.\d)?)?(?: error| status| code)?"
)
# The first pattern that matches wins; within it the outermost, that is the first, status.
STATUS_PATTERNS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"<title>\s*([1-5]\d\d)\b",
        r"(?:client|server) error '?([45]\d\d)\b|redirect response '(3\d\d)\b",
        rf"""(?:{STATUS_WORDS})["']?\s*[:=(]?\s*["'<(]?\[?([1-5]\d\d)\b""",
        r"""["']code["']\s*:\s*["']?([45]\d\d)\b""",
        r"^\W{0,5}(?:failed|exception|\w{0,40}error)?\W{0,5}([45]\d\d)\b(?! ?(?:ms|s\b|x))",
        rf"\b([45]\d\d)\W{{1,3}}(?:{REASON_PHRASES})",
        r"\b(?:error|failed|rejected|returned|got|api)\W{1,3}\(?([45]\d\d)\b(?! ?(?:ms|s\b|x))",
    )
]


def status_in(text: str, code: str | None) -> int | None:
    """The HTTP status that a text or a numeric code names, outermost first."""
    for pattern in STATUS_PATTERNS:
        if match := pattern.search(text):
            return int(next(group for group in match.groups() if group))
    return int(code) if code and re.fullmatch(r"[345]\d\d", code) else None


NOISE = [
    re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
        r"<(style|script)\b.*?</\1>",  # markup that is not shown
        r"<!--.*?-->|<[a-z/!][^<>]{0,300}>",
        r"\b\w{1,20}://\S+|\b(?:www|platform|api)\.\S+",  # addresses: their words mislead
        r"\[(?:SQL|parameters): .*",  # statements and their values, to the end of the text
        r'file "[^"\n]*", line \d+(?:, in \S+)?|\bat (?:async )?[\w.$<> ]{0,60}\([^()\n]*\)',  # stack frames
        r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?z?(?: -(?= ))?",  # stamps
        r"\b[\w.+-]{1,64}@[\w-]+\.[\w.]+",
        r"(?:/[\w.@-]+){2,}/?",  # paths
        # Names of models hold the word "image".
        r"(?<![\w./-])[\w./-]{0,80}(?:gpt|dall-e|imagen|gemini|flux|qwen|seedream)[\w.]*-[\w.-]+",
    )
]


def clean_words(text: str) -> str:
    """Lowercase plain words: no markup, addresses, stack frames, stamps or model names."""
    for pattern in NOISE:
        text = pattern.sub(" ", text)
    return " ".join(html.unescape(text).lower().split())
