"""Which models live on a day that is given: nothing here asks the clock."""

import dataclasses
from datetime import date, timedelta

import pytest

from core.catalog.lifetimes import (
    default_model,
    end_sentence,
    fitted,
    has_ended,
    retirement_notice,
    successor_of,
)
from core.catalog.models import MODELS, PREFERRED, checked_parameters
from core.catalog.offer import Retirement
from core.settings import Settings, load_settings

ONE, MINI, ONE_FIVE, TWO = list(MODELS)[:4]
A_DAY = timedelta(days=1)
TODAY = date(2026, 12, 1)


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch) -> "Ending":
    return Ending(monkeypatch)


class Ending:
    """Gives models another end for one test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def __call__(self, slug: str, on: date, successor: str | None) -> None:
        changed = dataclasses.replace(MODELS[slug], retirement=Retirement(on, successor))
        self._monkeypatch.setitem(MODELS, slug, changed)


@pytest.mark.parametrize(
    ("slug", "end"), [(ONE, date(2026, 10, 23)), (MINI, date(2026, 12, 1)), (ONE_FIVE, date(2026, 12, 1))]
)
def test_the_announced_ends_are_those_of_openais_page(slug: str, end: date) -> None:
    assert [has_ended(slug, day) for day in (end - A_DAY, end, end + A_DAY)] == [False, True, True]
    assert successor_of(slug, TODAY) == TWO


def test_a_model_without_an_announced_end_lives_and_one_that_nobody_knows_does_not() -> None:
    living = [slug for slug in MODELS if not has_ended(slug, date(2030, 1, 1))]
    assert living == [TWO, "openai/gpt-image-2.5-flare", "openai/gpt-image-2.5-sunburst"]
    assert has_ended("openai/dall-e-9", TODAY)
    assert end_sentence(TWO, TODAY) is end_sentence("openai/dall-e-9", TODAY) is None


def test_the_default_is_the_first_preferred_model_that_lives_on_the_day(ending: Ending) -> None:
    assert default_model(TODAY) == TWO == "openai/gpt-image-2"
    ending(TWO, TODAY, PREFERRED[1])
    assert [default_model(TODAY - A_DAY), default_model(TODAY)] == [TWO, PREFERRED[1]]
    for slug in PREFERRED:
        ending(slug, TODAY, None)
    assert default_model(TODAY) == PREFERRED[-1]


def test_preferred_models_need_no_key_and_have_a_price_of_replicates() -> None:
    assert all(not MODELS[slug].needs_openai_key and MODELS[slug].replicate for slug in PREFERRED)


def test_the_settings_follow_the_day_of_the_start_unless_a_model_is_named(
    ending: Ending, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("INKDESK_MODEL", raising=False)
    ending(TWO, TODAY, PREFERRED[1])
    assert load_settings(TODAY - A_DAY).model == Settings(started_on=TODAY - A_DAY).model == TWO
    assert load_settings(TODAY).model == PREFERRED[1]
    monkeypatch.setenv("INKDESK_MODEL", ONE)
    assert load_settings(TODAY).model == ONE


def test_a_successor_that_has_ended_itself_is_followed_to_one_that_lives(ending: Ending) -> None:
    ending(TWO, TODAY, PREFERRED[1])
    assert [successor_of(ONE, TODAY - A_DAY), successor_of(ONE, TODAY)] == [TWO, PREFERRED[1]]
    ending(PREFERRED[1], TODAY, TWO)  # each names the other
    assert successor_of(ONE, TODAY) is None
    ending(ONE, TODAY, None)
    assert successor_of(ONE, TODAY) is successor_of("openai/dall-e-9", TODAY) is None


@pytest.mark.parametrize("source", MODELS)
@pytest.mark.parametrize("target", MODELS)
def test_parameters_of_any_model_fit_any_other(source: str, target: str) -> None:
    for model in (MODELS[source],):
        for parameter in model.parameters:
            for value in parameter.allowed:
                mapped = fitted({parameter.name: value}, target)
                assert checked_parameters(MODELS[target], mapped) == mapped


def test_quality_is_kept_and_fidelity_dropped_on_the_way_to_the_successor() -> None:
    held = {"quality": "low", "input_fidelity": "high", "background": "transparent", "output_format": "webp"}
    assert fitted(held, TWO) == {
        "quality": "low",
        "background": "transparent",
        "moderation": "auto",
        "output_format": "webp",
    }
    assert fitted({"quality": "max"}, TWO)["quality"] == "medium"


def test_what_is_said_of_an_end_fits_the_day(ending: Ending) -> None:
    assert end_sentence(ONE, date(2026, 10, 22)) == f"OpenAI ends {ONE} on 2026-10-23; {TWO} follows it."
    assert end_sentence(ONE, date(2026, 10, 23)) == f"OpenAI ended {ONE} on 2026-10-23; {TWO} follows it."
    assert retirement_notice(ONE, TODAY) == (
        f"New prompts start with {ONE}, which OpenAI ended on 2026-10-23. "
        f"Set INKDESK_MODEL={TWO}, or take the setting away."
    )
    ending(ONE, TODAY, None)
    assert end_sentence(ONE, TODAY) == f"OpenAI ended {ONE} on 2026-12-01."
    assert (retirement_notice(ONE, TODAY) or "").endswith("on 2026-12-01. Choose another model.")
    assert retirement_notice(TWO, TODAY) is retirement_notice("openai/dall-e-9", TODAY) is None
