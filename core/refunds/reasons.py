"""Reason codes of decisions, and the sentence that the customer reads."""

import dataclasses

from core.classification.taxonomy import FailureClass


@dataclasses.dataclass(frozen=True)
class Reason:
    """Why a case was decided so. `sentence` is for the customer, without the credits."""

    title: str
    sentence: str
    approves: bool


REASONS: dict[str, Reason] = {
    "provider_fault": Reason(
        "The image service failed", "The image service did not finish your avatar.", True
    ),
    "our_fault": Reason("We failed", "Something on our side kept your avatar from being finished.", True),
    "canceled": Reason("Canceled", "Your avatar was canceled before it was finished.", True),
    "refused_in_error": Reason(
        "Refused without cause", "The image service refused a photo that was perfectly fine.", True
    ),
    "first_time": Reason(
        "Leniency, first time", "This photo could not be drawn. The first time is on us.", True
    ),
    "poor_quality": Reason("Avatar not good enough", "Your avatar is not as good as it should be.", True),
    "wrong_likeness": Reason("Not the customer's likeness", "Your avatar does not look like you.", True),
    "duplicate": Reason("Charged twice", "You were charged twice for one avatar.", True),
    "other_approved": Reason("Other reason", "We looked at your avatar once more.", True),
    "refused_content": Reason(
        "Content against the rules",
        "The photo or wording is against the image service's rules, so the attempt is not given back.",
        False,
    ),
    "unusable_photo": Reason(
        "Photo not usable",
        "The photo could not be used, and the page had said so before. The attempt is not given back.",
        False,
    ),
    "abuse": Reason(
        "Repeated misuse", "After many such attempts in a short time, this one is not given back.", False
    ),
    "delivered_well": Reason(
        "Avatar is fine", "Your avatar is complete and as ordered, so its credits are not given back.", False
    ),
    "other_denied": Reason("Other reason", "We looked at this closely and cannot give it back.", False),
}

# What a class usually turns out to be; the reviewer may choose otherwise.
APPROVING = {
    FailureClass.CONTENT_POLICY: "refused_in_error",
    FailureClass.INVALID_INPUT: "our_fault",
    FailureClass.INVALID_IMAGE: "first_time",
    FailureClass.PROVIDER_OUTAGE: "provider_fault",
    FailureClass.TIMEOUT: "provider_fault",
    FailureClass.ASSET_INVALID: "provider_fault",
    FailureClass.MODEL_UNAVAILABLE: "provider_fault",
    FailureClass.SUBMISSION_UNCONFIRMED: "provider_fault",
    FailureClass.CANCELED: "canceled",
}
DENYING = {
    FailureClass.CONTENT_POLICY: "refused_content",
    FailureClass.INVALID_IMAGE: "unusable_photo",
}


def preselected(failure_class: str | None, *, approved: bool) -> str:
    """The reason that a case of this class usually has; without a class it is goodwill."""
    if failure_class is None or failure_class not in set(FailureClass):
        return "poor_quality" if approved else "delivered_well"
    table, other = (APPROVING, "our_fault") if approved else (DENYING, "other_denied")
    return table.get(FailureClass(failure_class), other)


def codes(*, approved: bool) -> list[str]:
    """The reasons that a decision may have."""
    return [code for code, reason in REASONS.items() if reason.approves == approved]


def customer_sentence(
    reason_code: str, *, approved: bool, amount: int = 0, balance: int | None = None
) -> str:
    """What the customer will read."""
    told = REASONS[reason_code].sentence if reason_code in REASONS else "We looked at your avatar."
    if not approved:
        return f"{told} You can ask us to look again."
    came = f"{told} {_credits(amount)} came back to you"
    return f"{came}; you now have {_credits(balance)}." if balance is not None else f"{came}."


def _credits(count: int) -> str:
    return "1 credit" if count == 1 else f"{count:,} credits"
