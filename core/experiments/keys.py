"""The name of an image: the same wish has the same name, so that it is never bought twice."""

import hashlib
import json
from collections.abc import Mapping


def image_key(
    *, prompt: str, selfie_sha256: str, model: str, parameters: Mapping[str, str], repeat: int
) -> str:
    """SHA-256 of the prompt as it is sent, the selfie, the model, all its parameters and the repeat."""
    wish = [prompt, selfie_sha256, model, dict(parameters), repeat]
    return hashlib.sha256(json.dumps(wish, sort_keys=True).encode()).hexdigest()
