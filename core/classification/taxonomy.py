"""Every way a generation can fail: who is at fault, whether to try again, what to tell whom. One table."""

import dataclasses
import enum


class FailureClass(enum.StrEnum):
    CONTENT_POLICY = "content_policy"
    INVALID_INPUT = "invalid_input"
    INVALID_IMAGE = "invalid_image"
    RATE_LIMITED = "rate_limited"
    AUTH = "auth"
    BILLING = "billing"
    PROVIDER_OUTAGE = "provider_outage"
    TIMEOUT = "timeout"
    NETWORK = "network"
    CANCELED = "canceled"
    ASSET_UNAVAILABLE = "asset_unavailable"
    ASSET_INVALID = "asset_invalid"
    STORAGE = "storage"
    DATABASE = "database"
    MODEL_UNAVAILABLE = "model_unavailable"
    SUBMISSION_UNCONFIRMED = "submission_unconfirmed"
    UNKNOWN = "unknown"


class Fault(enum.StrEnum):
    CUSTOMER = "customer"
    US = "us"
    PROVIDER = "provider"


class RefundRule(enum.StrEnum):
    AUTO = "auto"  # the credits go back without a person looking
    REVIEW = "review"  # a person decides


@dataclasses.dataclass(frozen=True)
class RetryPolicy:
    """What to do after a failure of a class, unless the verdict on the single error says otherwise.

    `max_attempts` None means as many as the settings allow. Attempt n+1 waits `backoff * multiplier**(n-1)`
    seconds, at most `longest`. `cool_down` is the pause of the whole queue in seconds, 0 for none: one
    customer's error must not hold up the others, an exhausted account or provider concerns all.
    """

    retry: bool
    max_attempts: int | None = None
    backoff: float = 0.0
    multiplier: float = 2.0
    longest: float = 300.0
    cool_down: float = 0.0

    def delay(self, attempt: int) -> float:
        """Seconds to wait after the failed attempt number `attempt` (the first is 1)."""
        # The exponent is bounded, because a float overflows long before an attempt counter does.
        return min(self.backoff * self.multiplier ** min(max(attempt, 1) - 1, 32), self.longest)


@dataclasses.dataclass(frozen=True)
class ClassFacts:
    """One row of the table. `customer_message` is shown to the customer, `operator_hint` to staff."""

    title: str
    fault: Fault
    retry: RetryPolicy
    customer_message: str
    operator_hint: str
    refund: RefundRule


NEVER = RetryPolicy(retry=False)
# A minute's pause of the queue: a person has to act first, so the next attempts would only fail as well.
STOPPED = RetryPolicy(retry=False, cool_down=60.0)

