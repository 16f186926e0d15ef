"""Results by selfie tag: each image counts once under each tag of its selfie, and few say nothing."""

from typing import Any

from core.experiments.figures import TagLine, tag_lines
from core.experiments.grids import CellView, Grid, SelfieView
from core.tables.generation import State
from core.votes.ratings import RatedImage

GLASSES, BEARD = 1, 2


def selfie(number: int, *tags: str) -> SelfieView:
    return SelfieView(number, f"Selfie {number}", tags, None, number, "k", "k")


def cell(number: int, selfie_id: int, stage: State | None = State.SUCCEEDED, **given: Any) -> CellView:
    values: dict[str, Any] = dict.fromkeys(CellView.__dataclass_fields__)
    return CellView(
        **values
        | {"id": number, "variant_id": 1, "selfie_id": selfie_id, "repeat": 1, "generation_id": number}
        | {"state": "", "stage": stage, "shared": False, **given}
    )


def lines(cells: list[CellView], rated: list[RatedImage] | None = None) -> dict[str, TagLine]:
    selfies = [selfie(GLASSES, "glasses", "light: dim"), selfie(BEARD, "beard")]
    return {each.tag: each for each in tag_lines(Grid([], selfies, cells), rated or [])}


def test_every_image_counts_under_every_tag_of_its_selfie() -> None:
    found = lines(
        [
            cell(1, GLASSES),
            cell(2, GLASSES, State.FAILED, failure_class="content_policy"),
            cell(3, GLASSES, State.FAILED, failure_class="timeout"),
            cell(4, GLASSES, State.CANCELED),
            cell(5, GLASSES, State.RENDERING),
            cell(6, GLASSES, None),
            cell(7, BEARD),
        ]
    )
    assert list(found) == ["beard", "glasses", "light: dim"]
    for tag in ("glasses", "light: dim"):
        line = found[tag]
        assert (line.refused.hits, line.failed.hits, line.refused.cases) == (1, 1, 3)
    assert (found["beard"].refused.hits, found["beard"].refused.cases) == (0, 1)


def test_what_cannot_be_told_is_no_crop_and_no_full_figure() -> None:
    words = ("passed", "failed", "cannot_tell", "failed")
    cells = [cell(number, BEARD, checks={"framing": word}) for number, word in enumerate(words, start=1)]
    line = lines([*cells, cell(9, BEARD)])["beard"]
    assert (line.cropped.hits, line.cropped.cases) == (2, 3)


def test_every_raters_word_counts() -> None:
    rated = [
        RatedImage(1, 1, BEARD, 1, "Sam", (), shippable=True),
        RatedImage(1, 1, BEARD, 1, "Sue", (), shippable=False),
        RatedImage(1, 2, BEARD, 1, "Sue", (), shippable=False),  # the same image in another column
    ]
    line = lines([cell(1, BEARD)], rated)["beard"]
    assert (line.would_ship.hits, line.would_ship.cases) == (1, 2)


def test_few_images_are_not_enough() -> None:
    assert not lines([cell(number, BEARD) for number in range(9)])["beard"].enough
    assert lines([cell(number, BEARD) for number in range(10)])["beard"].enough
