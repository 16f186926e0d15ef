"""Rules for machine codes: the engine's own, Replicate's in brackets, and lists of refused fields."""

from core.classification.rules.rule import PROVIDER, Example, Rule, pattern
from core.classification.taxonomy import FailureClass

OURS = [
    Rule(
        id="submission_unconfirmed",
        failure_class=FailureClass.SUBMISSION_UNCONFIRMED,
        retryable=False,
        description="The engine could not find out whether the provider took the request.",
        example=Example("replicate_http", "", code="submission_unconfirmed"),
        codes=pattern(r"submission_unconfirmed"),
    ),
    Rule(
        id="prediction_aborted",
        failure_class=FailureClass.TIMEOUT,
        retryable=True,
        description="Replicate's status `aborted`: the deadline passed before the prediction started.",
        example=Example("prediction", "", code="aborted"),
        codes=pattern(r"aborted"),
        words=pattern(r"given='?aborted"),
    ),
    Rule(
        id="prediction_canceled",
        failure_class=FailureClass.CANCELED,
        retryable=False,
        description="Replicate's status `canceled`.",
        example=Example("prediction", "", code="canceled"),
        codes=pattern(r"cancell?ed"),
    ),
]

# Replicate docs, "Error codes" (four digits); three digits come from the helper inside its proxy models.
CODES = [
    Rule(
        id="replicate_e001",
        failure_class=FailureClass.BILLING,
        retryable=False,
        description="E001: the vendor behind the model reports missing credit (with an own key: ours).",
        example=Example("prediction", "An error occurred while processing your request (E001)"),
        codes=pattern(r"e001"),
    ),
    Rule(
        id="replicate_e002",
        failure_class=FailureClass.AUTH,
        retryable=False,
        description="E002: the vendor behind the model refuses the key.",
        example=Example("prediction", "An error occurred while processing your request (E002)"),
        codes=pattern(r"e002"),
    ),
    Rule(
        id="replicate_e005",
        failure_class=FailureClass.CONTENT_POLICY,
        retryable=False,
        description="E005: input or output was flagged by the vendor's moderation.",
        example=Example("prediction", "Please try again with different inputs. (E005) (1a2b3c)"),
        codes=pattern(r"e005"),
    ),
    Rule(
        id="replicate_e006",
        failure_class=FailureClass.INVALID_INPUT,
        retryable=False,
        description="E006: the vendor refuses a parameter.",
        example=Example("prediction", "The input was not accepted. (E006)"),
        codes=pattern(r"e006"),
    ),
    Rule(
        id="replicate_canceled_code",
        failure_class=FailureClass.CANCELED,
        retryable=False,
        description="E8367 with a cancellation: the prediction was stopped by somebody.",
        example=Example("prediction", "Prediction canceled by user (E8367)"),
        codes=pattern(r"e8367-canceled"),
        words=pattern(r"cancell?ed.{0,40}e8367|e8367.{0,40}\bcancell?ed"),
    ),
    Rule(
        id="replicate_e6716",
        failure_class=FailureClass.TIMEOUT,
        retryable=True,
        description="E6716: the prediction did not start in time.",
        example=Example("prediction", "Timeout starting prediction (E6716)"),
        codes=pattern(r"e6716"),
    ),
    Rule(
        id="replicate_trouble_code",
        failure_class=FailureClass.PROVIDER_OUTAGE,
        retryable=True,
        description="E003 and E004 (vendor overloaded or down), E1000, E1001, E8367, E8765, E9243, "
        "E9825: trouble inside Replicate.",
        example=Example("prediction", "Service is currently unavailable due to high demand. (E003) (abc)"),
        codes=pattern(r"e003|e004|e1000|e1001|e4875|e8367|e8765|e9243|e9825"),
    ),
]

VALIDATION = [
    Rule(
        id="input_validation",
        failure_class=FailureClass.INVALID_INPUT,
        retryable=False,
        description="The API lists the fields that it refuses; the values that it quotes are not the cause.",
        example=Example(
            "replicate_http", '{"title":"Input validation failed","status":422,"invalid_fields":[]}'
        ),
        places=PROVIDER,
        unless=pattern(r"flagged|safety system|resource has been (?:temporarily )?blocked"),
        codes=pattern(
            r"unknown_parameter|unsupported_parameter|unsupported_value|"
            r"missing_required_parameter|string_above_max_length|string_too_long|"
            r"invalid_input_fidelity\w*|number_(?:lte|gte)|literal_error|missing_required\w*|"
            r"context_length_exceeded|integer_\w+_value|invalid_type"
        ),
        words=pattern(
            r"input validation failed|invalid_fields|invalid version or not permitted|"
            r"specified version does not exist|must be one of the following|"
            r"\bvalidation errors? for|input should be"
        ),
    ),
    Rule(
        id="account_blocked",
        failure_class=FailureClass.PROVIDER_OUTAGE,
        retryable=False,
        description="The whole account was blocked for its behaviour: no prompt would pass until the "
        "provider lifts it.",
        example=Example(
            "replicate_http",
            "Your resource has been temporarily blocked because we detected behavior that may "
            "violate our content policy.",
        ),
        places=PROVIDER,
        words=pattern(
            r"(?:resource|subscription|deployment) has been (?:temporarily )?(?:blocked|"
            r"suspended)|(?:can't|cannot|can not) be run on replicate|(?:version|"
            r"model) (?:has been |is )?disabled"
        ),
    ),
]
