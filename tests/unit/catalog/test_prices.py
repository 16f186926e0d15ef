"""What one image is counted with: the tables of the facts, and never less than it may cost."""

from datetime import date
from decimal import Decimal

import pytest

from core.catalog.models import MODELS
from core.catalog.prices import Price, price_of, price_usd
from core.generation.request import quote
from core.settings import Settings

# Replicate's billingConfig of 2026-10-05, in dollars per output image.
TO_MAX = {"low": "0.012", "medium": "0.047", "high": "0.128", "xhigh": "0.25", "max": "0.50", "auto": "0.25"}
REPLICATES_OWN = {
    "openai/gpt-image-1.5": {"low": "0.013", "medium": "0.05", "high": "0.136", "auto": "0.136"},
    "openai/gpt-image-2": {"low": "0.012", "medium": "0.047", "high": "0.128", "auto": "0.128"},
    "openai/gpt-image-2.5-flare": TO_MAX,
    "openai/gpt-image-2.5-sunburst": TO_MAX,
}
# Models that draw on one's own OpenAI account: OpenAI's output, what high fidelity adds, Replicate's fee.
ON_OWN_ACCOUNT = {
    "openai/gpt-image-1": {"low": "0.053", "medium": "0.084", "high": "0.209", "auto": "0.209"},
    "openai/gpt-image-1-mini": {"low": "0.006", "medium": "0.012", "high": "0.037", "auto": "0.037"},
}
EVERY = [
    (slug, quality, usd)
    for slug, table in (REPLICATES_OWN | ON_OWN_ACCOUNT).items()
    for quality, usd in table.items()
]
# What they cost at most where OpenAI bills a key of our own by tokens.
WITH_OWN_KEY = [
    ("openai/gpt-image-1.5", "low", "0.051"),
    ("openai/gpt-image-1.5", "high", "0.175"),
    ("openai/gpt-image-2", "low", "0.012"),
    ("openai/gpt-image-2", "medium", "0.054"),
    ("openai/gpt-image-2", "high", "0.212"),
    ("openai/gpt-image-2", "auto", "0.212"),
    ("openai/gpt-image-2.5-flare", "medium", "0.047"),
    ("openai/gpt-image-2.5-sunburst", "max", "0.50"),
]


def test_the_tables_of_this_test_name_every_quality_of_every_model() -> None:
    offered = {(slug, each) for slug, model in MODELS.items() for each in model.parameters[0].allowed}
    assert {(slug, quality) for slug, quality, _ in EVERY} == offered


@pytest.mark.parametrize(("slug", "quality", "usd"), EVERY)
def test_every_quality_of_every_model_has_a_price_for_customers_and_experiments_alike(
    slug: str, quality: str, usd: str
) -> None:
    asked = quote(Settings(), {"quality": quality}, charged=True, model=slug)
    assert price_of(slug, {"quality": quality}).usd == price_usd(slug, {"quality": quality}) == Decimal(usd)
    assert (asked.price_usd, asked.price) == (Decimal(usd), price_of(slug, {"quality": quality}))


@pytest.mark.parametrize("slug", REPLICATES_OWN)
def test_replicates_own_prices_are_published_with_source_and_day(slug: str) -> None:
    listed = MODELS[slug].replicate
    assert listed is not None
    assert (listed.source, listed.read_on) == (f"https://replicate.com/{slug}/api/schema", date(2026, 10, 5))
    assert all(price_of(slug, {"quality": quality}).published for quality in REPLICATES_OWN[slug])


def test_every_price_of_the_catalog_names_its_source_and_its_day() -> None:
    for model in MODELS.values():
        given = (model.replicate, model.openai, model.high_fidelity, model.replicate_fee)
        assert any(given)
        assert all(each.source and each.read_on.year == 2026 for each in given if each is not None)


@pytest.mark.parametrize(("slug", "quality", "usd"), WITH_OWN_KEY)
def test_with_a_key_of_our_own_the_most_that_it_can_cost_is_counted(
    slug: str, quality: str, usd: str
) -> None:
    assert price_of(slug, {"quality": quality}, own_key=True) == Price(Decimal(usd), published=False)


def test_only_what_is_published_as_a_whole_counts_as_published() -> None:
    assert price_of("openai/gpt-image-1", {"quality": "low"}, own_key=True).published
    assert not price_of("openai/gpt-image-1", {"quality": "auto"}).published  # the model decides
    assert not price_of("openai/gpt-image-1-mini", {"quality": "low"}).published  # nor is its fee
    low = {"quality": "low", "input_fidelity": "low"}
    assert price_of("openai/gpt-image-1", low) == Price(Decimal("0.012"), published=True)


def test_the_price_without_parameters_is_that_of_the_presets() -> None:
    for slug, model in MODELS.items():
        presets = {parameter.name: parameter.preset for parameter in model.parameters}
        assert price_of(slug, {}) == price_of(slug, presets)


def test_a_quality_that_nobody_lists_is_counted_as_the_dearest_and_a_model_that_nobody_knows_not_at_all() -> (
    None
):
    assert price_of("openai/gpt-image-2", {"quality": "ultra"}) == Price(Decimal("0.128"), published=False)
    assert price_usd("no/such-model", {}) is None
