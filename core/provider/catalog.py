"""The models we can draw with: their inputs, prices and notes. One table, read by everything else."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Model:
    """One hosted model."""

    slug: str
    needs_openai_key: bool


MODELS: dict[str, Model] = {
    slug: Model(slug=slug, needs_openai_key=key)
    for slug, key in (
        ("openai/gpt-image-1", True),
        ("openai/gpt-image-1-mini", True),
        ("openai/gpt-image-1.5", False),
        ("openai/gpt-image-2", False),
    )
}
