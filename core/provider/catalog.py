"""The models we can draw with: their inputs, prices and notes. One table, read by everything else."""

import dataclasses
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Literal

from core.errors import InvalidInput, SetupError
from core.provider.reports import RenderRequest


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
class UpstreamPrices:
    """What OpenAI takes for one 1024x1024 image, in USD; `high_fidelity` is added for input_fidelity high."""

    low: Decimal
    medium: Decimal
    high: Decimal
    high_fidelity: Decimal | None = None


@dataclasses.dataclass(frozen=True)
class Retirement:
    """The day on which OpenAI announced to end the model, and the one in this table to move to."""

    on: date
    successor: str


@dataclasses.dataclass(frozen=True)
class Model:
    """One hosted model. `reference_field` is the input that carries our reference; the provider lists it.

    `converts_output` says whether an image of another size or format may be converted into an avatar; where
    it is false such an image is an error of the provider.
    """

    slug: str
    openai_key: Literal["required", "optional"]
    parameters: tuple[Parameter, ...]
    upstream: UpstreamPrices
    replicate_fee_usd: Decimal | None = None
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


QUALITY = Parameter("quality", ("low", "medium", "high", "auto"), preset="medium", provider_default="auto")
# High keeps faces recognisable, which is the point of an avatar.
FIDELITY = Parameter("input_fidelity", ("low", "high"), preset="high", provider_default="low")
BACKGROUND = Parameter(
    "background", ("auto", "transparent", "opaque"), preset="opaque", provider_default="auto"
)
OPAQUE_BACKGROUND = Parameter("background", ("auto", "opaque"), preset="opaque", provider_default="auto")
MODERATION = Parameter("moderation", ("auto", "low"), preset="auto", provider_default="auto")
# The provider's default loses detail; an avatar is stored as it came.
FORMAT = Parameter("output_format", ("png", "jpeg", "webp"), preset="png", provider_default="webp")

# Fields that some model of this table takes. A prompt tuned for one model may carry them to another that does
# not: they are left out there. Any other name is a mistake and refused.
FAMILY = frozenset({"quality", "input_fidelity", "background", "moderation", "output_format"})

END_OF_1 = Retirement(date(2026, 10, 23), successor="openai/gpt-image-2")
END_OF_MINI_AND_1_5 = Retirement(date(2026, 12, 1), successor="openai/gpt-image-2")

# Inputs: Replicate's pages of the models. Retirements: OpenAI's deprecations page. OpenAI's prices for
# 1024x1024: its model pages (gpt-image-1, -1-mini), its published per-image table (-1.5, -2). Replicate's own
# fee is published for gpt-image-1 only: $1 per thousand output images.
_TABLE = (
    Model(
        slug="openai/gpt-image-1",
        openai_key="required",
        parameters=(QUALITY, FIDELITY, BACKGROUND, MODERATION, FORMAT),
        # High fidelity adds 4096 input tokens for a square image, at $10 per million.
        upstream=UpstreamPrices(Decimal("0.011"), Decimal("0.042"), Decimal("0.167"), Decimal("0.041")),
        replicate_fee_usd=Decimal("0.001"),
        retirement=END_OF_1,
    ),
    Model(
        slug="openai/gpt-image-1-mini",
        openai_key="required",
        # Its page lists input_fidelity, but OpenAI refuses `high` for this model.
        parameters=(QUALITY, BACKGROUND, MODERATION, FORMAT),
        upstream=UpstreamPrices(Decimal("0.005"), Decimal("0.011"), Decimal("0.036")),
        retirement=END_OF_MINI_AND_1_5,
    ),
    Model(
        slug="openai/gpt-image-1.5",
        openai_key="optional",
        parameters=(QUALITY, FIDELITY, BACKGROUND, MODERATION, FORMAT),
        upstream=UpstreamPrices(Decimal("0.009"), Decimal("0.034"), Decimal("0.133")),
        retirement=END_OF_MINI_AND_1_5,
    ),
    Model(
        slug="openai/gpt-image-2",
        openai_key="optional",
        # Inputs are always kept at high fidelity; a transparent background is not offered.
        parameters=(QUALITY, OPAQUE_BACKGROUND, MODERATION, FORMAT),
        upstream=UpstreamPrices(Decimal("0.006"), Decimal("0.053"), Decimal("0.211")),
    ),
)

MODELS: dict[str, Model] = {model.slug: model for model in _TABLE}


