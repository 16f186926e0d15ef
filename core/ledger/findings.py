"""What a check of the books has found."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Finding:
    """One broken promise: which rule, about what, and what stands there."""

    rule: str
    subject: str
    detail: str
