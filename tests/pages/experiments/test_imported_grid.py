"""An imported experiment in the compare grid: as at its home, and honest about what is not here."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import func, select, text, update

import core.services
from core.exports.exports import Kind, Wish
from core.tables.customers import Customer
from core.tables.experiments import ExperimentCell
from core.tables.imports import ImportedSelfie
from core.votes.ratings import rate
from tests.pages.conftest import OpenPage
from tests.pages.looking import grid_data, said
from tests.support.desk import TestDesk
from tests.support.grids import REFUSED, RUNNING, Content, Drawn, cut_figure, drawn_grid, whole_figure
from tests.support.servers.routes import get
from tests.support.share import export, import_file

PAGE = "pages/experiments/page.py"
COLUMN = ("label", "price", "counts", "more", "mean", "prompt", "parameters", "summary", "pieces", "changes")
SAMPLE = ("repeat", "state", "gate", "facts", "check", "width", "height", "measured")


def content(variant: int, selfie: int, _repeat: int) -> Content:
    """A good one and a cut one; then one refused, and one under way."""
    if selfie == 0:
        return whole_figure(1) if variant == 0 else cut_figure(0)
    return REFUSED if variant == 0 else RUNNING


def kind_of(address: str) -> str | None:
    """The media type of what lies there; None where nothing does."""
    answer = get(address)
    return answer.headers["content-type"] if answer.status_code == 200 else None


@pytest.fixture
def drawn(desk: TestDesk) -> Iterator[Drawn]:
    core.services.install(desk.services)
    yield drawn_grid(desk.services, desk.admin, labels=["Noir", "Manga"], selfies=2, content=content)
    core.services.install(None)


def imported(open_page: OpenPage, number: int, **asked: str) -> dict[str, Any]:
    return grid_data(open_page(PAGE, query={"import": str(number), **asked}))


def columns(data: dict[str, Any]) -> list[list[Any]]:
    return [[each[name] for name in COLUMN] for each in data["variants"]]


def places(data: dict[str, Any]) -> list[list[Any]]:
    """What stands in every place of a grid, but for what is still to come: that differs with the day."""
    keys = [f"{column['id']}:{row['id']}" for row in data["selfies"] for column in data["variants"]]
    samples = [[each for each in data["cells"][key]["samples"] if each["gate"] != "coming"] for key in keys]
    return [[[each.get(name) for name in SAMPLE] for each in many] for many in samples]


def order(data: dict[str, Any], things: str, orders: str, name: str) -> list[int]:
    """An order as positions."""
    numbers = [each["id"] for each in data[things]]
    return [numbers.index(each) for each in data[orders][name]]


def test_it_is_the_grid_of_its_home(open_page: OpenPage, desk: TestDesk, drawn: Drawn) -> None:
    with desk.database.transaction() as session:
        first = session.scalars(select(ExperimentCell.generation_id).order_by(ExperimentCell.id)).first()
        assert first is not None
        rate(session, actor=desk.admin, generation_id=first, shippable=True)
    here = grid_data(open_page(PAGE, query={"experiment": str(drawn.experiment_id)}))
    wish = Wish(drawn.experiment_id, Kind.BUNDLE, selfies=True)
    there = imported(open_page, import_file(desk, export(desk, wish)))
    assert columns(there) == columns(here)
    assert places(there) == places(here)
    for name in ("disagreement", "gate"):
        assert order(there, "selfies", "rowOrders", name) == order(here, "selfies", "rowOrders", name)
    assert order(there, "variants", "columnOrders", "gate") == order(here, "variants", "columnOrders", "gate")
    assert (here["rate"], there["rate"]) == (True, False)
    refused = there["cells"]["1:2"]["samples"][0]
    assert (refused["title"], refused["generation"]) == ("Refused content", None)


def test_its_pictures_come_until_their_person_is_deleted(
    open_page: OpenPage, desk: TestDesk, drawn: Drawn
) -> None:
    wish = Wish(drawn.experiment_id, Kind.BUNDLE, selfies=True)
    number = import_file(desk, export(desk, wish))
    data = imported(open_page, number)
    sample, face = data["cells"]["1:1"]["samples"][0], data["selfies"][0]
    assert [kind_of(each[size]) for each in (sample, face) for size in ("small", "whole")] == [
        "image/webp",
        "image/png",
        "image/webp",
        "image/jpeg",
    ]
    with desk.database.transaction() as session:
        first = session.scalars(select(ImportedSelfie).order_by(ImportedSelfie.position)).first()
        assert first is not None
        session.execute(update(Customer).where(Customer.id == first.customer_id).values(erased_at=func.now()))
    assert [kind_of(each["whole"]) for each in (sample, face)] == [None, None]
    data = imported(open_page, number)
    gone, face = data["cells"]["1:1"]["samples"][0], data["selfies"][0]
    assert (gone.get("small"), gone["title"], face["small"]) == (None, "The image is not here", None)
    assert gone["sentence"].startswith("The person was deleted here")


def test_what_the_file_did_not_bring_is_told_in_its_place(
    open_page: OpenPage, desk: TestDesk, drawn: Drawn
) -> None:
    told = export(desk, Wish(drawn.experiment_id, Kind.DOCUMENT))
    with desk.database.transaction() as session:
        session.execute(text("UPDATE avatar SET sha256 = md5(sha256)"))
    number = import_file(desk, told)
    sample = imported(open_page, number)["cells"]["1:1"]["samples"][0]
    assert (sample["gate"], sample["title"]) == ("good", "The image is not here")
    assert "Import the ZIP" in sample["sentence"]
    assert "2 images of it are not here" in said(open_page(PAGE, query={"import": str(number)}))


def test_another_baseline_is_in_the_address(open_page: OpenPage, desk: TestDesk, drawn: Drawn) -> None:
    number = import_file(desk, export(desk, Wish(drawn.experiment_id, Kind.DOCUMENT)))
    assert imported(open_page, number)["baseline"] == 1
    assert imported(open_page, number, base="2")["baseline"] == 2
    assert imported(open_page, number, base="9")["baseline"] == 1
