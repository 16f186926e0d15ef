"""`python -m docs.packages`: draws the packages in docs/architecture.md anew, from the code.

The arrows are the imports that are there, by grimp, which import-linter uses too. One that follows from
others is left out of the picture: where a imports b and b imports c, no arrow leads from a to c.
"""

import ast
from functools import cache
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- begin: drawn by python -m docs.packages -->", "<!-- end -->"
# Above `core`, one node each.
TOPS = ("pages", "jobs")

Arrows = dict[str, frozenset[str]]


@cache
def arrows() -> Arrows:
    """For each package of `core`, and for pages and jobs, the packages that it imports from."""
    graph = grimp.build_graph("core", *TOPS, cache_dir=None)
    found: dict[str, set[str]] = {}
    for module in graph.modules - {"core"}:
        imported = {package_of(name) for name in graph.find_modules_directly_imported_by(module)}
        found.setdefault(package_of(module), set()).update(imported - {package_of(module), "core"})
    return {name: frozenset(found[name]) for name in sorted(found)}


def package_of(module: str) -> str:
    """`ledger` for `core.ledger.books.check`, `pages` for `pages.shell`."""
    top, _, rest = module.partition(".")
    return rest.split(".")[0] or top if top == "core" else top


def below(name: str, found: Arrows) -> frozenset[str]:
    """Everything that a package rests on, near or far."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        more = found[waiting.pop()] - seen
        seen |= more
        waiting += more
    return frozenset(seen)


def needed(found: Arrows) -> Arrows:
    """Only the arrows that do not follow from others."""
    return {
        name: frozenset(each for each in targets if not any(each in below(other, found) for other in targets))
        for name, targets in found.items()
    }


def picture(found: Arrows) -> str:
    """The packages as a Mermaid flowchart."""
    lines = [f"    {name} --> {each}" for name, targets in needed(found).items() for each in sorted(targets)]
    alone = [
        f"    {name}" for name in found if not found[name] and not any(name in t for t in found.values())
    ]
    return "\n".join(["```mermaid", "flowchart TD", *lines, *alone, "```"])


def table(found: Arrows) -> str:
    """What each package holds, by its own first line, and all that it imports from."""
    rows = [f"| `{name}` | {purpose(name)} | {', '.join(sorted(found[name])) or '-'} |" for name in found]
    return "\n".join(["| package | holds | imports |", "|---|---|---|", *rows])


def purpose(name: str) -> str:
    """The first line of what a package says of itself."""
    place = ROOT / name if name in TOPS else ROOT / "core" / name
    file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    return (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").partition("\n")[0]


def drawn(text: str) -> str:
    """The page with today's picture and table between its two marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    found = arrows()
    return f"{before}{BEGIN}\n{picture(found)}\n\n{table(found)}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
