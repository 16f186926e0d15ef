"""Which models still live on a day: the default of a new desk, successors, and what is told of an end."""

from collections.abc import Mapping
from datetime import date

from core.catalog.models import MODELS, PREFERRED


def has_ended(slug: str, today: date) -> bool:
    """Whether the announced end of this model has come; a model that is not in the catalog has ended too."""
    model = MODELS.get(slug)
    return model is None or (model.retirement is not None and model.retirement.on <= today)


def end_of(slug: str) -> date | None:
    """The day on which this model ends; None where none is announced or the model is not in the catalog."""
    model = MODELS.get(slug)
    return model.retirement.on if model and model.retirement else None


def default_model(today: date) -> str:
    """The first preferred model that lives on this day; the last of them where none does."""
    return next((slug for slug in PREFERRED if not has_ended(slug, today)), PREFERRED[-1])


def successor_of(slug: str, today: date) -> str | None:
    """The model to move to: the first that lives along the chain of successors; None where it ends before."""
    seen = set()
    while slug not in seen:
        seen.add(slug)
        model = MODELS.get(slug)
        if model is None or model.retirement is None or model.retirement.successor is None:
            return None
        slug = model.retirement.successor
        if not has_ended(slug, today):
            return slug
    return None


def fitted(parameters: Mapping[str, str], slug: str) -> dict[str, str]:
    """Parameters of another model as this one takes them: what it does not offer becomes its preset."""
    return {
        offered.name: parameters[offered.name]
        if parameters.get(offered.name) in offered.allowed
        else offered.preset
        for offered in MODELS[slug].parameters
    }


def end_sentence(slug: str, today: date) -> str | None:
    """A short sentence about the announced end of this model; None when it has none."""
    end = end_of(slug)
    if end is None:
        return None
    verb = "ended" if has_ended(slug, today) else "ends"
    successor = successor_of(slug, today)
    return f"OpenAI {verb} {slug} on {end}" + (f"; {successor} follows it." if successor else ".")


def retirement_notice(slug: str, today: date) -> str | None:
    """What to do about the end of the model that new prompts start with; None where none is announced."""
    end, successor = end_of(slug), successor_of(slug, today)
    if end is None:
        return None
    verb = "ended" if has_ended(slug, today) else "ends"
    told = f"New prompts start with {slug}, which OpenAI {verb} on {end}."
    if successor is None:
        return f"{told} Choose another model."
    return f"{told} Set INKDESK_MODEL={successor}, or take the setting away."
