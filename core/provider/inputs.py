"""The provider's input for one picture, checked against the catalog."""

from core.catalog.models import checked_parameters
from core.catalog.offer import Model
from core.foundation.errors import InvalidInput, SetupError
from core.provider.reports import RenderRequest


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


def _checked_prompt(model: Model, prompt: str) -> str:
    if not prompt.strip():
        raise InvalidInput("The prompt is empty")
    if len(prompt) > model.prompt_limit:
        raise InvalidInput(
            f"The prompt has {len(prompt):,} characters; {model.slug} takes at most {model.prompt_limit:,}"
        )
    return prompt
