"""What an image is counted with before it is bought: never less than it may cost."""

import dataclasses
from collections.abc import Mapping
from decimal import Decimal

from core.provider.catalog import MODELS, price_usd, upstream_usd

# Replicate publishes its fee for one model of the family only; it is counted for the others too.
FEE_USD = Decimal("0.001")


@dataclasses.dataclass(frozen=True)
class Price:
    """Dollars of one image. Not `published`: the most that it can cost by OpenAI's own prices."""

    usd: Decimal
    published: bool


def price_of(slug: str, parameters: Mapping[str, str]) -> Price:
    """The catalog's price; where it has none, OpenAI's, with quality `auto` as dear as `high`."""
    known = price_usd(slug, parameters)
    if known is not None:
        return Price(known, published=True)
    model = MODELS[slug]
    quality = parameters.get("quality", "auto")
    asked = "high" if quality == "auto" else quality
    upstream = upstream_usd(model, asked, input_fidelity=parameters.get("input_fidelity", "low"))
    if upstream is None:
        # No surcharge is published for this model's high fidelity: that of gpt-image-1 stands for it.
        plain = upstream_usd(model, asked) or model.upstream.high
        upstream = plain + (MODELS["openai/gpt-image-1"].upstream.high_fidelity or Decimal(0))
    return Price(upstream + (model.replicate_fee_usd or FEE_USD), published=False)
