"""What the catalog says of a model: its inputs, its prices with their sources, and its announced end."""

import dataclasses
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Literal


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One input field that the desk offers.

    `preset` is what we send when nothing was chosen, `provider_default` what the model takes when the field
    is absent (Replicate's pages of the models). We always send a value, so that a changed default at the
    provider changes nothing here.
    """

    name: str
    allowed: tuple[str, ...]
    preset: str
    provider_default: str


@dataclasses.dataclass(frozen=True)
class Prices:
    """US dollars of one 1024x1024 image by quality, as `source` gave them on the day `read_on`."""

    by_quality: Mapping[str, Decimal]
    source: str
    read_on: date

    def of(self, quality: str) -> Decimal | None:
        return self.by_quality.get(quality)

    @property
    def dearest(self) -> Decimal:
        return max(self.by_quality.values())


@dataclasses.dataclass(frozen=True)
class Extra:
    """US dollars that come on top for one image, as `source` gave them on the day `read_on`."""

    usd: Decimal
    source: str
    read_on: date


@dataclasses.dataclass(frozen=True)
class Retirement:
    """The day on which OpenAI announced to end the model, and the one in the catalog to move to, if any."""

    on: date
    successor: str | None


@dataclasses.dataclass(frozen=True)
class Model:
    """One hosted model. `reference_field` is the input that carries our reference; the provider lists it.

    `replicate` is what Replicate takes where no OpenAI key of our own is given. With such a key OpenAI takes
    `openai`, `high_fidelity` on top for input_fidelity high, and Replicate its `replicate_fee`. None: not
    published. `converts_output` says whether an image of another size or format may be converted into an
    avatar; where it is false such an image is an error of the provider.
    """

    slug: str
    openai_key: Literal["required", "optional"]
    parameters: tuple[Parameter, ...]
    replicate: Prices | None = None
    openai: Prices | None = None
    high_fidelity: Extra | None = None
    replicate_fee: Extra | None = None
    retirement: Retirement | None = None
    reference_field: str = "user_id"
    prompt_limit: int = 32_000  # characters (OpenAI's API reference, images)
    output_formats: tuple[str, ...] = ("png", "webp", "jpeg")
    output_size: tuple[int, int] = (1024, 1024)
    converts_output: bool = False

    @property
    def needs_openai_key(self) -> bool:
        return self.openai_key == "required"

    def parameter(self, name: str) -> Parameter | None:
        return next((offered for offered in self.parameters if offered.name == name), None)

    def accepts_output(self, image_format: str, size: tuple[int, int]) -> bool:
        """Whether an image of this format (as Pillow names it, any case) and size is a valid answer."""
        return image_format.lower() in self.output_formats and size == self.output_size
