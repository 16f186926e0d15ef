"""What the compare grid is given: words, sums, the baseline, and nothing in the middle of a blind vote."""

import json
from typing import Any

import pytest
from sqlalchemy import select

from core.prompts.labels import PRODUCTION
from core.tables.experiments import ExperimentCell
from core.tables.image_checks import ImageCheck
from core.tables.prompts import PromptLabel
from core.votes.batches import cast, create_batch, next_pairs
from core.votes.ratings import rate
from tests.pages.conftest import OpenPage
from tests.pages.looking import grid_data, said
from tests.support.desk import TestDesk
from tests.support.grids import (
    MISSING,
    REFUSED,
    RUNNING,
    Content,
    Drawn,
    cut_figure,
    drawn_grid,
    whole_figure,
)
from tests.support.prompts import make_prompt

PAGE = "pages/experiments/page.py"


def content(variant: int, selfie: int, _repeat: int) -> Content:
    """A good one and a cut one; then one refused, one under way, and the rest missing."""
    if selfie == 0:
        return whole_figure(1) if variant == 0 else cut_figure(0)
    return {0: REFUSED, 1: RUNNING}.get(variant, MISSING)


@pytest.fixture
def drawn(desk: TestDesk) -> Drawn:
    return drawn_grid(desk.services, desk.admin, labels=["Noir", "Manga"], selfies=2, content=content)


def grid_of(open_page: OpenPage, drawn: Drawn, **asked: str) -> dict[str, Any]:
    return grid_data(open_page(PAGE, query={"experiment": str(drawn.experiment_id), **asked}))


def top(data: dict[str, Any], drawn: Drawn, variant: int, selfie: int) -> dict[str, Any]:
    found = data["cells"][f"{drawn.variants[variant]}:{drawn.selfies[selfie]}"]
    sample: dict[str, Any] = found["samples"][0]
    return sample


def generation_id(desk: TestDesk, drawn: Drawn, variant: int, selfie: int) -> int:
    query = select(ExperimentCell.generation_id).where(
        ExperimentCell.variant_id == drawn.variants[variant],
        ExperimentCell.selfie_id == drawn.selfies[selfie],
    )
    with desk.database.transaction() as session:
        found = session.scalars(query).one()
    assert found is not None
    return found


def test_every_cell_says_what_came_of_it(open_page: OpenPage, desk: TestDesk, drawn: Drawn) -> None:
    with desk.database.transaction() as session:
        rate(session, actor=desk.admin, generation_id=generation_id(desk, drawn, 0, 0), shippable=True)
    data = grid_of(open_page, drawn)
    good, cut = (top(data, drawn, each, 0) for each in (0, 1))
    assert (good["gate"], good["check"]) == ("good", "1024 ok")
    # It belongs to no purchase, so nobody shared it.
    assert good["facts"] == "$0.053 · 21 s · 1 of 1 ship"
    assert (good["width"], good["height"]) == (1024, 1024)
    assert set(good["measured"]) >= {"figure", "head", "feet", "cut"}
    assert cut["gate"] == "bad"
    assert cut["check"].startswith("crop: head")
    refused, running = (top(data, drawn, each, 1) for each in (0, 1))
    assert (refused["gate"], refused["title"]) == ("lost", "Refused content")
    assert "Flagged as sensitive (E005)" in refused["sentence"]
    assert (running["gate"], running["title"]) == ("coming", "Under way: rendering")
    assert "small" not in refused | running
    noir, manga = data["variants"]
    assert (noir["counts"], noir["more"]) == ("1 done · 1 failed", "1 refused")
    assert (manga["counts"], manga["more"]) == ("1 done · 1 to come", "1 with faults")
    assert (noir["price"], noir["mean"]) == ("$0.053 an image", "mean $0.053")


def test_a_doubtful_and_an_unchecked_picture_say_so(
    open_page: OpenPage, desk: TestDesk, drawn: Drawn
) -> None:
    with desk.database.transaction() as session:
        check = session.get_one(ImageCheck, generation_id(desk, drawn, 0, 0))
        check.verdicts = {**check.verdicts, "feet": "cannot_tell"}
        session.delete(session.get_one(ImageCheck, generation_id(desk, drawn, 1, 0)))
    data = grid_of(open_page, drawn)
    told = [top(data, drawn, each, 0) for each in (0, 1)]
    assert [(each["gate"], each["check"]) for each in told] == [
        ("doubt", "cannot tell"),
        ("doubt", "not checked yet"),
    ]


def test_the_baseline_is_production_or_the_first_or_the_one_of_the_address(
    open_page: OpenPage, desk: TestDesk
) -> None:
    with desk.database.transaction() as session:
        version = make_prompt(session, desk.admin, "A hero").id
    drawn = drawn_grid(
        desk.services,
        desk.admin,
        labels=["Noir", "Manga"],
        selfies=1,
        checked=False,
        versions=[None, version],
    )
    assert grid_of(open_page, drawn)["baseline"] == drawn.variants[0]
    with desk.database.transaction() as session:
        label = session.query(PromptLabel).filter_by(name=PRODUCTION).one_or_none()
        if label is None:
            session.add(PromptLabel(name=PRODUCTION, version_id=version, moved_by=desk.admin.id))
        else:
            label.version_id = version
    data = grid_of(open_page, drawn)
    assert data["baseline"] == drawn.variants[1]
    assert [each["production"] for each in data["variants"]] == [False, True]
    assert data["variants"][0]["summary"] == "+1 -1 words"
    assert ["removed", "1"] in data["variants"][0]["pieces"]
    assert data["variants"][1]["changes"] == []
    assert grid_of(open_page, drawn, base=str(drawn.variants[0]))["baseline"] == drawn.variants[0]
    for nonsense in ("0", "abc", "9" * 30):
        assert grid_of(open_page, drawn, base=nonsense)["baseline"] == drawn.variants[1]


def test_in_the_middle_of_a_blind_vote_the_grid_waits(open_page: OpenPage, desk: TestDesk) -> None:
    drawn = drawn_grid(desk.services, desk.admin, labels=["Noir", "Manga"], selfies=2, checked=False)
    with desk.database.transaction() as session:
        batch = create_batch(session, actor=desk.admin, experiment_id=drawn.experiment_id)
        for pair in next_pairs(session, actor=desk.admin, batch_id=batch.id, most=1):
            cast(session, actor=desk.admin, pair_id=pair.id, answer="left")
    address = {"experiment": str(drawn.experiment_id)}
    at = open_page(PAGE, query=address)
    assert "waits until your blind vote is over" in said(at)
    assert "1 pairs of batch" in said(at)
    assert not at.get("bidi_component")
    # Somebody who does not vote sees it all the while.
    assert grid_data(open_page(PAGE, persona="viewer", query=address))["rate"] is False
    with desk.database.transaction() as session:
        for pair in next_pairs(session, actor=desk.admin, batch_id=batch.id, most=1):
            cast(session, actor=desk.admin, pair_id=pair.id, answer="left")
    assert grid_data(open_page(PAGE, query=address))["rate"] is True


def test_a_raters_token_of_an_image_stands_nowhere_in_the_grid(open_page: OpenPage, drawn: Drawn) -> None:
    data = grid_of(open_page, drawn)
    assert "/blind/" not in json.dumps(data)
    assert top(data, drawn, 0, 0)["small"].startswith("/pictures/avatar/")
