"""What the provider says about one prediction, in our own words."""

import dataclasses
import enum
from datetime import datetime


class RemoteStatus(enum.StrEnum):
    """Replicate's prediction states (its OpenAPI document, `schemas_prediction_response`)."""

    STARTING = "starting"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    ABORTED = "aborted"  # its deadline passed before it started; not billed

    @property
    def terminal(self) -> bool:
        return self not in (RemoteStatus.STARTING, RemoteStatus.PROCESSING)


@dataclasses.dataclass(frozen=True)
class ProviderReport:
    """One prediction as the provider describes it. Texts are scrubbed of secrets.

    `client_ref` is the reference that we sent along, where the model has a field for it. `output` holds the
    addresses (https or data URIs) of what was drawn; `output_problem` says why it could not be read as such.
    `odd_status` is what the provider said where that is none of its documented states; `status` is then our
    reading of it. Times are aware datetimes, durations seconds.
    """

    remote_id: str
    status: RemoteStatus
    model: str | None = None
    client_ref: str | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    predict_seconds: float | None = None
    output: tuple[str, ...] = dataclasses.field(default=(), repr=False)  # may be a face
    output_problem: str | None = None
    error: str | None = None
    data_removed: bool = False
    web_url: str | None = None
    odd_status: str | None = None


@dataclasses.dataclass(frozen=True)
class RenderRequest:
    """One image to be drawn. `selfie` is the normalised picture, `cancel_after` seconds from now."""

    model: str
    prompt: str
    selfie: bytes = dataclasses.field(repr=False)
    selfie_content_type: str
    client_ref: str
    cancel_after: float
    parameters: dict[str, str] = dataclasses.field(default_factory=dict)
    webhook_url: str | None = None
