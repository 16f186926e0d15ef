"""How soon templates that would stop the desk are refused, and what an honest one takes.

    python -m bench.bench_templates

Method: each template is judged and filled in five times (`variables_in`, then `render`, as a rerun of a page
does); told are the most processor time of them, in milliseconds, and the most memory that Python held beyond
what it held before (tracemalloc, in a run of its own: it slows things down). Bounds: 50 ms and 20 MB.
Rival: Jinja2's own sandbox on the first template, with a hundredth of its width.
"""

import time
import tracemalloc

from jinja2.sandbox import ImmutableSandboxedEnvironment

from core.foundation.errors import InvalidInput
from core.prompts.rendering import render, variables_in
from core.prompts.starter import STARTER_TEMPLATE
from tests.support.bombs import BOMBS, VALUES

RUNS = 5
MOST_MS, MOST_BYTES = 50.0, 20 * 2**20
HONEST = {"the starter": STARTER_TEMPLATE, "300 names": "{{ style }} " * 300}


def main() -> None:
    print(f"{'template':32} {'ms':>7} {'MB':>7}  result")
    variables_in("{{ style }}")  # Jinja2 makes its lexer at the first look
    slowest, largest = 0.0, 0
    for name, template in {**BOMBS, **HONEST}.items():
        taken, told = max(filled_in(template) for _ in range(RUNS))
        held = memory(template)
        slowest, largest = max(slowest, taken), max(largest, held)
        print(f"{name:32} {taken:7.1f} {held / 2**20:7.2f}  {told[:80]}", flush=True)
    print(f"slowest {slowest:.1f} ms, largest {largest / 2**20:.2f} MB")
    print(f"rival, 'a' centred in 4,000,000 by Jinja2's sandbox alone: {rival() / 2**20:.1f} MB")
    assert slowest < MOST_MS
    assert largest < MOST_BYTES


def filled_in(template: str) -> tuple[float, str]:
    """Milliseconds of processor time, and the answer."""
    begun, told = time.process_time(), ""
    for work in (variables_in, lambda each: f"{len(render(each, VALUES)):,} characters"):
        try:
            told = str(work(template))
        except InvalidInput as exc:
            told = str(exc)
    return (time.process_time() - begun) * 1000, told


def memory(template: str) -> int:
    tracemalloc.start()
    filled_in(template)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def rival() -> int:
    tracemalloc.start()
    ImmutableSandboxedEnvironment().from_string("{{ 'a'|center(4000000) }}").render()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


if __name__ == "__main__":
    main()
