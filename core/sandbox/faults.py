"""Everything that can be made to go wrong, in one table.

A fault is wanted by name: in a prompt as `[sandbox:NAME]` or `[sandbox:NAME x2]` (only the first two
creations with exactly that prompt), by a rule (`POST /sandbox/faults`), or by probability.
"""

import dataclasses
import enum


class Stage(enum.StrEnum):
    """The moment at which a fault strikes."""

    CREATE = "create"  # instead of creating: nothing exists afterwards
    ANSWER = "answer"  # the prediction exists, its answer goes wrong
    RUN = "run"  # how the prediction ends
    OUTPUT = "output"  # what it delivers, or how the file is served
    ITEM = "item"  # how this prediction looks in a list
    WEBHOOK = "webhook"
    LIST = "list"
    GET = "get"
    CANCEL = "cancel"
    UPLOAD = "upload"


# Faults of these stages belong to one creation; the others strike the next request of their kind.
OF_CREATION = (Stage.CREATE, Stage.ANSWER, Stage.RUN, Stage.OUTPUT, Stage.ITEM, Stage.WEBHOOK)


@dataclasses.dataclass(frozen=True)
class Fault:
    """One fault. `error` is the text of a prediction that fails because of it."""

    name: str
    stage: Stage
    description: str
    error: str = ""


_BUSY = "Service is currently unavailable due to high demand. Please try again later."
_SENSITIVE = "The input or output was flagged as sensitive. Please try again with different inputs."
_PROCESSING = "An error occurred while processing your request"
_SAFETY = (
    "Your request was rejected by the safety system. If you believe this is an error, contact us at "
    "help.openai.com and include the request ID req_5f1d2c7b90e84a36. safety_violations=[{category}]."
)
_VERBATIM = (
    "Error code: 400 - {{'error': {{'message': '{message}', 'type': 'image_generation_user_error', "
    "'param': None, 'code': 'moderation_blocked', 'moderation_details': {{'moderation_stage': '{stage}', "
    "'categories': ['{category}']}}}}}}"
)


def _blocked(stage: str, category: str) -> str:
    return _VERBATIM.format(message=_SAFETY.format(category=category), stage=stage, category=category)


