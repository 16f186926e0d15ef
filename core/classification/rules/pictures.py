"""Rules for the selfie intake and the fetch of the finished picture: the place tells whose picture it is."""

from core.classification.phrasings import any_language
from core.classification.phrasings.inputs import INVALID_INPUT
from core.classification.phrasings.trouble import NETWORK, TIMEOUT
from core.classification.rules.rule import DOMAIN_BUG, PASSING_NETWORK, TRUST, Example, Rule, pattern
from core.classification.taxonomy import FailureClass

INPUT = frozenset({"input"})

ASSET = frozenset({"asset"})

INPUT_RULES = [
    Rule(
        id="input_form",
        failure_class=FailureClass.INVALID_INPUT,
        retryable=False,
        description="A form or parameter check of ours refused a value.",
        example=Example("input", "1 validation error for Job", exception="ValidationError"),
        places=INPUT,
        exceptions=pattern(
            r"validationerror|requestvalidationerror|jsondecodeerror|invalidinput|unicode\w+error"
        ),
        words=pattern(
            r"\bprompt\b|parameter|validation error|field required|aspect_ratio|"
            r"could not convert string|invalid literal for|"
            r"\b(?:size|quality|style|seed)\b[^.]{0,20}must be|is not a valid \w+"
        ),
    ),
    Rule(
        id="input_image_library",
        failure_class=FailureClass.INVALID_IMAGE,
        retryable=False,
        description="A picture library or decoder refused the upload; decoders raise many types with "
        "many texts.",
        example=Example(
            "input", "cannot identify image file <_io.BytesIO object>", exception="UnidentifiedImageError"
        ),
        places=INPUT,
        unless=pattern(r"no such file|permission denied|no space left|too many open files"),
        exceptions=pattern(
            r"oserror|ioerror|valueerror|syntaxerror|eoferror|error|struct\.error|"
            r"unidentifiedimageerror|decompressionbomb\w+|indexerror"
            r"|overflowerror|systemerror|selfierejected|memoryerror|zliberror|binasciierror|"
            r"heif\w*error|runtimeerror|userwarning"
        ),
    ),
    Rule(
        id="input_image_words",
        failure_class=FailureClass.INVALID_IMAGE,
        retryable=False,
        description="A text about a picture, whatever raised it.",
        example=Example("input", "Unsupported image mode CMYK in upload"),
        places=INPUT,
        words=pattern(
            r"\b(?:image|picture|photo|jpe?g|png|webp|heic|base64|face|pixels?|exif|mime)\b|图片|"
            r"图像|照片|画像|이미지|imagen\b|bild\b"
        ),
    ),
    Rule(
        id="input_other_form",
        failure_class=FailureClass.INVALID_INPUT,
        retryable=False,
        description="A text that says that a value is missing or wrong.",
        example=Example("input", "missing required value: pose"),
        places=INPUT,
        words=any_language(INVALID_INPUT),
    ),
]

ASSET_RULES = [
    Rule(
        id="asset_throttled",
        failure_class=FailureClass.RATE_LIMITED,
        retryable=True,
        description="The host of the finished pictures answers 429.",
        example=Example(
            "asset", "Client error '429 Too Many Requests'", exception="HTTPStatusError", http_status=429
        ),
        places=ASSET,
        statuses=(429,),
    ),
    Rule(
        id="asset_busy",
        failure_class=FailureClass.ASSET_UNAVAILABLE,
        retryable=True,
        description="The host of the finished pictures has trouble of its own (5xx, 408, 425); the "
        "picture is still there.",
        example=Example(
            "asset", "Server error '503 Service Unavailable'", exception="HTTPStatusError", http_status=503
        ),
        places=ASSET,
        statuses=(5, 408, 425),
    ),
    Rule(
        id="asset_gone",
        failure_class=FailureClass.ASSET_UNAVAILABLE,
        retryable=False,
        description="The finished picture cannot be had any more: deleted, expired or refused.",
        example=Example(
            "asset", "Client error '404 Not Found'", exception="HTTPStatusError", http_status=404
        ),
        places=ASSET,
        statuses=(401, 403, 404, 410, 451),
    ),
    Rule(
        id="asset_redirect",
        failure_class=FailureClass.UNKNOWN,
        retryable=False,
        description="A redirect that we did not follow: whether the picture is there cannot be told.",
        example=Example(
            "asset", "Redirect response '302 Found'", exception="HTTPStatusError", http_status=302
        ),
        places=ASSET,
        statuses=(3,),
    ),
    Rule(
        id="asset_expired_words",
        failure_class=FailureClass.ASSET_UNAVAILABLE,
        retryable=False,
        description="The text says that the address expired, that the data was removed, or that the host "
        "is not trusted.",
        example=Example("asset", "Request has expired: the signed address is no longer valid"),
        places=ASSET,
        words=pattern(
            r"\bexpired\b|data (?:was |has been )?removed|no longer (?:available|valid|exists)|"
            r"nosuchkey|not found|deleted|too many redirects|maximum allowed redirects|过期|失效|"
            r"期限切れ|만료",
            TRUST,
        ),
    ),
    Rule(
        id="asset_scrambled",
        failure_class=FailureClass.ASSET_INVALID,
        retryable=True,
        description="The transfer encoding of the picture was damaged on the way; the next download can "
        "be whole.",
        example=Example(
            "asset", "Error -3 while decompressing data: incorrect header check", exception="DecodingError"
        ),
        places=ASSET,
        exceptions=pattern(r"decodingerror|contentdecodingerror|decodeerror|contentencodingerror"),
        words=pattern(
            r"while decompressing|content-encoding|failed to decode it|checksum|hash mismatch|md5|"
            r"sha256"
        ),
    ),
    Rule(
        id="asset_cut_short",
        failure_class=FailureClass.ASSET_UNAVAILABLE,
        retryable=True,
        description="The download broke off or never came through: truncated, disconnected, timed out.",
        example=Example("asset", "image file is truncated (12 bytes not processed)", exception="OSError"),
        places=ASSET,
        unless=DOMAIN_BUG,
        exceptions=pattern(PASSING_NETWORK),
        words=pattern(
            r"truncated|incomplete|\baborted\b|unexpected end|premature|content-length|"
            r"expected \d+ bytes|bytes (?:missing|short)",
            any_language(NETWORK).pattern,
            any_language(TIMEOUT).pattern,
        ),
    ),
    Rule(
        id="asset_not_a_picture",
        failure_class=FailureClass.ASSET_INVALID,
        retryable=False,
        description="What came is no usable picture, or its address is not one that we fetch.",
        example=Example(
            "asset", "cannot identify image file <_io.BytesIO object>", exception="UnidentifiedImageError"
        ),
        places=ASSET,
        exceptions=pattern(
            r"unidentifiedimageerror|decompressionbomb\w+|\w*unsafe\w*|unsupportedprotocol|"
            r"invalidurl|invalidschema|missingschema|syntaxerror|eoferror|struct\.error|error"
        ),
        words=pattern(
            r"image|picture|pixel|photo|\bpng\b|jpe?g|webp|data stream|decod|corrupt|blank|base64|"
            r"padding|content[- ]type|text/html|mime|format",
            r"too (?:large|big|small)|exceeds|larger than|maximum|max_bytes|limit of|"
            r"\d{3,4} ?x ?\d{3,4}|empty|zero bytes|0 bytes",
            r"protocol|scheme|\bhost\b|private address|not allowed|https?\(s\)|协议|"
            r"不是.{0,8}http|图片|图像|画像|이미지|为空|过大",
        ),
    ),
]