def build_input(
    model: Model, request: RenderRequest, image_uri: str, openai_api_key: str | None
) -> dict[str, object]:
    """The provider's `input` for one square image of `request`, drawn from the picture at `image_uri`.

    Raises InvalidInput for a parameter or prompt that the model does not take, SetupError without a key that
    it needs.
    """
    if model.needs_openai_key and not openai_api_key:
        raise SetupError(f"OPENAI_API_KEY is missing: {model.slug} draws on your own OpenAI account")
    chosen = checked_parameters(model, request.parameters)
    key = {"openai_api_key": openai_api_key} if openai_api_key else {}
    return {
        "prompt": _checked_prompt(model, request.prompt),
        "input_images": [image_uri],
        "aspect_ratio": "1:1",  # the only one that is 1024x1024
        "number_of_images": 1,
        model.reference_field: request.client_ref,
        **chosen,
        **key,
    }


def check_parameters(slug: str, parameters: Mapping[str, str]) -> None:
    """Raises InvalidInput, with the reason, for parameters that this model does not take."""
    model = MODELS.get(slug)
    if model is None:
        raise InvalidInput(f"{slug} is not in the catalog; known models: {', '.join(MODELS)}")
    checked_parameters(model, parameters)


def checked_parameters(model: Model, wanted: Mapping[str, str]) -> dict[str, str]:
    if strangers := sorted(wanted.keys() - FAMILY):
        raise InvalidInput(f"{model.slug} has no parameter '{strangers[0]}'")
    chosen = {offered.name: wanted.get(offered.name, offered.preset) for offered in model.parameters}
    for offered in model.parameters:
        if chosen[offered.name] not in offered.allowed:
            raise InvalidInput(
                f"{offered.name} '{chosen[offered.name]}' is not offered by {model.slug}; "
                f"choose one of {', '.join(offered.allowed)}"
            )
    if chosen.get("background") == "transparent" and chosen["output_format"] == "jpeg":
        raise InvalidInput("A JPEG has no transparent background: choose png or webp")
    return chosen


def _checked_prompt(model: Model, prompt: str) -> str:
    if not prompt.strip():
        raise InvalidInput("The prompt is empty")
    if len(prompt) > model.prompt_limit:
        raise InvalidInput(
            f"The prompt has {len(prompt):,} characters; {model.slug} takes at most {model.prompt_limit:,}"
        )
    return prompt


def upstream_usd(model: Model, quality: str, *, input_fidelity: str = "low") -> Decimal | None:
    """OpenAI's published price in USD of one 1024x1024 image at this quality; None where none is published.

    It covers the output image and, for gpt-image-1, the surcharge of high input fidelity. Prompt and picture
    tokens come on top: Replicate's sample run of gpt-image-1 with two pictures used 711 text and 646 image
    tokens, one cent at $5 and $10 per million. For quality `auto` the model decides, so no price is known.
    """
    if quality not in ("low", "medium", "high"):
        return None
    price: Decimal = getattr(model.upstream, quality)
    if input_fidelity == "high" and model.parameter("input_fidelity"):
        surcharge = model.upstream.high_fidelity
        return None if surcharge is None else price + surcharge
    return price


def price_usd(slug: str, parameters: Mapping[str, str]) -> Decimal | None:
    """What one 1024x1024 image with these parameters costs us in USD; presets fill in what they leave out.

    It is `upstream_usd` plus Replicate's fee, and None where either is unknown. Replicate publishes $0.001 an
    image for gpt-image-1. For the others no fee was found, nor what -1.5 and -2 cost without an OpenAI key of
    our own, so their price is None rather than a guess.
    """
    model = MODELS.get(slug)
    if model is None or model.replicate_fee_usd is None:
        return None
    chosen = {offered.name: parameters.get(offered.name, offered.preset) for offered in model.parameters}
    upstream = upstream_usd(model, chosen["quality"], input_fidelity=chosen.get("input_fidelity", "low"))
    return None if upstream is None else upstream + model.replicate_fee_usd


def retirement_notice(slug: str, today: date) -> str | None:
    """A sentence about the announced end of this model and what to use instead; None when it has none."""
    model = MODELS.get(slug)
    if model is None or model.retirement is None:
        return None
    end, successor = model.retirement.on, model.retirement.successor
    if today < end:
        return f"OpenAI has announced to end {slug} on {end}. Move to {successor} before that day."
    return (
        f"OpenAI announced to end {slug} on {end}. If generations fail, save versions of your prompts with "
        f"{successor}; INKDESK_MODEL={successor} makes it the model of new prompts."
    )
