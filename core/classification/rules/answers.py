"""Rules for the rest of what the provider answers: time, pictures, trouble, parameters, bare status."""

from core.classification.phrasings import any_language
from core.classification.phrasings.inputs import INVALID_IMAGE, INVALID_INPUT
from core.classification.phrasings.trouble import CANCELED, NETWORK, OUTAGE, TIMEOUT
from core.classification.rules.rule import PROVIDER, Example, Rule, pattern
from core.classification.taxonomy import FailureClass

HTTP = frozenset({"replicate_http"})

PREDICTION = frozenset({"prediction"})

TIME = [
    Rule(
        id="timeout",
        failure_class=FailureClass.TIMEOUT,
        retryable=True,
        description="No answer in time: by type, code, status 408 or words, also where the words go on "
        "to name a picture.",
        example=Example("prediction", "Timed out waiting for the prediction after 300s."),
        places=PROVIDER,
        unless=pattern(r"timeout[^.]{0,20} must be|invalid(?: \w+)? timeout"),
        codes=pattern(r"deadline_exceeded|\w*timeout\w*|timed_out|etimedout|408|esockettimedout"),
        exceptions=pattern(r"\w*timeout\w*"),
        words=any_language(TIMEOUT),
    ),
    Rule(
        id="timeout_status",
        failure_class=FailureClass.TIMEOUT,
        retryable=True,
        description="Status 408.",
        example=Example("replicate_http", "", http_status=408),
        places=PROVIDER,
        statuses=(408,),
    ),
    Rule(
        id="canceled_words",
        failure_class=FailureClass.CANCELED,
        retryable=False,
        description="Somebody canceled it, by type, status 499 or words.",
        example=Example("prediction", "Replicate prediction was canceled"),
        places=PROVIDER,
        exceptions=pattern(r"cancell?ed\w*|\w*abort\w*|operationcancell?ed\w*|taskcancell?ed\w*"),
        words=any_language(CANCELED),
    ),
]

INPUTS = [
    Rule(
        id="image_code",
        failure_class=FailureClass.INVALID_IMAGE,
        retryable=False,
        description="A machine code says that the picture is not usable.",
        example=Example("replicate_http", "", http_status=400, code="invalid_image_file"),
        places=PROVIDER,
        codes=pattern(
            r"invalid_?image\w*|unsupported_?image(?!_size)\w*|image_(?:too|parse|file|load|"
            r"decode|invalid|format|not)\w*|unsupported_file\w*|invalid_base64\w*|empty_image\w*|"
            r"failed_to_download_image|file_download_error|file_too_large|no_face\w*|face_\w+|"
            r"unsupported_mime\w*|imagedecode\w*|unidentifiedimageerror"
        ),
        exceptions=pattern(r"unidentifiedimageerror|decompressionbomb\w+"),
    ),
    Rule(
        id="image_words",
        failure_class=FailureClass.INVALID_IMAGE,
        retryable=False,
        description="Words about a picture that cannot be read, is too large or of the wrong kind.",
        example=Example("prediction", "Unsupported image format. Expected JPEG or PNG."),
        places=PROVIDER,
        unless=pattern(
            r"(?:does not|doesn't) (?:support|accept) (?:image|multipart)|try again later|"
            r"internal error|overloaded"
        ),
        words=any_language(INVALID_IMAGE),
    ),
    Rule(
        id="image_status",
        failure_class=FailureClass.INVALID_IMAGE,
        retryable=False,
        description="Status 413 or 415: the upload is too large or of a kind that the API does not take.",
        example=Example("replicate_http", "", http_status=415),
        places=PROVIDER,
        statuses=(413, 415),
        unless=pattern(r"content-type|application/json|multipart"),
    ),
]

