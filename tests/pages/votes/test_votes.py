"""The Votes page: a batch is drawn and voted on, names come at its end, images are rated and recognised."""

import pytest
from sqlalchemy import select

from core.tables.votes import Lineup, Rating, Vote, VoteBatch
from core.votes.batches import create_batch
from core.votes.ratings import TAGS
from tests.pages.conftest import OpenPage
from tests.pages.looking import button, has_button, said
from tests.support.desk import TestDesk
from tests.support.votes import Drawn, drawn_experiment

PAGE = "pages/votes/page.py"


@pytest.fixture
def drawn(desk: TestDesk) -> Drawn:
    with desk.database.transaction() as session:
        return drawn_experiment(session, desk.admin, selfies=6)


def batch_of(desk: TestDesk, drawn: Drawn) -> str:
    with desk.database.transaction() as session:
        return str(create_batch(session, actor=desk.admin, experiment_id=drawn.experiment_id).id)


def test_without_images_the_page_says_so(open_page: OpenPage) -> None:
    assert "No experiment has images yet" in said(open_page(PAGE))


def test_a_batch_is_drawn_voted_on_taken_back_and_revealed(
    open_page: OpenPage, desk: TestDesk, drawn: Drawn
) -> None:
    at = open_page(PAGE)
    button(at, "New batch").click().run()
    assert at.query_params["batch"] in ("1", ["1"])
    assert "Secret" not in said(at) + "".join(str(each) for each in at.get("html"))
    assert button(at, "Undo").disabled
    for label in ("Left", "Right", "Both good"):
        button(at, label).click().run()
    button(at, "Undo").click().run()
    with desk.database.transaction() as session:
        cast = session.execute(select(Vote.answer, Vote.undone_at.is_(None)).order_by(Vote.id))
        assert [tuple(row) for row in cast] == [("left", True), ("right", True), ("both_good", False)]
    for _ in range(4):
        button(at, "Both bad").click().run()
    at.run()
    assert not at.exception
    assert "You have voted on every pair of this batch" in "".join(str(each.value) for each in at.success)
    assert "both bad in 4 of 6" in said(at)
    assert list(at.dataframe[0].value["Version"]) != []
    button(at, "Close the batch").click().run()
    with desk.database.transaction() as session:
        assert session.scalars(select(VoteBatch.closed_at)).one() is not None


def test_the_verdict_waits_for_the_end_of_ones_batch(
    open_page: OpenPage, desk: TestDesk, drawn: Drawn
) -> None:
    at = open_page(PAGE, query={"batch": batch_of(desk, drawn)})
    button(at, "Left").click().run()
    waiting = open_page(PAGE, query={"view": "verdict"})
    assert "Names are told at the end: 5 pairs" in waiting.error[0].value
    others = open_page(PAGE, persona="viewer", query={"view": "verdict"})
    assert "No winner yet" in said(others)


def test_a_rating_keeps_faults_and_whether_it_would_be_shipped(
    open_page: OpenPage, desk: TestDesk, drawn: Drawn
) -> None:
    at = open_page(PAGE, query={"view": "rate"})
    at.button_group[-1].set_value([TAGS[0], TAGS[5]]).run()
    button(at, "Would not ship").click().run()
    with desk.database.transaction() as session:
        kept = session.scalars(select(Rating)).one()
    assert (kept.tags, kept.shippable) == ([TAGS[0], TAGS[5]], False)
    assert button(at, "Would ship")


def test_a_line_up_is_answered_by_number(open_page: OpenPage, desk: TestDesk, drawn: Drawn) -> None:
    at = open_page(PAGE, query={"view": "lineup"})
    at.button(key="votes_face_3").click().run()
    assert not at.exception
    with desk.database.transaction() as session:
        lineups = session.scalars(select(Lineup).order_by(Lineup.id)).all()
    assert lineups[0].answer_id == lineups[0].selfie_ids[2]
    assert lineups[1].answer_id is None


def test_who_may_only_look_gets_no_ballot(open_page: OpenPage, desk: TestDesk, drawn: Drawn) -> None:
    listed = open_page(PAGE, persona="viewer")
    assert "may not vote on avatars" in said(listed)
    assert not has_button(listed, "New batch")
    opened = open_page(PAGE, persona="viewer", query={"batch": batch_of(desk, drawn)})
    assert "may not vote on avatars" in opened.error[0].value
    assert not has_button(opened, "Left")
