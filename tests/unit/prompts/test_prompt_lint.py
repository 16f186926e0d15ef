"""The lint finds what experience warns of, and stays silent about the starters."""

import pytest

from core.catalog.models import MODELS, checked_parameters
from core.prompts.lint import Kind, lint
from core.prompts.rendering import sample
from core.prompts.starter import STARTERS, with_snippets

GOOD = "A full-body drawing, feet included, keep the likeness of Image 1."
SETTINGS = {"input_fidelity": "high", "background": "opaque", "output_format": "png"}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("starter", STARTERS, ids=lambda starter: starter[0])
def test_every_starter_passes_with_every_models_presets(starter: tuple[str, str, str], model: str) -> None:
    prompt = sample(with_snippets(starter[2]))

    assert lint(prompt, checked_parameters(MODELS[model], {})) == []


def test_there_are_eight_starters_of_eight_styles() -> None:
    assert [name for name, _, _ in STARTERS] == [
        "Ink and halftone",
        "Manga",
        "Ligne claire",
        "Noir",
        "Cel animation",
        "Chibi",
        "Watercolour strip",
        "Retro hero",
    ]


@pytest.mark.parametrize(
    ("prompt", "kind", "sentence"),
    [
        ("A drawing, feet included, likeness kept.", Kind.FRAMING, "does not ask for the whole figure"),
        ("A full-body drawing, likeness kept.", Kind.FRAMING, "No word of feet"),
        ("A full-body drawing in red boots, likeness kept.", Kind.FRAMING, "not that they are seen"),
        ("A full-body drawing, feet included.", Kind.LIKENESS, "does not ask for the likeness"),
        (GOOD + " A close-up.", Kind.FRAMING, '"close-up" asks for less'),
        (GOOD + " Beside two people.", Kind.FRAMING, "more than one person"),
        (GOOD + " A speech bubble says hi.", Kind.FRAMING, "puts text into the picture"),
        (GOOD + " In the style of Frank Miller.", Kind.RISK, "an artist or studio by name"),
        (GOOD + " In the style of Someone Else.", Kind.RISK, "an artist or studio by name"),
        (GOOD + " Like Batman.", Kind.RISK, "a brand or character"),
        (GOOD + " A teenager.", Kind.RISK, "words for minors"),
        (GOOD + " A sexy, tight suit.", Kind.RISK, "little or tight clothing"),
        (GOOD + " Holding a sword.", Kind.RISK, "weapons or violence"),
        (GOOD + " On a transparent background.", Kind.CONTRADICTION, "set to opaque"),
        (GOOD + " Format 16:9.", Kind.CONTRADICTION, "avatars are square"),
    ],
)
def test_each_fault_is_found_alone_and_named(prompt: str, kind: Kind, sentence: str) -> None:
    found = lint(prompt, SETTINGS)

    assert {each.kind for each in found} == {kind}
    assert any(sentence in each.sentence for each in found)


@pytest.mark.parametrize(
    ("words", "changes", "sentence"),
    [
        ("On a transparent background.", {"output_format": "jpeg"}, "JPEG has no transparency"),
        ("The background is a city street.", {"background": "transparent"}, "set to transparent"),
        ("Friendly.", {"input_fidelity": "low"}, "input fidelity is low"),
    ],
)
def test_contradictions_to_the_parameters_are_found(
    words: str, changes: dict[str, str], sentence: str
) -> None:
    found = lint(f"{GOOD} {words}", SETTINGS | changes)

    assert [each.kind for each in found] == [Kind.CONTRADICTION]
    assert sentence in found[0].sentence


@pytest.mark.parametrize(
    "words",
    [
        "No weapons, no text, no speech bubbles.",
        "Not a close-up.",
        "Without blood or gore.",
        "In the style of clean ink outlines.",
        "A hero suit with a cape.",
        "The whole figure from head to toe.",
    ],
)
def test_what_a_prompt_forbids_or_merely_resembles_is_no_finding(words: str) -> None:
    assert lint(f"{GOOD} {words}", SETTINGS) == []