TROUBLE = [
    Rule(
        id="trouble_code",
        failure_class=FailureClass.PROVIDER_OUTAGE,
        retryable=True,
        description="A machine code of an internal error, an unavailable service or a bad upstream answer.",
        example=Example("replicate_http", "", code="internal_server_error"),
        places=PROVIDER,
        codes=pattern(
            r"internal_?(?:server_?)?error|internal|server_error|service_?unavailable\w*|"
            r"unavailable|overloaded_error|bad_gateway|upstream_(?:failed|unavailable|timeout|"
            r"connection\w*)|bad_response\w*|internalservererror|do_request_failed|"
            r"server_is_overloaded|serviceunavailableexception|internalserverexception|"
            r"modelerrorexception|downstream_service_\w+|serverunavailable\w*"
        ),
        exceptions=pattern(
            r"internalservererror|serviceunavailable\w*|servererror|internalserver\w*|"
            r"apierror_5\w+|overloadederror|badgateway\w*"
        ),
        unless=pattern(r"invalid_request_error|model is not supported"),
    ),
    Rule(
        id="trouble_words",
        failure_class=FailureClass.PROVIDER_OUTAGE,
        retryable=True,
        description="Words of trouble on the provider's side: busy, unavailable, out of memory, try "
        "again later.",
        example=Example("prediction", "Internal Error, Please try again later.", code="400"),
        places=PROVIDER,
        words=any_language(OUTAGE),
        unless=pattern(r"unexpected keyword|invalid_request_error"),
    ),
    Rule(
        id="our_own_bug",
        failure_class=FailureClass.UNKNOWN,
        retryable=False,
        description="A programming error on either side hides the cause; without a status nothing can be "
        "told.",
        example=Example(
            "replicate_http", "create() got an unexpected keyword argument 'size'", exception="TypeError"
        ),
        places=PROVIDER,
        exceptions=pattern(
            r"typeerror|keyerror|nameerror|assertionerror|notimplementederror|importerror|"
            r"modulenotfounderror"
        ),
        words=pattern(
            r"unexpected keyword argument|unsupported operand|values to unpack|"
            r"no such file or directory|division by zero|must match the size|codec can't|nonetype|"
            r"list index out of range|object has no attribute|is not subscriptable|"
            r"object is not callable|takes \d+ positional|required positional argument"
        ),
        no_status=True,
    ),
    Rule(
        id="prediction_network",
        failure_class=FailureClass.PROVIDER_OUTAGE,
        retryable=True,
        description="A broken connection inside a prediction is one of the provider's own connections.",
        example=Example("prediction", "Prediction failed: Async prediction failed: ReadError:"),
        places=PREDICTION,
        exceptions=pattern(r"connect\w*error|apiconnectionerror|\w*protocolerror|readerror"),
        words=any_language(NETWORK),
        unless=pattern(r"unsupported protocol"),
    ),
    Rule(
        id="http_trust",
        failure_class=FailureClass.NETWORK,
        retryable=False,
        description="A certificate on the way to the API is not trusted.",
        example=Example(
            "replicate_http", "certificate verify failed: self-signed certificate", exception="ConnectError"
        ),
        places=HTTP,
        words=pattern(r"certificate|self[- ]signed|hostname mismatch"),
    ),
    Rule(
        id="http_network",
        failure_class=FailureClass.NETWORK,
        retryable=True,
        description="A broken connection on the way to the API, before any answer.",
        example=Example("replicate_http", "Connection refused", exception="ConnectError"),
        places=HTTP,
        no_status=True,
        exceptions=pattern(
            r"connect\w*error|apiconnectionerror|\w*protocolerror|readerror|writeerror|gaierror|"
            r"sslerror|maxretryerror|proxyerror"
        ),
        words=any_language(NETWORK),
    ),
]

LAST = [
    Rule(
        id="parameter_code",
        failure_class=FailureClass.INVALID_INPUT,
        retryable=False,
        description="A machine code or type that blames the request.",
        example=Example("prediction", "", code="invalid_request_error"),
        places=PROVIDER,
        codes=pattern(
            r"invalid_?(?:request|parameter|param|value|argument|input|prompt|size|payload|json|"
            r"type|field|url|format)\S*|unsupported_\w+|bad_?request\w*|validation\w*|"
            r"convert_request_failed|unprocessable\w*|value_error\S*|missing|malformed\w*|"
            r"prompt_too_long|parameter_\w+|\w+_not_found|not_found\w*|method_not_allowed|"
            r"failed_precondition|out_of_range|request_too_large"
        ),
        exceptions=pattern(
            r"badrequest\w*|invalidrequest\w*|unprocessableentity\w*|notfounderror|validation\w*|"
            r"invalid\w*"
        ),
    ),
    Rule(
        id="parameter_words",
        failure_class=FailureClass.INVALID_INPUT,
        retryable=False,
        description="Words that blame a parameter, the prompt's length, the model's name or the form of "
        "the request.",
        example=Example(
            "replicate_http",
            "Invalid reference to model version: x. Expected format: owner/name:version",
            exception="ValueError",
        ),
        places=PROVIDER,
        words=any_language(INVALID_INPUT),
    ),
    Rule(
        id="answer_4xx",
        failure_class=FailureClass.INVALID_INPUT,
        retryable=False,
        description="Any other 4xx: the provider blames the request.",
        example=Example(
            "replicate_http",
            "'list' object has no attribute 'get'",
            http_status=422,
            exception="AttributeError",
        ),
        places=PROVIDER,
        statuses=(4,),
    ),
    Rule(
        id="not_an_answer",
        failure_class=FailureClass.PROVIDER_OUTAGE,
        retryable=True,
        description="The API's answer was no JSON at all.",
        example=Example(
            "replicate_http", "Expecting value: line 1 column 1 (char 0)", exception="JSONDecodeError"
        ),
        places=HTTP,
        exceptions=pattern(r"jsondecodeerror"),
        words=pattern(r"expecting value: line 1 column 1|unexpected token '?<"),
    ),
]
