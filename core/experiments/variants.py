"""The columns of a grid, from what was chosen to what is sent: rendered, checked, priced and named."""

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from core.catalog import models as catalog
from core.catalog.prices import Price, price_of
from core.experiments.keys import image_key
from core.foundation.errors import Conflict, InvalidInput
from core.prompts.library import get_version
from core.prompts.rendering import render
from core.prompts.snippets import resolve
from core.tables.experiments import ExperimentVariant
from core.tables.prompts import Prompt

MOST_VARIANTS = 8
LONGEST_LABEL = 160
# What stands before an override's value in a name, where the value alone would not tell what it is of.
WORDS = {"input_fidelity": "likeness ", "background": "canvas ", "moderation": "filter "}


@dataclasses.dataclass(frozen=True)
class Variant:
    """A column that is wished for: a saved version, or a draft with `template` and `model`.

    `overrides` replace parameters of the version; `values` fill the template's variables. Without `label` it
    is named after the version and what it overrides.
    """

    version_id: int | None = None
    template: str = ""
    model: str = ""
    overrides: Mapping[str, str] = dataclasses.field(default_factory=dict)
    values: Mapping[str, str] = dataclasses.field(default_factory=dict)
    label: str = ""


@dataclasses.dataclass(frozen=True)
class Frozen:
    """A column as it is sent. `version_id` is None for drafts."""

    version_id: int | None
    template: str
    prompt: str
    model: str
    parameters: Mapping[str, str]
    values: Mapping[str, str]
    label: str
    price: Price

    def key(self, selfie_sha256: str, repeat: int) -> str:
        return image_key(
            prompt=self.prompt,
            selfie_sha256=selfie_sha256,
            model=self.model,
            parameters=self.parameters,
            repeat=repeat,
        )

    def row(self, experiment_id: int, position: int) -> ExperimentVariant:
        return ExperimentVariant(
            experiment_id=experiment_id,
            position=position,
            version_id=self.version_id,
            template=self.template,
            template_hash=hashlib.md5(self.template.encode(), usedforsecurity=False).hexdigest(),
            filled_in=dict(self.values),
            prompt=self.prompt,
            model=self.model,
            parameters=dict(self.parameters),
            label_text=self.label,
            price_usd=self.price.usd,
            price_published=self.price.published,
        )


def freeze(session: Session, variants: Sequence[Variant], *, own_key: bool = False) -> list[Frozen]:
    """Every column as it is sent, priced with or without an OpenAI key of our own.

    Raises InvalidInput (names what is missing), NotFound, Conflict.
    """
    if not 0 < len(variants) <= MOST_VARIANTS:
        raise InvalidInput(
            f"An experiment compares 1 to {MOST_VARIANTS} variants; these are {len(variants)}."
        )
    frozen = [_freeze(session, each, number, own_key) for number, each in enumerate(variants, start=1)]
    return _told_apart(frozen)


def override_words(overrides: Mapping[str, str]) -> list[str]:
    """How a column's name tells its overrides: `high`, `likeness low`, `jpeg`."""
    return [f"{WORDS.get(key, '')}{value}" for key, value in overrides.items()]


def thawed(row: ExperimentVariant) -> Frozen:
    """The column that a row keeps."""
    return Frozen(
        version_id=row.version_id,
        template=row.template,
        prompt=row.prompt,
        model=row.model,
        parameters={name: str(value) for name, value in row.parameters.items()},
        values={name: str(value) for name, value in row.filled_in.items()},
        label=row.label_text,
        price=Price(row.price_usd, row.price_published),
    )


def _freeze(session: Session, wish: Variant, number: int, own_key: bool) -> Frozen:
    if wish.version_id is None:
        template, model, base, name = resolve(session, wish.template), wish.model, {}, f"Draft {number}"
    else:
        version = get_version(session, wish.version_id)
        prompt = session.get_one(Prompt, version.prompt_id)
        name = f"{prompt.name} v{version.number}"
        if version.archived_at is not None or prompt.archived_at is not None:
            raise Conflict(f"{name} is archived. Restore it before you test it.")
        template, model = version.resolved, version.model
        base = {key: str(value) for key, value in version.parameters.items()}
    if model not in catalog.MODELS:
        raise InvalidInput(f"{model or 'No model'} is not in the catalog; known: {', '.join(catalog.MODELS)}")
    changed = override_words({key: value for key, value in wish.overrides.items() if base.get(key) != value})
    label = " ".join(wish.label.split()) or " · ".join([name, *changed])
    parameters = _checked(label, model, {**base, **wish.overrides})
    if len(label) > LONGEST_LABEL:
        raise InvalidInput(f"Please name a variant with at most {LONGEST_LABEL} characters.")
    return Frozen(
        version_id=wish.version_id,
        template=template,
        prompt=render(template, wish.values),
        model=model,
        parameters=parameters,
        values=dict(wish.values),
        label=label,
        price=price_of(model, parameters, own_key=own_key),
    )


def _checked(label: str, model: str, parameters: Mapping[str, str]) -> dict[str, str]:
    """The parameters that are sent. Raises InvalidInput with the column that cannot be had like this."""
    try:
        return catalog.checked_parameters(catalog.MODELS[model], parameters)
    except InvalidInput as exc:
        raise InvalidInput(f"{label}: {exc}.") from exc


def _told_apart(frozen: Sequence[Frozen]) -> list[Frozen]:
    """Refuse equal columns, and number equal names."""
    seen: dict[tuple[object, ...], str] = {}
    names: dict[str, int] = {}
    apart = []
    for each in frozen:
        content = (each.prompt, each.model, *sorted(each.parameters.items()))
        if former := seen.get(content):
            raise InvalidInput(f"{former} and {each.label} are the same. Take one of them out.")
        names[each.label] = names.get(each.label, 0) + 1
        label = each.label if names[each.label] == 1 else f"{each.label} ({names[each.label]})"
        seen[content] = label
        apart.append(dataclasses.replace(each, label=label))
    return apart
