"""The models that the sandbox has, with their input schemas.

Source: Replicate's model pages of openai/gpt-image-1, -1-mini, -1.5 and -2.
"""

import copy
from typing import Any

Schema = dict[str, Any]


def _enum(*values: str, default: str) -> Schema:
    return {"type": "string", "enum": list(values), "default": default}


COMMON: dict[str, Schema] = {
    "prompt": {
        "type": "string",
        "maxLength": 32000,
        "description": "A text description of the desired image",
    },
    "openai_api_key": {
        "type": "string",
        "format": "password",
        "writeOnly": True,
        "x-cog-secret": True,
        "description": "Your OpenAI API key",
    },
    "aspect_ratio": _enum("1:1", "3:2", "2:3", default="1:1"),
    "input_fidelity": _enum("low", "high", default="low"),
    "input_images": {"type": "array", "items": {"type": "string", "format": "uri"}, "maxItems": 16},
    "number_of_images": {"type": "integer", "minimum": 1, "maximum": 10, "default": 1},
    "quality": _enum("low", "medium", "high", "auto", default="auto"),
    "background": _enum("auto", "transparent", "opaque", default="auto"),
    "output_compression": {"type": "integer", "minimum": 0, "maximum": 100, "default": 90},
    "output_format": _enum("png", "jpeg", "webp", default="webp"),
    "moderation": _enum("auto", "low", default="auto"),
    "user_id": {"type": "string", "description": "An optional unique identifier of your end user"},
}


def _input_schema(*, key_required: bool, without: tuple[str, ...] = (), **changed: Schema) -> Schema:
    properties = {name: copy.deepcopy(schema) for name, schema in COMMON.items() if name not in without}
    properties.update(changed)
    for order, schema in enumerate(properties.values()):
        schema["x-order"] = order
    return {
        "type": "object",
        "title": "Input",
        "required": ["prompt", "openai_api_key"] if key_required else ["prompt"],
        "properties": properties,
        "additionalProperties": False,
    }


INPUT_SCHEMAS: dict[str, Schema] = {
    "openai/gpt-image-1": _input_schema(key_required=True),
    "openai/gpt-image-1-mini": _input_schema(key_required=True),
    "openai/gpt-image-1.5": _input_schema(key_required=False),
    "openai/gpt-image-2": _input_schema(
        key_required=False,
        without=("input_fidelity",),
        number_of_images={"type": "integer", "minimum": 1, "maximum": 1, "default": 1},
        background=_enum("auto", "opaque", default="auto"),
    ),
}
OUTPUT_SCHEMA: Schema = {"type": "array", "items": {"type": "string", "format": "uri"}, "title": "Output"}


def model_document(slug: str, *, run_count: int) -> dict[str, Any]:
    """What `GET /models/{owner}/{name}` answers. Raises KeyError for a model that does not exist."""
    schemas = {"Input": INPUT_SCHEMAS[slug], "Output": OUTPUT_SCHEMA}
    owner, name = slug.split("/")
    return {
        "url": f"https://replicate.com/{slug}",
        "owner": owner,
        "name": name,
        "description": "Provider sandbox: a drawn stand-in for the model of this name.",
        "visibility": "public",
        "is_official": True,
        "github_url": None,
        "paper_url": None,
        "license_url": None,
        "run_count": run_count,
        "cover_image_url": None,
        "default_example": None,
        "latest_version": {
            "id": "hidden",
            "created_at": "2025-04-23T17:05:12.327Z",
            "cog_version": "0.0.0",
            "openapi_schema": {"openapi": "3.0.2", "components": {"schemas": schemas}},
        },
    }
