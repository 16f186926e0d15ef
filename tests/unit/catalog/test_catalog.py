from typing import Any

import pytest

from core.catalog.models import MODELS, check_parameters
from core.foundation.errors import InvalidInput, SetupError
from core.provider.inputs import build_input
from core.provider.reports import RenderRequest
from core.sandbox.models import INPUT_SCHEMAS
from core.sandbox.validation import complaints

ONE = MODELS["openai/gpt-image-1"]
MINI = MODELS["openai/gpt-image-1-mini"]
ONE_FIVE = MODELS["openai/gpt-image-1.5"]
TWO = MODELS["openai/gpt-image-2"]
FLARE = MODELS["openai/gpt-image-2.5-flare"]
SUNBURST = MODELS["openai/gpt-image-2.5-sunburst"]


def a_request(**changes: Any) -> RenderRequest:
    given: dict[str, Any] = {
        "model": "openai/gpt-image-1",
        "prompt": "A comic figure",
        "selfie": b"x",
        "selfie_content_type": "image/png",
        "client_ref": "ref-7",
        "cancel_after": 60,
    }
    return RenderRequest(**(given | changes))


def test_the_catalog_holds_the_models_under_their_slugs_and_only_the_old_ones_need_a_key() -> None:
    assert list(MODELS.values()) == [ONE, MINI, ONE_FIVE, TWO, FLARE, SUNBURST]
    assert all(slug == model.slug for slug, model in MODELS.items())
    assert [model.needs_openai_key for model in MODELS.values()] == [True, True, False, False, False, False]


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.slug)
def test_the_sandbox_has_every_model_with_the_inputs_values_and_defaults_of_the_catalog(model: Any) -> None:
    schema = INPUT_SCHEMAS[model.slug]
    assert model.needs_openai_key is ("openai_api_key" in schema["required"])
    for parameter in model.parameters:
        offered = schema["properties"][parameter.name]
        assert (tuple(offered["enum"]), offered["default"]) == (parameter.allowed, parameter.provider_default)
    given = build_input(model, a_request(), "https://files/selfie.png", "sk-1")
    assert complaints(given, schema) == []


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.slug)
def test_every_model_is_asked_for_one_square_png_that_carries_our_reference(model: Any) -> None:
    given = build_input(model, a_request(), "https://files/selfie.png", "sk-1")

    assert given["prompt"] == "A comic figure"
    assert given["input_images"] == ["https://files/selfie.png"]
    assert given["aspect_ratio"] == "1:1"
    assert given["number_of_images"] == 1
    assert given["output_format"] == "png"
    assert given["user_id"] == "ref-7"
    assert given["openai_api_key"] == "sk-1"
    assert model.reference_field == "user_id"


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.slug)
def test_every_preset_and_provider_default_is_an_allowed_value(model: Any) -> None:
    for parameter in model.parameters:
        assert parameter.preset in parameter.allowed
        assert parameter.provider_default in parameter.allowed


def test_chosen_parameters_replace_the_presets() -> None:
    chosen = {"quality": "high", "background": "transparent", "moderation": "low", "output_format": "webp"}

    given = build_input(ONE, a_request(parameters=chosen), "uri", "sk-1")

    assert {name: given[name] for name in chosen} == chosen


@pytest.mark.parametrize(
    ("model", "sent"),
    [(ONE, True), (MINI, False), (ONE_FIVE, True), (TWO, False), (FLARE, False), (SUNBURST, False)],
)
def test_input_fidelity_is_sent_only_where_it_is_supported(model: Any, sent: bool) -> None:
    given = build_input(model, a_request(parameters={"input_fidelity": "high"}), "uri", "sk-1")

    assert ("input_fidelity" in given) is sent


@pytest.mark.parametrize(
    ("model", "parameters", "says"),
    [
        (ONE, {"quality": "ultra"}, "quality 'ultra' is not offered by openai/gpt-image-1"),
        (TWO, {"quality": "max"}, "choose one of low, medium, high, auto"),
        (FLARE, {"background": "grey"}, "choose one of auto, transparent, opaque"),
        (ONE, {"seed": "7"}, "has no parameter 'seed'"),
        (ONE, {"user_id": "somebody"}, "has no parameter 'user_id'"),
        (ONE, {"background": "transparent", "output_format": "jpeg"}, "choose png or webp"),
    ],
)
def test_what_a_model_does_not_take_is_refused_with_a_reason(
    model: Any, parameters: dict[str, str], says: str
) -> None:
    with pytest.raises(InvalidInput, match=says):
        build_input(model, a_request(parameters=parameters), "uri", "sk-1")
    with pytest.raises(InvalidInput, match=says):
        check_parameters(model.slug, parameters)


def test_parameters_can_be_checked_before_there_is_a_request() -> None:
    check_parameters(TWO.slug, {"quality": "high", "input_fidelity": "high"})
    with pytest.raises(InvalidInput, match="no/such-model is not in the catalog"):
        check_parameters("no/such-model", {})


@pytest.mark.parametrize(("prompt", "says"), [(" \n", "is empty"), ("x" * 32_001, "32,001 characters")])
def test_a_prompt_that_no_model_takes_is_refused(prompt: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        build_input(ONE, a_request(prompt=prompt), "uri", "sk-1")


def test_a_missing_openai_key_is_refused_where_it_is_required_and_left_out_where_it_is_optional() -> None:
    with pytest.raises(SetupError, match="OPENAI_API_KEY"):
        build_input(ONE, a_request(), "uri", None)
    assert "openai_api_key" not in build_input(TWO, a_request(), "uri", None)


@pytest.mark.parametrize(
    ("image_format", "size", "accepted"),
    [
        ("PNG", (1024, 1024), True),
        ("webp", (1024, 1024), True),
        ("JPEG", (1024, 1024), True),
        ("GIF", (1024, 1024), False),
        ("PNG", (2, 2), False),
        ("PNG", (1024, 1536), False),
    ],
)
def test_only_a_square_of_1024_in_a_known_format_is_a_valid_answer(
    image_format: str, size: tuple[int, int], accepted: bool
) -> None:
    for model in MODELS.values():
        assert model.accepts_output(image_format, size) is accepted
        assert model.converts_output is False
