"""From a template to the text that is sent: Jinja2 in a sandbox, where an unknown name is an error."""

from collections.abc import Mapping

from jinja2 import StrictUndefined, TemplateError, UndefinedError, meta, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from core.errors import InvalidInput

# OpenAI takes prompts of at most 32,000 characters (its image API reference).
LONGEST_PROMPT = 32_000
LONGEST_TEMPLATE = 20_000

# The names that a template may use, and what stands for them when nothing is typed.
VARIABLES: dict[str, str] = {
    "style": "clean ink outlines, flat cel shading and halftone accents",
    "outfit": "a casual jacket, long trousers and sneakers",
    "pose": "standing relaxed, front three-quarter view",
    "background": "a plain light-grey studio with a soft floor shadow",
}

# A prompt needs names, filters and conditions. Loops, calls and powers could run for ever or fill the memory.
REFUSED = (
    nodes.For, nodes.Call, nodes.CallBlock, nodes.Macro, nodes.Mul, nodes.Pow,
    nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends,
)  # fmt: skip

_environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)


def variables_in(template: str) -> list[str]:
    """The names that the template asks for, in the order of VARIABLES. Raises InvalidInput."""
    try:
        tree = _environment.parse(template)
        asked = meta.find_undeclared_variables(tree)
    except TemplateError as exc:
        raise InvalidInput(f"The template cannot be read: {exc.message} Check its curly braces.") from exc
    if refused := next(tree.find_all(REFUSED), None):
        what = type(refused).__name__.lower()
        raise InvalidInput(f"The template uses '{what}', which prompts may not. Use names, filters and if.")
    if unknown := sorted(asked - VARIABLES.keys()):
        raise InvalidInput(
            f"The template asks for {', '.join(unknown)}, which nothing fills. Known: {', '.join(VARIABLES)}."
        )
    return [name for name in VARIABLES if name in asked]


def render(template: str, values: Mapping[str, str]) -> str:
    """The final prompt, byte for byte as it is sent. Raises InvalidInput with what is wrong."""
    if not template.strip():
        raise InvalidInput("The prompt is empty. Write what to draw, or take the starter prompt.")
    if len(template) > LONGEST_TEMPLATE:
        raise InvalidInput(f"The template is longer than {LONGEST_TEMPLATE:,} characters. Shorten it.")
    wanted = {name: values.get(name, "").strip() or VARIABLES[name] for name in variables_in(template)}
    try:
        text = _environment.from_string(template).render(wanted).strip()
    except UndefinedError as exc:
        raise InvalidInput(f"The template asks for something unknown: {exc}.") from exc
    except (TemplateError, SecurityError, ArithmeticError, TypeError, ValueError) as exc:
        raise InvalidInput(f"The template cannot be filled in: {exc}.") from exc
    return checked(text)


def checked(text: str) -> str:
    """A final prompt that the model can take. Raises InvalidInput."""
    if not text:
        raise InvalidInput("The prompt is empty once filled in. Write what to draw.")
    if len(text) > LONGEST_PROMPT:
        raise InvalidInput(f"The prompt has {len(text):,} characters; the model takes {LONGEST_PROMPT:,}.")
    if "\x00" in text:
        raise InvalidInput("The prompt contains a zero byte. Remove it.")
    return text
