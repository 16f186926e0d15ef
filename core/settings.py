"""All settings: read once from the environment, checked together, told in one line when wrong."""

import functools
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from core.catalog.lifetimes import default_model
from core.catalog.models import MODELS
from core.foundation.errors import SetupError

REPLICATE = "https://api.replicate.com"

Seconds = Annotated[float, Field(gt=0, le=86_400)]


class Settings(BaseSettings):
    """Settings of one Inkdesk process; what is absent is started embedded (see docs/configuration.md)."""

    model_config = SettingsConfigDict(
        env_prefix="INKDESK_", frozen=True, extra="ignore", env_ignore_empty=True
    )

    # Not a variable: the day of this start, which decides the default model; tests give another.
    started_on: date = Field(default_factory=lambda: datetime.now(UTC).date())
    home: Path = Path(".inkdesk")
    database_url: SecretStr | None = None
    s3_endpoint: str | None = None
    s3_access_key: str | None = None
    s3_secret_key: SecretStr | None = None
    s3_bucket: str = Field("inkdesk", pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    s3_secure: bool = True
    s3_region: str | None = None

    replicate_api_token: SecretStr | None = Field(None, validation_alias="REPLICATE_API_TOKEN")
    replicate_base_url: str = Field(
        REPLICATE, validation_alias="REPLICATE_BASE_URL", pattern=r"^https?://[^/]+/?$"
    )
    openai_api_key: SecretStr | None = Field(None, validation_alias="OPENAI_API_KEY")
    model: str = Field(default_factory=lambda given: default_model(given["started_on"]))
    output_hosts: Annotated[tuple[str, ...], NoDecode] = ("replicate.delivery", "*.replicate.delivery")
    public_url: str | None = Field(None, pattern=r"^https://")
    desk_url: str | None = Field(None, pattern=r"^https?://")

    worker: Literal["inprocess", "external"] = "inprocess"
    worker_threads: int = Field(8, ge=1, le=128)
    max_in_flight: int = Field(100, ge=1, le=10_000)

    credits_per_avatar: int = Field(10, ge=1, le=1_000_000)
    max_attempts: int = Field(3, ge=1, le=20)
    generation_deadline_seconds: Seconds = 900
    attempt_timeout_seconds: Seconds = 300
    lease_seconds: Seconds = 45
    tick_seconds: Seconds = 0.5
    sweep_interval_seconds: Seconds = 1
    sweep_window_seconds: Seconds = 180
    straggler_interval_seconds: Seconds = 10
    backoff_factor: float = Field(1.0, gt=0, le=100)
    backoff_max_seconds: Seconds = 60
    adoption_grace_seconds: Seconds = 45
    provider_retention_seconds: Seconds = 3600
    provider_timeout_seconds: Seconds = 15
    transfer_timeout_seconds: Seconds = 20
    heartbeat_seconds: Seconds = 5
    rollup_interval_seconds: Seconds = 5
    alert_interval_seconds: Seconds = 5
    notify_private: bool = False
    experiment_in_flight: int = Field(8, ge=1, le=1_000)
    experiment_day_cap_usd: Decimal = Field(Decimal(25), ge=0, le=100_000, decimal_places=4)
    sandbox_time_scale: float = Field(1.0, gt=0, le=10)
    # Not a variable: set when the embedded sandbox stands in for the provider.
    sandboxed: bool = Field(default=False, init=False)

    @field_validator("output_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(host.strip().lower() for host in value.split(",") if host.strip())
        return value

    @field_validator("model")
    @classmethod
    def _known_model(cls, value: str) -> str:
        if value not in MODELS:
            raise ValueError(f"'{value}' is not in the catalog; known models: {', '.join(MODELS)}")
        return value

    @model_validator(mode="after")
    def _nothing_half_given(self) -> Self:
        s3 = {
            "INKDESK_S3_ENDPOINT": self.s3_endpoint,
            "INKDESK_S3_ACCESS_KEY": self.s3_access_key,
            "INKDESK_S3_SECRET_KEY": self.s3_secret_key,
        }
        missing = [name for name, value in s3.items() if value is None]
        if 0 < len(missing) < len(s3):
            raise ValueError(f"{missing[0]} is missing: give all of {', '.join(s3)} or none")
        if self.replicate_base_url.rstrip("/") != REPLICATE and self.replicate_api_token is None:
            raise ValueError("REPLICATE_API_TOKEN is missing: REPLICATE_BASE_URL is set, and needs it")
        if self.replicate_api_token and MODELS[self.model].needs_openai_key and self.openai_api_key is None:
            raise ValueError(
                f"OPENAI_API_KEY is missing: {self.model} draws on your own OpenAI account; "
                "set it, or choose another INKDESK_MODEL"
            )
        if self.lease_seconds <= self.provider_timeout_seconds + self.transfer_timeout_seconds:
            raise ValueError(
                "INKDESK_LEASE_SECONDS must be longer than INKDESK_PROVIDER_TIMEOUT_SECONDS and "
                "INKDESK_TRANSFER_TIMEOUT_SECONDS together, or a worker loses its generation while it waits"
            )
        if self.adoption_grace_seconds <= self.provider_timeout_seconds:
            raise ValueError(
                "INKDESK_ADOPTION_GRACE_SECONDS must be longer than INKDESK_PROVIDER_TIMEOUT_SECONDS, "
                "or an avatar could be sent, and paid, twice"
            )
        if self.database_url and not self.database_url.get_secret_value().startswith(
            ("postgresql:", "postgresql+")
        ):
            raise ValueError("INKDESK_DATABASE_URL must start with postgresql://")
        return self

    @property
    def uses_sandbox(self) -> bool:
        return self.replicate_api_token is None

    @property
    def all_output_hosts(self) -> tuple[str, ...]:
        """Where pictures may be fetched from. A provider of your own reaches its host's ports without us."""
        if self.replicate_base_url.rstrip("/") == REPLICATE:
            return self.output_hosts
        host = urlsplit(self.replicate_base_url).hostname or ""
        return (*self.output_hosts, f"[{host}]:*" if ":" in host else f"{host}:*")

    @property
    def own_openai_key(self) -> bool:
        """Whether images are drawn on an OpenAI account of our own wherever the model allows it."""
        return self.openai_api_key is not None and not self.sandboxed


def load_settings(today: date | None = None) -> Settings:
    """Read the environment. Raises SetupError with one line that names the variable at fault."""
    try:
        return Settings(started_on=today or datetime.now(UTC).date())
    except ValidationError as exc:
        raise SetupError(_one_line(exc)) from None


def _one_line(exc: ValidationError) -> str:
    first = exc.errors(include_url=False, include_context=False, include_input=False)[0]
    message = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return message
    field = str(first["loc"][0])
    variable = field if field.isupper() else f"INKDESK_{field.upper()}"
    return f"{variable}: {message[0].lower()}{message[1:]}"


@functools.cache
def settings() -> Settings:
    """The settings of this process."""
    return load_settings()


def load_or_exit() -> Settings:
    """The settings, or the one line that says what is wrong and exit code 2."""
    try:
        return settings()
    except SetupError as exc:
        sys.stderr.write(f"Inkdesk cannot start. {exc}\n")
        sys.exit(2)
