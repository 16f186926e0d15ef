"""Errors that people or the engine act on.

    OperatorError                the message is a finished sentence for the person at the desk
    ├── SetupError               a setting or the surroundings are wrong; start-up stops with exit code 2
    ├── InvalidInput             what was typed or uploaded cannot be used
    │   └── SelfieRejected       the file is no usable selfie
    ├── NotAllowed               the acting staff member lacks the permission
    ├── NotFound                 what was asked for does not exist (any more)
    ├── Conflict                 it changed meanwhile, or cannot be done in its present state
    ├── InsufficientCredits      the customer's wallet does not hold the price
    ├── ServiceUnavailable       database or object store does not answer; nothing was lost
    └── StillKept                the object store does not let go of what was to be deleted
    ProviderError                Replicate refused, broke or did not answer (`core.provider.errors`)

Pages catch `OperatorError` only; anything else is a bug. Driver and HTTP errors are translated where they
happen, `from exc`.
"""


class OperatorError(Exception):
    """What happened and what to do, in a sentence for the person at the desk."""


class SetupError(OperatorError):
    """A setting, the schema or a needed service is not as it must be; start-up stops."""


class InvalidInput(OperatorError):
    """What was typed or uploaded cannot be used."""


class SelfieRejected(InvalidInput):
    """The uploaded file cannot become a selfie."""


class NotAllowed(OperatorError):
    """The acting staff member lacks the permission for this."""


class NotFound(OperatorError):
    """What was asked for does not exist, or not any more."""


class Conflict(OperatorError):
    """It changed meanwhile, or cannot be done in the state it is in."""


class InsufficientCredits(OperatorError):
    """The customer's wallet holds fewer credits than the price."""


class ServiceUnavailable(OperatorError):
    """The database or the object store does not answer; nothing was lost, trying again is safe."""


class StillKept(OperatorError):
    """The object store does not let go of what was to be deleted: it is locked, or may not be deleted."""