TAXONOMY: dict[FailureClass, ClassFacts] = {
    FailureClass.CONTENT_POLICY: ClassFacts(
        title="Refused content",
        fault=Fault.CUSTOMER,
        retry=NEVER,
        customer_message=(
            "The image service would not draw this one. Another photo or wording usually works."
        ),
        operator_hint=(
            "Read the category and the prompt. Many refusals under one prompt version point at its wording, "
            "not at the customers."
        ),
        refund=RefundRule.REVIEW,
    ),
    FailureClass.INVALID_INPUT: ClassFacts(
        title="Request not accepted",
        fault=Fault.CUSTOMER,
        retry=NEVER,
        customer_message=("Some of the choices do not work together. Please change them and try once more."),
        operator_hint=(
            "Compare the parameters with the model's input schema; the same error for everybody means that "
            "our request is wrong."
        ),
        refund=RefundRule.REVIEW,
    ),
    FailureClass.INVALID_IMAGE: ClassFacts(
        title="Selfie not usable",
        fault=Fault.CUSTOMER,
        retry=NEVER,
        customer_message=("We could not read this photo. A JPEG or PNG with one clear face works best."),
        operator_hint=(
            "Open the selfie. If it opens well, look at its format and colour mode and at our conversion."
        ),
        refund=RefundRule.REVIEW,
    ),
    FailureClass.RATE_LIMITED: ClassFacts(
        title="Rate limited",
        fault=Fault.US,
        retry=RetryPolicy(retry=True, backoff=5.0, cool_down=10.0),
        customer_message=(
            "So many avatars were being drawn that yours did not get its turn. Please try again later."
        ),
        operator_hint=(
            "Lower the submission rate, or ask the provider for a higher limit. Replicate reduces it when "
            "little credit is left."
        ),
        refund=RefundRule.AUTO,
    ),
    FailureClass.AUTH: ClassFacts(
        title="Provider refused our key",
        fault=Fault.US,
        retry=STOPPED,
        customer_message=("We cannot draw avatars at this moment. Your credits come back, and we are on it."),
        operator_hint=(
            "Check the API keys, their permissions and the organisation's verification, then retry what "
            "failed."
        ),
        refund=RefundRule.AUTO,
    ),
    FailureClass.BILLING: ClassFacts(
        title="Provider account out of money",
        fault=Fault.US,
        retry=STOPPED,
        customer_message=("We cannot draw avatars at this moment. Your credits come back, and we are on it."),
        operator_hint=(
            "Top up the provider's account or raise its spending limit, wait a few minutes, then retry what "
            "failed."
        ),
        refund=RefundRule.AUTO,
    ),
    FailureClass.PROVIDER_OUTAGE: ClassFacts(
        title="Provider trouble",
        fault=Fault.PROVIDER,
        retry=RetryPolicy(retry=True, backoff=10.0, multiplier=3.0),
        customer_message=("The image service had a hiccup. Trying again a little later usually helps."),
        operator_hint=(
            "Look at the provider's status page and the failure rate. A blocked account or a removed model "
            "build needs a person; anything else passes."
        ),
        refund=RefundRule.AUTO,
    ),
    FailureClass.TIMEOUT: ClassFacts(
        title="Timed out",
        fault=Fault.PROVIDER,
        retry=RetryPolicy(retry=True, max_attempts=3, backoff=10.0),
        customer_message="Drawing took longer than it should. Please try again in a few minutes.",
        operator_hint=(
            "Compare the render times with the deadline. A paid prediction may still finish: look before "
            "sending it again."
        ),
        refund=RefundRule.AUTO,
    ),
    FailureClass.NETWORK: ClassFacts(
        title="Network trouble",
        fault=Fault.US,
        retry=RetryPolicy(retry=True, backoff=3.0),
        customer_message=("The connection to the image service broke. Please try again in a few minutes."),
        operator_hint=("Check name resolution, the proxy and the certificates of the worker's machine."),
        refund=RefundRule.AUTO,
    ),
    FailureClass.CANCELED: ClassFacts(
        title="Canceled",
        fault=Fault.CUSTOMER,
        retry=NEVER,
        customer_message="This avatar was canceled before it was finished.",
        operator_hint=(
            "See in the history who canceled it. If nobody here did, the provider's console was used."
        ),
        refund=RefundRule.AUTO,
    ),
    FailureClass.ASSET_UNAVAILABLE: ClassFacts(
        title="Finished picture not fetched",
        fault=Fault.US,
        retry=RetryPolicy(retry=True, max_attempts=3, backoff=2.0),
        customer_message="Your avatar was drawn but did not reach us. Please try again.",
        operator_hint=(
            "The provider deletes outputs after an hour. Check the worker's lag, then draw again: this one "
            "was paid."
        ),
        refund=RefundRule.AUTO,
    ),
    FailureClass.ASSET_INVALID: ClassFacts(
        title="Finished picture not usable",
        fault=Fault.PROVIDER,
        retry=RetryPolicy(retry=True, max_attempts=2, backoff=5.0),
        customer_message="The picture came out damaged. Please try again.",
        operator_hint=(
            "Open the raw answer. An address of a foreign kind or host is a matter of security, not of luck."
        ),
        refund=RefundRule.AUTO,
    ),
    FailureClass.STORAGE: ClassFacts(
        title="Object store trouble",
        fault=Fault.US,
        retry=RetryPolicy(retry=True, backoff=2.0),
        customer_message=("We could not keep your avatar safely. Please try again in a few minutes."),
        operator_hint=(
            "Check the object store: reachability, keys, clock, free space and the upload limit of its proxy."
        ),
        refund=RefundRule.AUTO,
    ),
    FailureClass.DATABASE: ClassFacts(
        title="Database trouble",
        fault=Fault.US,
        retry=RetryPolicy(retry=True, backoff=1.0),
        customer_message=("Something on our side needs a moment. Please try again in a few minutes."),
        operator_hint=(
            "Check connections, locks and free space of PostgreSQL. Not retryable means a bug or a wrong "
            "setting."
        ),
        refund=RefundRule.AUTO,
    ),
    FailureClass.MODEL_UNAVAILABLE: ClassFacts(
        title="Model gone",
        fault=Fault.PROVIDER,
        retry=NEVER,
        customer_message="This drawing style is not on offer any more. Please choose another one.",
        operator_hint=(
            "The model was retired or is not open to our account. Save a version of the prompt with the"
            " successor that the overview names and put it into production; a retry takes INKDESK_MODEL."
        ),
        refund=RefundRule.AUTO,
    ),
    FailureClass.SUBMISSION_UNCONFIRMED: ClassFacts(
        title="Submission not confirmed",
        fault=Fault.PROVIDER,
        retry=NEVER,
        customer_message="We lost track of this avatar and stopped it. Your credits come back.",
        operator_hint=(
            "The provider may have drawn and billed it. Search its list at that time before sending it again."
        ),
        refund=RefundRule.AUTO,
    ),
    FailureClass.UNKNOWN: ClassFacts(
        title="Unknown",
        fault=Fault.US,
        retry=NEVER,
        customer_message="Something unexpected happened, and a person will look at it.",
        operator_hint=(
            "Read the raw answer. If its meaning is clear, add a rule with this wording as its example."
        ),
        refund=RefundRule.REVIEW,
    ),
}


def facts(failure_class: FailureClass) -> ClassFacts:
    """The row of a class; every class has one."""
    return TAXONOMY[failure_class]
