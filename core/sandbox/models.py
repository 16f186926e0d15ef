"""The models that the sandbox has, with their input schemas.

Sources: Replicate's model pages of openai/gpt-image-1 and -1-mini; its schemas of -1.5, -2, -2.5-flare and
-2.5-sunburst (`replicate.com/<slug>/api/schema`) as they were on 2026-10-05.
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


ANY_ASPECT = _enum(
    *("1:1", "3:2", "2:3", "4:3", "3:4", "16:9", "9:16", "auto", "1024x1024", "1536x1024", "1024x1536"),
    *("1536x1152", "1152x1536", "2048x2048", "2048x1152", "1152x2048", "3840x2160", "2160x3840"),
    default="1:1",
)
QUALITY_TO_MAX = _enum("low", "medium", "high", "xhigh", "max", "auto", default="auto")


def _input_schema(*, key_required: bool, without: tuple[str, ...] = (), **changed: Schema) -> Schema:
    properties = {name: copy.deepcopy(schema) for name, schema in COMMON.items() if name not in without}
    properties |= {name: copy.deepcopy(schema) for name, schema in changed.items()}
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
        key_required=False, without=("input_fidelity",), aspect_ratio=ANY_ASPECT
    ),
    "openai/gpt-image-2.5-flare": _input_schema(
        key_required=False, without=("input_fidelity",), aspect_ratio=ANY_ASPECT, quality=QUALITY_TO_MAX
    ),
    "openai/gpt-image-2.5-sunburst": _input_schema(
        key_required=False, without=("input_fidelity",), aspect_ratio=ANY_ASPECT, quality=QUALITY_TO_MAX
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
