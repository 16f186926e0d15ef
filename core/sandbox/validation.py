"""Checks request bodies and model inputs, and words complaints as Replicate does.

Only what our schemas use: type, required, enum, minimum, maximum, maxItems, maxLength, format uri and
additionalProperties. Types and descriptions are those of observed 422 bodies.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from core.sandbox.models import Schema

Complaint = dict[str, str]

EVENTS = ["start", "output", "logs", "completed"]
_BODY_PROPERTIES: dict[str, Schema] = {
    "input": {"type": "object"},
    "webhook": {"type": "string"},
    "webhook_events_filter": {"type": "array", "items": {"type": "string", "enum": EVENTS}},
    "stream": {"type": "boolean"},
}
# Replicate's OpenAPI document: schemas_prediction_request and schemas_version_prediction_request.
MODEL_BODY: Schema = {
    "type": "object",
    "required": ["input"],
    "properties": _BODY_PROPERTIES,
    "additionalProperties": False,
}
VERSION_BODY: Schema = {
    "type": "object",
    "required": ["version", "input"],
    "properties": {**_BODY_PROPERTIES, "version": {"type": "string"}},
    "additionalProperties": False,
}
_TYPES: dict[str, type] = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}


def complaints(value: Any, schema: Schema, field: str = "") -> list[Complaint]:
    """Everything that is wrong with a JSON value, in the order of its fields; empty when it is right."""
    return list(_check(value, schema, field))


def detail(found: list[Complaint]) -> str:
    """The complaints as the one text that Replicate's `detail` holds."""
    return "".join(
        f"- {c['field']}: {c['description']}\n" if c["field"] else f"- {c['description']}\n" for c in found
    )


def _check(value: Any, schema: Schema, field: str) -> Iterator[Complaint]:
    expected = schema["type"]
    if type(value) is not _TYPES[expected]:
        names = {float: "number", **{kind: name for name, kind in _TYPES.items()}}
        given = names.get(type(value), "null")
        yield _complain("invalid_type", field, f"Invalid type. Expected: {expected}, given: {given}")
    elif expected in _CHECKS:
        yield from _CHECKS[expected](value, schema, field)


def _check_object(value: dict[str, Any], schema: Schema, field: str) -> Iterator[Complaint]:
    properties: dict[str, Schema] = schema.get("properties", {})
    for name in schema.get("required", []):
        if name not in value:
            yield _complain("required", field, f"{name} is required")
    for name, item in value.items():
        if name in properties:
            yield from _check(item, properties[name], f"{field}.{name}" if field else name)
        elif not schema.get("additionalProperties", True):
            yield _complain(
                "additional_property_not_allowed", field, f"Additional property {name} is not allowed"
            )


def _check_array(value: list[Any], schema: Schema, field: str) -> Iterator[Complaint]:
    if len(value) > schema.get("maxItems", len(value)):
        yield _complain("array_max_items", field, f"Array must have at most {schema['maxItems']} items")
    for index, item in enumerate(value):
        yield from _check(item, schema["items"], f"{field}.{index}")


def _check_integer(value: int, schema: Schema, field: str) -> Iterator[Complaint]:
    if value < schema.get("minimum", value):
        yield _complain("number_gte", field, f"Must be greater than or equal to {schema['minimum']}")
    if value > schema.get("maximum", value):
        yield _complain("number_lte", field, f"Must be less than or equal to {schema['maximum']}")


def _check_string(value: str, schema: Schema, field: str) -> Iterator[Complaint]:
    if value not in schema.get("enum", [value]):
        allowed = ", ".join(json.dumps(choice) for choice in schema["enum"])
        name = field.rpartition(".")[2]
        yield _complain("enum", field, f"{name} must be one of the following: {allowed}")
    if len(value) > schema.get("maxLength", len(value)):
        yield _complain(
            "string_lte", field, f"String length must be less than or equal to {schema['maxLength']}"
        )
    if schema.get("format") == "uri" and not re.match(r"(?:https?://|data:)", value):
        yield _complain("format", field, "Does not match format 'uri'")


def _complain(kind: str, field: str, description: str) -> Complaint:
    return {"type": kind, "field": field, "description": description}


_CHECKS: dict[str, Callable[[Any, Schema, str], Iterator[Complaint]]] = {
    "object": _check_object,
    "array": _check_array,
    "integer": _check_integer,
    "string": _check_string,
}
