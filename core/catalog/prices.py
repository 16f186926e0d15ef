"""What one image is counted with, in US dollars: for customers, experiments and forecasts alike."""

import dataclasses
from collections.abc import Mapping
from decimal import Decimal

from core.catalog.models import MODELS
from core.catalog.offer import Extra, Model

# Replicate publishes its fee beside a key of one's own, and OpenAI its surcharge for high fidelity, for this
# model only: they are counted for the others too.
_GIVEN = MODELS["openai/gpt-image-1"]


@dataclasses.dataclass(frozen=True)
class Price:
    """Dollars of one 1024x1024 image. Not `published`: the most that it can cost by what is published."""

    usd: Decimal
    published: bool


def price_of(slug: str, parameters: Mapping[str, str], *, own_key: bool = False) -> Price:
    """The price of one image with these parameters; presets fill in what they leave out.

    Without an OpenAI key of our own (`own_key`) Replicate bills its own price. With one OpenAI bills tokens,
    which only the drawn image tells: counted is its published price of the output and Replicate's fee, or
    Replicate's own price where that is higher. Raises KeyError for a model that is not in the catalog.
    """
    model = MODELS[slug]
    chosen = {offered.name: parameters.get(offered.name, offered.preset) for offered in model.parameters}
    if model.replicate is None:
        return _at_openai(model, chosen)
    listed = model.replicate.of(chosen["quality"])
    if not own_key:
        return Price(model.replicate.dearest if listed is None else listed, published=listed is not None)
    tokens = Decimal(0) if model.openai is None else _at_openai(model, chosen).usd
    return Price(max(listed or model.replicate.dearest, tokens), published=False)


def price_usd(slug: str, parameters: Mapping[str, str], *, own_key: bool = False) -> Decimal | None:
    """The dollars of `price_of`; None for a model that is not in the catalog."""
    return price_of(slug, parameters, own_key=own_key).usd if slug in MODELS else None


def _at_openai(model: Model, chosen: Mapping[str, str]) -> Price:
    """OpenAI's price and Replicate's fee. For quality `auto` the model decides, so it is as dear as any."""
    if model.openai is None:
        raise ValueError(f"the catalog has no price of {model.slug}")
    listed = model.openai.of(chosen["quality"])
    extras = [(model.replicate_fee, _GIVEN.replicate_fee)]
    if chosen.get("input_fidelity") == "high":
        extras.append((model.high_fidelity, _GIVEN.high_fidelity))
    usd = model.openai.dearest if listed is None else listed
    return Price(
        usd + sum((_usd(own or given) for own, given in extras), Decimal(0)),
        published=listed is not None and all(own is not None for own, _ in extras),
    )


def _usd(extra: Extra | None) -> Decimal:
    return Decimal(0) if extra is None else extra.usd