C, A, R, O, W = Stage.CREATE, Stage.ANSWER, Stage.RUN, Stage.OUTPUT, Stage.WEBHOOK  # noqa: E741
_TABLE = (
    Fault("cut_before", C, "The connection is reset before the request is handled; nothing is created."),
    Fault("create_hangs", C, "The request is never answered; nothing is created."),
    Fault("invalid_input", C, "422: the input is refused, as for a missing prompt."),
    Fault("rate_limited", C, "429 with a retry_after of some seconds; the account is short of credit."),
    Fault("rate_limited_huge", C, "429 with a retry_after of a whole day."),
    Fault("auth", C, "401: the token is refused."),
    Fault("billing", C, "402: no credit left at the provider."),
    Fault("http_500", C, "500 with a JSON body; nothing is created."),
    Fault("http_502", C, "502 with an HTML page of the proxy in front; nothing is created."),
    Fault("http_503", C, "503 with an HTML page of the proxy in front; nothing is created."),
    Fault("model_gone", C, "404: the model is no longer there."),
    Fault("create_slow", C, "The prediction is created, but only after 20 seconds."),
    Fault("answer_lost", A, "The prediction is created, then the connection is reset without an answer."),
    Fault("answer_slow", A, "The prediction is created, its answer takes 20 seconds."),
    Fault("answer_hangs", A, "The prediction is created, the request is never answered."),
    Fault("answer_500", A, "The prediction is created, yet the answer is a 500."),
    Fault("answer_garbled", A, "The prediction is created, the answer is 201 with half a JSON document."),
    Fault("moderation", R, "Fails as flagged (E005); the category is not told.", f"{_SENSITIVE} (E005)"),
    Fault(
        "moderation_verbatim",
        R,
        "Fails with OpenAI's moderation_blocked, input stage.",
        _blocked("input", "sexual"),
    ),
    Fault(
        "moderation_output",
        R,
        "Fails with OpenAI's moderation_blocked, output stage.",
        _blocked("output", "violence"),
    ),
    Fault(
        "moderation_old",
        R,
        "Fails with the refusal text of 2025.",
        "Your request was rejected as a result of our safety system. Your request may contain content that "
        "is not allowed by our safety system.",
    ),
    Fault(
        "invalid_image",
        R,
        "Fails on the selfie.",
        "Invalid image file or mode for image 1, please check your image file.",
    ),
    Fault("e001", R, "Fails with E001: no credits at OpenAI.", f"{_PROCESSING} (E001)"),
    Fault("e002", R, "Fails with E002: the OpenAI key is refused.", f"{_PROCESSING} (E002)"),
    Fault("e003", R, "Fails with E003: rate limited at OpenAI.", f"{_BUSY} (E003)"),
    Fault(
        "e004",
        R,
        "Fails with E004: OpenAI is unavailable.",
        "Service is temporarily unavailable. Please try again later. (E004)",
    ),
    Fault("e1000", R, "Fails with E1000: unknown error.", "Unknown error (E1000)"),
    Fault(
        "e6716",
        R,
        "Fails with E6716: timeout starting the prediction.",
        "Timeout starting prediction (E6716)",
    ),
    Fault(
        "e8367",
        R,
        "Fails with E8367: stopped in a non-terminal state.",
        "Prediction stopped in non-terminal state (E8367)",
    ),
    Fault(
        "e8765", R, "Fails with E8765: the model's health check failed.", "Model health check failed (E8765)"
    ),
    Fault(
        "e9243", R, "Fails with E9243: error starting the prediction.", "Error starting prediction (E9243)"
    ),
    Fault(
        "incorrect_key",
        R,
        "Fails with OpenAI's text for a wrong key, which shows part of it.",
        "Incorrect API key provided: sk-sandb********************wxyz. You can find your API key at "
        "https://platform.openai.com/account/api-keys.",
    ),
    Fault(
        "leaky_error",
        R,
        "Fails with a text that repeats both secrets in full.",
        "Unexpected status for {key} via {token}",
    ),
    Fault(
        "org_not_verified",
        R,
        "Fails because the OpenAI organization is not verified.",
        "Error code: 403 - Your organization must be verified to use the model `gpt-image-1`. Please go to: "
        "https://platform.openai.com/settings/organization/general and click on Verify Organization. If you "
        "just verified, it can take up to 15 minutes for access to propagate.",
    ),
    Fault(
        "insufficient_quota",
        R,
        "Fails because the OpenAI quota is used up.",
        "Error code: 429 - {'error': {'message': 'You exceeded your current quota, please check your plan "
        "and billing details.', 'type': 'insufficient_quota', 'code': 'insufficient_quota'}}",
    ),
    Fault("billing_limit", R, "Fails at OpenAI's billing limit.", "Billing hard limit has been reached."),
    Fault(
        "openai_rate_limited",
        R,
        "Fails with OpenAI's own rate limit text.",
        "Rate limit reached for gpt-image-1 (for limit gpt-image) in organization org-sandbox on "
        "input-images per min: Limit 5, Used 5, Requested 1. Please try again in 12s.",
    ),
    Fault(
        "model_not_found",
        R,
        "Fails because OpenAI no longer has the model.",
        "Error code: 404 - {'error': {'message': 'The model `gpt-image-1` does not exist or you do not have "
        "access to it', 'type': 'invalid_request_error', 'code': 'model_not_found'}}",
    ),
    Fault(
        "unknown",
        R,
        "Fails with a text that nobody has seen before.",
        "Flux capacitor de-synchronised at phase 0x7f ☂",
    ),
    Fault("canceled", R, "The provider cancels the running prediction."),
    Fault("aborted", R, "The provider ends the prediction before it starts."),
    Fault("never_starts", R, "Stays `starting` until its deadline."),
    Fault("never_ends", R, "Stays `processing` until its deadline, or half an hour."),
    Fault("output_404", O, "The output file is not found."),
    Fault("output_403", O, "The output file is forbidden."),
    Fault("output_flaky", O, "The first fetch of the output answers 503, later ones work."),
    Fault("output_html", O, "The output is a web page with status 200."),
    Fault("output_truncated", O, "The connection is reset in the middle of the output."),
    Fault("output_tiny", O, "The output is an image of 2x2 pixels."),
    Fault("output_oversized", O, "The output has 30 MB."),
    Fault("output_endless", O, "The output comes byte by byte and never ends."),
    Fault("output_redirect", O, "The output redirects to a private address."),
    Fault("output_data_uri", O, "The output is a data URI instead of an address."),
    Fault("output_string", O, "The output is one string instead of a list."),
    Fault("output_null", O, "The prediction succeeds with null as output."),
    Fault("output_empty", O, "The prediction succeeds with an empty list as output."),
    Fault("output_blank", O, "The output is a plain white image."),
    Fault("output_wrong_size", O, "The output is an image of 640x480 pixels."),
    Fault("output_wrong_format", O, "The output is a JPEG, whatever was asked for."),
    Fault("item_malformed", Stage.ITEM, "In lists the prediction lacks most fields."),
    Fault("item_null", Stage.ITEM, "In lists the prediction is null."),
    Fault("webhook_duplicate", W, "The final webhook comes three times."),
    Fault("webhook_late", W, "The final webhook comes 30 seconds late."),
    Fault("webhook_out_of_order", W, "The final webhook comes before those of start and output."),
    Fault("webhook_lost", W, "No webhook comes."),
    Fault("list_500", Stage.LIST, "The next page of the list answers 500."),
    Fault("list_hangs", Stage.LIST, "The next page of the list is never answered."),
    Fault("get_500", Stage.GET, "The next look at a prediction answers 500."),
    Fault("get_404", Stage.GET, "The next look at a prediction answers 404."),
    Fault("cancel_500", Stage.CANCEL, "The next cancel answers 500; nothing is canceled."),
    Fault("upload_500", Stage.UPLOAD, "The next file upload answers 500; nothing is kept."),
)
FAULTS: dict[str, Fault] = {fault.name: fault for fault in _TABLE}
