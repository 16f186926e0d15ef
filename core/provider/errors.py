"""How talking to the provider can go wrong, in terms that the engine can act on."""

import enum


class Outcome(enum.StrEnum):
    """What is known about the request that failed."""

    UNSENT = "unsent"  # it never reached the provider: sending it again is safe
    REFUSED = "refused"  # the provider answered and did nothing
    UNKNOWN = "unknown"  # it may have been done: look before sending it again


class WebhookRejected(Exception):
    """A webhook is not the provider's, too old, or unreadable. Answer 4xx and do nothing."""


class ProviderError(Exception):
    """The provider refused, broke or did not answer. Its text is already scrubbed of secrets.

    Attributes: `where` is the step that failed (`replicate_http`, `output_fetch`, `network`), `status` the
    HTTP status if there was one, `code` a machine code of the provider, `retry_after` the seconds it asked
    us to wait.
    """

    def __init__(
        self,
        text: str,
        *,
        where: str,
        outcome: Outcome,
        status: int | None = None,
        code: str | None = None,
        exception: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(text)
        self.text = text
        self.where = where
        self.outcome = outcome
        self.status = status
        self.code = code
        self.exception = exception
        self.retry_after = retry_after
