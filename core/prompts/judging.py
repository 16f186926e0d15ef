"""Whether a template may be read at all: its marks, numbers, kinds and depth, judged before it is compiled.

Compiling is not harmless: Jinja2 works constant filters out while it compiles. Everything is refused that is
not named here, and what is named makes a text hardly longer than its parts, whatever is put together of it.
"""

from collections.abc import Iterator

from jinja2 import StrictUndefined, TemplateError, nodes
from jinja2.lexer import TOKEN_FLOAT, TOKEN_INTEGER
from jinja2.sandbox import ImmutableSandboxedEnvironment

from core.foundation.errors import InvalidInput

LONGEST_TEMPLATE = 20_000
# Names, signs and words between curly braces. A long prompt has some fifty.
MOST_MARKS = 1_000
# How far a condition or an expression may lie inside others; an operator counts as one.
DEEPEST = 40
LONGEST_NUMBER = 9

# A prompt needs names, filters and conditions. What is not here could run for ever or fill the memory (loops,
# calls, powers, a variable that is set to twice itself again and again) or reach behind the names.
TEXT = (nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Concat)
CHOICES = (nodes.If, nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Test)
CHANGES = (nodes.Filter, nodes.FilterBlock, nodes.Keyword, nodes.Getitem, nodes.Slice)
SUMS = (nodes.Add, nodes.Sub, nodes.Div, nodes.FloorDiv, nodes.Neg, nodes.Pos)
KINDS = TEXT + CHOICES + CHANGES + SUMS
# Those whose result is hardly longer than what they are given. Only the default takes something.
FILTERS = frozenset(
    {"capitalize", "d", "default", "first", "last", "length", "lower", "string", "title", "trim", "upper"}
)
TAKING = frozenset({"d", "default"})
TESTS = frozenset(
    {"defined", "undefined", "none", "string", "number", "lower", "upper", "eq", "equalto", "ne", "in"}
)

environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, optimized=False)
environment.globals.clear()
environment.filters = {name: environment.filters[name] for name in FILTERS}
environment.tests = {name: environment.tests[name] for name in TESTS}


def judged(template: str) -> nodes.Template:
    """The template as a tree that is safe to compile and to fill in. Raises InvalidInput with the fault."""
    if len(template) > LONGEST_TEMPLATE:
        raise InvalidInput(f"The template is longer than {LONGEST_TEMPLATE:,} characters. Shorten it.")
    try:
        _judge_marks(template)
        tree = environment.parse(template)
    except (TemplateError, RecursionError) as exc:
        told = exc.message if isinstance(exc, TemplateError) else "it is nested too deep."
        raise InvalidInput(f"The template cannot be read: {told} Check its curly braces.") from exc
    for node, parent in _nodes(tree):
        _judge_kind(node, parent)
        _judge_name(node)
    return tree


def _judge_marks(template: str) -> None:
    """Count and measure the marks one by one, so that nothing too large is ever read as a whole."""
    marks = 0
    for _line, kind, mark in environment.lex(template):
        if kind in {TOKEN_INTEGER, TOKEN_FLOAT} and len(mark) > LONGEST_NUMBER:
            raise InvalidInput(
                f"A number in the template has more than {LONGEST_NUMBER} characters. Shorten it."
            )
        marks += kind not in {"data", "whitespace"}
        if marks > MOST_MARKS:
            raise InvalidInput(
                f"The template has more than {MOST_MARKS:,} words and signs in curly braces. Shorten it."
            )


def _nodes(tree: nodes.Template) -> Iterator[tuple[nodes.Node, nodes.Node]]:
    """Every node with the one above it. Raises InvalidInput at one that lies too deep."""
    waiting: list[tuple[nodes.Node, nodes.Node, int]] = [(tree, tree, 0)]
    while waiting:
        node, parent, depth = waiting.pop()
        if depth > DEEPEST:
            raise InvalidInput("The template cannot be read: it is nested too deep. Take it apart.")
        yield node, parent
        waiting += [(child, node, depth + 1) for child in node.iter_child_nodes()]


def _judge_kind(node: nodes.Node, parent: nodes.Node) -> None:
    if what := _strange(node, parent):
        raise InvalidInput(f"The template uses {what}, which prompts may not. Use names, filters and if.")


def _strange(node: nodes.Node, parent: nodes.Node) -> str | None:
    """What a node is called that a prompt may not have, at least not here; None where it may."""
    if isinstance(node, nodes.Getattr):
        return "a dot behind a name"
    if isinstance(node, nodes.List | nodes.Tuple):
        # A list is there to look something up in. Written out as text, and that once more, it would double.
        looked_up = isinstance(parent, nodes.Operand) and parent.op in {"in", "notin"}
        looked_up = looked_up or (isinstance(parent, nodes.Test) and parent.name == "in")
        return None if looked_up else "a list elsewhere than behind 'in'"
    if isinstance(node, nodes.Getitem):
        # By a name, square brackets reach what a dot does.
        number = isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, int)
        number = number or isinstance(node.arg, nodes.Neg | nodes.Slice)
        return None if number else "square brackets with something else than a number"
    return None if isinstance(node, KINDS) else f"'{type(node).__name__.lower()}'"


def _judge_name(node: nodes.Node) -> None:
    if isinstance(node, nodes.Filter) and node.name not in FILTERS:
        raise InvalidInput(
            f"The template uses the filter '{node.name}'. Prompts may use {', '.join(sorted(FILTERS))}."
        )
    if isinstance(node, nodes.Test) and node.name not in TESTS:
        raise InvalidInput(
            f"The template uses the test '{node.name}'. Prompts may use {', '.join(sorted(TESTS))}."
        )
    if isinstance(node, nodes.Filter | nodes.Test):
        taken = bool(node.args or node.kwargs)
        if (
            node.dyn_args
            or node.dyn_kwargs
            or (isinstance(node, nodes.Filter) and taken and node.name not in TAKING)
        ):
            raise InvalidInput(f"The template gives '{node.name}' more than it takes. Use it alone.")
    # Jinja2's own object, and what only a slip would name so.
    if isinstance(node, nodes.Name) and (node.name == "self" or node.name.startswith("_")):
        raise InvalidInput(f"The template uses '{node.name}' as a name, which prompts may not.")
