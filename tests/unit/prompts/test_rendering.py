"""Templates become exactly the text that is sent, or a sentence that says why not."""

import pytest

from core.foundation.errors import InvalidInput
from core.prompts.rendering import (
    LONGEST_PROMPT,
    VARIABLES,
    checked,
    missing_in,
    render,
    sample,
    variables_in,
)
from core.prompts.starter import STARTER_TEMPLATE


def test_what_is_typed_replaces_the_default_and_the_rest_stays() -> None:
    text = render("{{ outfit }} in {{ style }}", {"outfit": "a red cape", "style": "  "})
    assert text == f"a red cape in {VARIABLES['style']}"


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ("", "The prompt is empty"),
        ("   \n ", "The prompt is empty"),
        ("{{ hat }} and {{ shoes }}", "Fill in hat, shoes: the template asks for it"),
        ("{{ style", "cannot be read"),
        ("{{ style|nosuchfilter }}", "cannot be read|filter .nosuchfilter"),
        ("{% for i in style %}x{% endfor %}", "uses 'for', which prompts may not"),
        ("{{ 'a' * 999999999 }}", "uses 'mul'"),
        ("{{ style.upper() }}", "uses 'call'"),
        ("{% include 'x' %}", "uses 'include'"),
        ("{{ style.__class__ }}", "uses a dot behind a name"),
        ("{{ style['upper'] }}", "uses square brackets with something else than a number"),
        ("{{ style is callable }}", "uses the test 'callable'"),
        ("{{ style|trim(outfit) }}", "gives 'trim' more than it takes"),
        ("{{ [style]|string }}", "uses a list elsewhere"),
        ("{{ '\\ud800' }}", "half of a character"),
        ("{{ style" + "|upper" * 45 + " }}", "nested too deep"),
        ("{{ style }}" * 600, "more than 1,000 words and signs"),
        ("{{ 1234567890 }}", "more than 9 characters"),
        ("{{ 1 // 0 }}", "cannot be filled in"),
        ("{% if false %}x{% endif %}", "empty once filled in"),
        ("a\x00b", "zero byte"),
        ("x" * 20_001, "longer than 20,000 characters"),
    ],
)
def test_a_wrong_template_is_told_in_a_sentence(template: str, sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        render(template, {})


def test_a_prompt_longer_than_the_model_takes_is_told() -> None:
    with pytest.raises(InvalidInput, match="the model takes 32,000"):
        checked("x" * (LONGEST_PROMPT + 1))


def test_what_a_value_contains_is_never_run_as_a_template() -> None:
    assert render("{{ outfit }}", {"outfit": "{{ style }} {% raw %}"}) == "{{ style }} {% raw %}"


def test_the_starter_asks_for_the_whole_figure_and_the_likeness() -> None:
    text = render(STARTER_TEMPLATE, {})
    assert variables_in(STARTER_TEMPLATE) == list(VARIABLES)
    for wanted in ("full-body", "feet included", "Image 1", "80 %", "no watermark", "one person only"):
        assert wanted in text
    assert "{{" not in text


def test_own_names_are_found_in_the_order_of_use_and_must_be_filled_in() -> None:
    template = "{{ hat }} on {{ style }} {% if shoes %}with {{ shoes }}{% endif %} {{ hat|upper }}"

    assert variables_in(template) == ["style", "hat", "shoes"]
    assert missing_in(template, {"hat": " "}) == ["hat", "shoes"]
    assert render("{{ hat|upper }}", {"hat": "bowler"}) == "BOWLER"
    assert sample("{{ hat }}, {{ style }}") == f"[hat], {VARIABLES['style']}"


@pytest.mark.parametrize(
    "template",
    [
        "{% set a = style ~ style %}{{ a }}",
        "{% with a = style ~ style %}{{ a }}{% endwith %}",
        "{{ '%999999999d' % 1 }}",
        "{{ style|center(999999999) }}",
        "{{ style|replace('', style) }}",
        "{{ range }}{{ lipsum() }}",
        "{{ self }}",
        "{{ _secret }}",
        "{% block x %}{{ super() }}{% endblock %}",
        "{{" + "(" * 500 + "1" + ")" * 500 + "}}",
    ],
)
def test_what_could_fill_the_memory_or_reach_behind_the_names_is_refused(template: str) -> None:
    with pytest.raises(InvalidInput):
        render(template, {})


def test_what_prompts_use_goes_on_working() -> None:
    template = (
        "{% if style in ['ink', 'noir'] %}{{ style|title }}"
        "{% elif hat is defined %}{{ style[:3] ~ hat[0] }}{% endif %}"
        "{% filter upper %} {{ hat|d('x', true) }}{% endfilter %}"
        "{{ ' 3' if not outfit == 'a' and 1 + 2 > 2 }}"
    )

    assert render(template, {"style": "ink", "hat": "cap"}) == "Ink CAP 3"
    assert render(template, {"style": "water", "hat": "cap"}) == "watc CAP 3"
