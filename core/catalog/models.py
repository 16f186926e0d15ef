"""The models we can draw with: their inputs, prices and ends. One table, read by everything else."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from core.catalog.offer import Extra, Model, Parameter, Prices, Retirement
from core.foundation.errors import InvalidInput

QUALITY = Parameter("quality", ("low", "medium", "high", "auto"), preset="medium", provider_default="auto")
QUALITY_TO_MAX = Parameter(
    "quality", ("low", "medium", "high", "xhigh", "max", "auto"), preset="medium", provider_default="auto"
)
# High keeps faces recognisable, which is the point of an avatar.
FIDELITY = Parameter("input_fidelity", ("low", "high"), preset="high", provider_default="low")
BACKGROUND = Parameter(
    "background", ("auto", "transparent", "opaque"), preset="opaque", provider_default="auto"
)
MODERATION = Parameter("moderation", ("auto", "low"), preset="auto", provider_default="auto")
# The provider's default loses detail; an avatar is stored as it came.
FORMAT = Parameter("output_format", ("png", "jpeg", "webp"), preset="png", provider_default="webp")

# Fields that some model of this table takes. A prompt tuned for one model may carry them to another that does
# not: they are left out there. Any other name is a mistake and refused.
FAMILY = frozenset({"quality", "input_fidelity", "background", "moderation", "output_format"})

# The model of a new desk is the first of these that has not ended on its day. They need no OpenAI key.
PREFERRED = ("openai/gpt-image-2", "openai/gpt-image-2.5-sunburst", "openai/gpt-image-2.5-flare")

# OpenAI's deprecations page. Successors are models that Replicate has.
END_OF_1 = Retirement(date(2026, 10, 23), successor="openai/gpt-image-2")
END_OF_MINI_AND_1_5 = Retirement(date(2026, 12, 1), successor="openai/gpt-image-2")


def _prices(source: str, read_on: date, **usd: str) -> Prices:
    return Prices({quality: Decimal(price) for quality, price in usd.items()}, source, read_on)


def _replicate(slug: str, **usd: str) -> Prices:
    """What Replicate bills per output image: `billingConfig` of its schema of the model."""
    return _prices(f"https://replicate.com/{slug}/api/schema", date(2026, 10, 5), **usd)


def _openai(source: str, **usd: str) -> Prices:
    """What OpenAI publishes for one output image of 1024x1024. Prompt and picture tokens come on top:
    Replicate's sample run of gpt-image-1 with two pictures took one cent of them.
    """
    return _prices(source, date(2026, 11, 22), **usd)


TABLE_OF_OPENAI = "OpenAI's published table of prices per image"

_TABLE = (
    Model(
        slug="openai/gpt-image-1",
        openai_key="required",
        parameters=(QUALITY, FIDELITY, BACKGROUND, MODERATION, FORMAT),
        openai=_openai("OpenAI's page of gpt-image-1", low="0.011", medium="0.042", high="0.167"),
        high_fidelity=Extra(
            Decimal("0.041"),
            "4096 input tokens for a square image (OpenAI's forum, topic 1317649) at $10 per million",
            date(2026, 11, 22),
        ),
        replicate_fee=Extra(
            Decimal("0.001"), "https://replicate.com/openai/gpt-image-1: $1 per thousand", date(2026, 11, 22)
        ),
        retirement=END_OF_1,
    ),
    Model(
        slug="openai/gpt-image-1-mini",
        openai_key="required",
        # Its page lists input_fidelity, but OpenAI refuses `high` for this model.
        parameters=(QUALITY, BACKGROUND, MODERATION, FORMAT),
        openai=_openai("OpenAI's page of gpt-image-1-mini", low="0.005", medium="0.011", high="0.036"),
        retirement=END_OF_MINI_AND_1_5,
    ),
    Model(
        slug="openai/gpt-image-1.5",
        openai_key="optional",
        parameters=(QUALITY, FIDELITY, BACKGROUND, MODERATION, FORMAT),
        replicate=_replicate("openai/gpt-image-1.5", low="0.013", medium="0.05", high="0.136", auto="0.136"),
        openai=_openai(TABLE_OF_OPENAI, low="0.009", medium="0.034", high="0.133"),
        retirement=END_OF_MINI_AND_1_5,
    ),
    Model(
        slug="openai/gpt-image-2",
        openai_key="optional",
        # Inputs are always kept at high fidelity.
        parameters=(QUALITY, BACKGROUND, MODERATION, FORMAT),
        replicate=_replicate("openai/gpt-image-2", low="0.012", medium="0.047", high="0.128", auto="0.128"),
        openai=_openai(TABLE_OF_OPENAI, low="0.006", medium="0.053", high="0.211"),
    ),
    *(
        Model(
            slug=slug,
            openai_key="optional",
            parameters=(QUALITY_TO_MAX, BACKGROUND, MODERATION, FORMAT),
            replicate=_replicate(
                slug, low="0.012", medium="0.047", high="0.128", xhigh="0.25", max="0.50", auto="0.25"
            ),
        )
        for slug in ("openai/gpt-image-2.5-flare", "openai/gpt-image-2.5-sunburst")
    ),
)

MODELS: dict[str, Model] = {model.slug: model for model in _TABLE}


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
