"""The checks in the opened generation: said in one line, shown on request."""

from core.images.checks.service import check_generation
from tests.pages.conftest import OpenPage
from tests.pages.looking import said
from tests.support.avatars import deliver
from tests.support.desk import TestDesk
from tests.support.framings import busy, cut_off, whole
from tests.support.pictures import encode

PAGE = "pages/generations/page.py"


def check(desk: TestDesk, generation_id: int) -> None:
    with desk.database.transaction() as session:
        check_generation(session, desk.services.objects, generation_id)


def test_before_the_checks_it_says_that_they_follow(open_page: OpenPage, desk: TestDesk) -> None:
    at = open_page(PAGE, query={"id": str(deliver(desk, encode(whole(0).image, "PNG")))})
    assert "Checks follow" in said(at)
    assert not at.toggle


def test_a_whole_figure_is_said_and_shown_measured(open_page: OpenPage, desk: TestDesk) -> None:
    generation_id = deliver(desk, encode(whole(0).image, "PNG"))
    check(desk, generation_id)
    at = open_page(PAGE, query={"id": str(generation_id)})
    assert ":green-badge[:material/check: full figure]" in said(at)
    assert "room above" not in said(at)
    at.toggle(key=f"image_checks_{generation_id}").set_value(True).run()
    assert not at.exception
    assert "of the height" in said(at)
    assert "room above" in said(at)


def test_a_crop_names_what_is_missing(open_page: OpenPage, desk: TestDesk) -> None:
    crop = cut_off(0)
    generation_id = deliver(desk, encode(crop.image, "PNG"))
    check(desk, generation_id)
    at = open_page(PAGE, query={"id": str(generation_id)})
    assert "not: head inside" in said(at)
    assert "cut off at the top" in said(at)


def test_doubt_is_shown_as_doubt_with_its_reason(open_page: OpenPage, desk: TestDesk) -> None:
    generation_id = deliver(desk, encode(busy(0), "PNG"))
    check(desk, generation_id)
    at = open_page(PAGE, query={"id": str(generation_id)})
    assert "full figure: cannot tell" in said(at)
    assert "not plain enough" in said(at)
