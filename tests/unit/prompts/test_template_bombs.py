"""No template takes memory or time that counts: judged in a process of its own, whose memory is watched."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from jinja2 import nodes

from core.foundation.errors import InvalidInput
from core.prompts import judging
from core.prompts.diff import MOST_PAIRS, diff_words
from core.prompts.rendering import render, variables_in
from tests.support.bombs import BOMBS, VALUES

MOST_BYTES = 20 * 2**20
# The limits only keep the machine alive where a template is not refused; what counts is the peak of each.
WATCH = """
import json, resource, tracemalloc
from core.foundation.errors import InvalidInput
from core.prompts.rendering import render, variables_in
from tests.support.bombs import BOMBS, VALUES
resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31))
resource.setrlimit(resource.RLIMIT_CPU, (120, 120))
peaks = {}
tracemalloc.start()
for name, template in BOMBS.items():
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    for work in (lambda: variables_in(template), lambda: render(template, VALUES)):
        try:
            work()
        except InvalidInput:
            pass
    peaks[name] = tracemalloc.get_traced_memory()[1] - before
print(json.dumps(peaks))
"""


def test_no_template_takes_twenty_megabytes(repository: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WATCH], cwd=repository, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    peaks = json.loads(done.stdout)
    assert peaks.keys() == BOMBS.keys()
    assert {name: peak for name, peak in peaks.items() if peak > MOST_BYTES} == {}


@pytest.mark.parametrize("name", BOMBS)
def test_each_is_refused_in_a_sentence(name: str) -> None:
    with pytest.raises(InvalidInput, match="template"):
        render(BOMBS[name], VALUES)


@pytest.mark.parametrize("name", [name for name, template in BOMBS.items() if "|center(" in template])
def test_nothing_is_compiled_before_it_is_judged(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[nodes.Template] = []
    monkeypatch.setattr(type(judging.environment), "compile", lambda _self, source: compiled.append(source))

    with pytest.raises(InvalidInput):
        variables_in(BOMBS[name])
    with pytest.raises(InvalidInput):
        render(BOMBS[name], VALUES)
    assert compiled == []


def test_what_prompts_may_not_use_is_not_even_there() -> None:
    assert judging.environment.filters.keys() == judging.FILTERS
    assert judging.environment.tests.keys() == judging.TESTS
    assert not judging.environment.globals
    assert not judging.environment.optimized


def test_a_difference_of_words_said_thousands_of_times_is_one_piece() -> None:
    old, new = " a b" * 5_000, " b a" * 5_000

    assert (len(old) // 4) ** 2 > MOST_PAIRS
    assert len(diff_words(old, new)) <= 4
