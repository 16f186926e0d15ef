"""From a template to the text that is sent: Jinja2 in a sandbox, where an unknown name is an error."""

from collections.abc import Mapping

from jinja2 import TemplateError, UndefinedError, nodes
from jinja2.exceptions import SecurityError

from core.foundation.errors import InvalidInput
from core.prompts.judging import environment, judged

# OpenAI takes prompts of at most 32,000 characters (its image API reference).
LONGEST_PROMPT = 32_000

# The names that every desk fills, and what stands for them when nothing is typed. Any other name that a
# template uses is a field that must be filled in.
VARIABLES: dict[str, str] = {
    "style": "clean ink outlines, flat cel shading and halftone accents",
    "outfit": "a casual jacket, long trousers and sneakers",
    "pose": "standing relaxed, front three-quarter view",
    "background": "a plain light-grey studio with a soft floor shadow",
}

# So many characters at most are put together, branches that are not taken and repeated names counted as well.
MOST_CHARACTERS = 10 * LONGEST_PROMPT


def variables_in(template: str) -> list[str]:
    """The names that the template asks for: those of VARIABLES in its order, then its own. InvalidInput."""
    return _names(judged(template))


def missing_in(template: str, values: Mapping[str, str]) -> list[str]:
    """The template's own names that nothing fills yet."""
    return [name for name in variables_in(template) if not _value(name, values)]


def render(template: str, values: Mapping[str, str]) -> str:
    """The final prompt, byte for byte as it is sent. Raises InvalidInput with what is wrong."""
    if not template.strip():
        raise InvalidInput("The prompt is empty. Write what to draw, or take one of the library.")
    tree = judged(template)
    wanted = {name: _value(name, values) for name in _names(tree)}
    if missing := [name for name, value in wanted.items() if not value]:
        raise InvalidInput(f"Fill in {', '.join(missing)}: the template asks for it.")
    _measure(template, tree, wanted)
    try:
        text = environment.from_string(tree).render(wanted).strip()
    except UndefinedError as exc:
        raise InvalidInput(f"The template asks for something unknown: {exc}.") from exc
    except (TemplateError, SecurityError, ArithmeticError, TypeError, ValueError, SyntaxError) as exc:
        raise InvalidInput(f"The template cannot be filled in: {exc}.") from exc
    return checked(text)


def sample(template: str) -> str:
    """The final prompt with defaults, its own names standing for themselves. Raises InvalidInput."""
    own = {name: f"[{name}]" for name in variables_in(template) if name not in VARIABLES}
    return render(template, own)


def checked(text: str) -> str:
    """A final prompt that the model can take. Raises InvalidInput."""
    if not text:
        raise InvalidInput("The prompt is empty once filled in. Write what to draw.")
    if len(text) > LONGEST_PROMPT:
        raise InvalidInput(f"The prompt has {len(text):,} characters; the model takes {LONGEST_PROMPT:,}.")
    if "\x00" in text:
        raise InvalidInput("The prompt contains a zero byte. Remove it.")
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        # A template can spell it, as '\\ud800'; nothing can store or send it.
        raise InvalidInput("The prompt contains half of a character. Remove it.") from exc
    return text


def _names(tree: nodes.Template) -> list[str]:
    read = dict.fromkeys(each.name for each in tree.find_all(nodes.Name))
    return [name for name in VARIABLES if name in read] + [name for name in read if name not in VARIABLES]


def _measure(template: str, tree: nodes.Template, values: Mapping[str, str]) -> None:
    """Refuse what would be put together to far more than a prompt, before it is."""
    characters = len(template) + sum(len(values[each.name]) for each in tree.find_all(nodes.Name))
    if characters > MOST_CHARACTERS:
        raise InvalidInput(
            f"The template puts {characters:,} characters together; the model takes {LONGEST_PROMPT:,}."
        )


def _value(name: str, values: Mapping[str, str]) -> str:
    return values.get(name, "").strip() or VARIABLES.get(name, "")
