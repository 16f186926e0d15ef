"""From a template to the text that is sent: Jinja2 in a sandbox, where an unknown name is an error."""

from collections.abc import Mapping

from jinja2 import StrictUndefined, TemplateError, UndefinedError, meta, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from core.errors import InvalidInput

# OpenAI takes prompts of at most 32,000 characters (its image API reference).
LONGEST_PROMPT = 32_000
LONGEST_TEMPLATE = 20_000

# The names that every desk fills, and what stands for them when nothing is typed. Any other name that a
# template uses is a field that must be filled in.
VARIABLES: dict[str, str] = {
    "style": "clean ink outlines, flat cel shading and halftone accents",
    "outfit": "a casual jacket, long trousers and sneakers",
    "pose": "standing relaxed, front three-quarter view",
    "background": "a plain light-grey studio with a soft floor shadow",
}

# A prompt needs names, filters and conditions. Loops, calls and powers could run for ever or fill the memory,
# and so could a variable that is set to twice itself again and again.
REFUSED = (
    nodes.For, nodes.Call, nodes.CallBlock, nodes.Macro, nodes.Mul, nodes.Pow, nodes.Mod,
    nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends, nodes.Block,
    nodes.Assign, nodes.AssignBlock, nodes.With,
)  # fmt: skip
# Those whose result is hardly longer than what they are given.
FILTERS = frozenset(
    {"capitalize", "d", "default", "first", "last", "length", "lower", "string", "title", "trim", "upper"}
)

_environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
_environment.globals.clear()


def variables_in(template: str) -> list[str]:
    """The names that the template asks for: those of VARIABLES in its order, then its own. InvalidInput."""
    tree = _parsed(template)
    asked = meta.find_undeclared_variables(tree)
    read = dict.fromkeys(each.name for each in tree.find_all(nodes.Name))
    # Jinja's own object, and what only a slip would name so.
    if strange := [name for name in read if name == "self" or name.startswith("_")]:
        raise InvalidInput(f"The template uses '{strange[0]}' as a name, which prompts may not.")
    known = [name for name in VARIABLES if name in asked]
    return known + [name for name in read if name in asked and name not in VARIABLES]


def missing_in(template: str, values: Mapping[str, str]) -> list[str]:
    """The template's own names that nothing fills yet."""
    return [name for name in variables_in(template) if not _value(name, values)]


def render(template: str, values: Mapping[str, str]) -> str:
    """The final prompt, byte for byte as it is sent. Raises InvalidInput with what is wrong."""
    if not template.strip():
        raise InvalidInput("The prompt is empty. Write what to draw, or take one of the library.")
    if len(template) > LONGEST_TEMPLATE:
        raise InvalidInput(f"The template is longer than {LONGEST_TEMPLATE:,} characters. Shorten it.")
    if missing := missing_in(template, values):
        raise InvalidInput(f"Fill in {', '.join(missing)}: the template asks for it.")
    wanted = {name: _value(name, values) for name in variables_in(template)}
    try:
        text = _environment.from_string(template).render(wanted).strip()
    except UndefinedError as exc:
        raise InvalidInput(f"The template asks for something unknown: {exc}.") from exc
    except (TemplateError, SecurityError, ArithmeticError, TypeError, ValueError) as exc:
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
    return text


def _value(name: str, values: Mapping[str, str]) -> str:
    return values.get(name, "").strip() or VARIABLES.get(name, "")


def _parsed(template: str) -> nodes.Template:
    try:
        tree = _environment.parse(template)
        # What it uses is told before the parser's own complaint about how.
        if refused := next(tree.find_all(REFUSED), None):
            what = type(refused).__name__.lower()
            raise InvalidInput(
                f"The template uses '{what}', which prompts may not. Use names, filters and if."
            )
        _environment.compile(tree)
    except (TemplateError, RecursionError, SyntaxError) as exc:
        told = exc.message if isinstance(exc, TemplateError) else "it is nested too deep."
        raise InvalidInput(f"The template cannot be read: {told} Check its curly braces.") from exc
    for each in tree.find_all(nodes.Filter):
        if each.name not in FILTERS:
            raise InvalidInput(
                f"The template uses the filter '{each.name}'. Prompts may use {', '.join(sorted(FILTERS))}."
            )
    return tree
