"""What opens beneath an experiment: figures, images by fault, sharing; and imports on the same page."""

import pytest
from sqlalchemy import select, text
from streamlit.testing.v1 import AppTest

from core.experiments.variants import Variant
from core.exports.exports import Kind, Wish
from core.exports.shelf import shelf
from core.services import Services
from core.tables.experiments import ExperimentCell, ExperimentVariant
from core.votes.batches import cast, create_batch, next_pairs
from core.votes.ratings import rate
from tests.pages.conftest import OpenPage
from tests.pages.looking import button, has_button, said
from tests.support.desk import TestDesk, wait_for, working
from tests.support.experiments import Lab
from tests.support.share import export, import_file

PAGE = "pages/experiments/page.py"


@pytest.fixture
def lab(desk: TestDesk, services: Services) -> Lab:
    return Lab(desk, people=2)


@pytest.fixture
def drawn(lab: Lab) -> int:
    """Two versions on two people."""
    ink, paint = lab.versions("A hero in ink", "A hero in paint")
    number = lab.started([Variant(version_id=ink, label="Ink"), Variant(version_id=paint, label="Paint")])
    with working(lab.desk):
        wait_for(lambda: lab.over(number))
    return number


def panel(open_page: OpenPage, number: int, name: str, persona: str = "admin") -> AppTest:
    return open_page(PAGE, persona=persona, query={"experiment": str(number), "panel": name})


def test_the_figures_name_every_end_and_the_forecast(open_page: OpenPage, lab: Lab, drawn: int) -> None:
    at = panel(open_page, drawn, "figures", persona="viewer")
    shown = {metric.label: metric.value for metric in at.metric}
    assert [shown[each] for each in ("Succeeded", "Refused", "Failed", "Canceled")] == ["4", "0", "0", "0"]
    assert shown["Spent"] == "\\$0.212"
    versions, runs = (frame.value for frame in at.dataframe[:2])
    assert list(versions["Version"]) == ["Ink", "Paint", "All"]
    assert list(versions["Spent"]) == ["$0.106", "$0.106", "$0.212"]
    assert (runs["Price, forecast"][0], runs["spent"][0]) == ("$0.212", "$0.212")
    assert "no tags" in said(at)


def test_images_are_found_by_fault_and_version(open_page: OpenPage, lab: Lab, drawn: int) -> None:
    with lab.database.transaction() as session:
        cells = session.scalars(select(ExperimentCell).order_by(ExperimentCell.id)).all()
        ink, _ = session.scalars(select(ExperimentVariant.id).order_by(ExperimentVariant.position)).all()
        for cell in cells[:3]:  # ink, paint, ink
            assert cell.generation_id is not None
            rate(
                session,
                actor=lab.desk.admin,
                generation_id=cell.generation_id,
                shippable=False,
                tags=["cropped feet"] if cell.id != cells[2].id else ["wrong hair"],
            )
    at = panel(open_page, drawn, "faults")
    assert "4 images" in said(at)
    at.pills(key=f"experiments_faults_{drawn}").set_value(["cropped feet"]).run()
    assert "2 images" in said(at)
    at.selectbox(key=f"experiments_fault_version_{drawn}").set_value(ink).run()
    assert "1 image" in said(at)
    assert "Ada (admin): cropped feet, does not ship" in said(at)
    at.pills(key=f"experiments_faults_{drawn}").set_value(["cropped feet", "wrong hair"]).run()
    assert "No image fits these filters." in said(at)


def test_nobody_sees_names_and_images_in_the_middle_of_a_blind_vote(
    open_page: OpenPage, lab: Lab, drawn: int
) -> None:
    with lab.database.transaction() as session:
        batch = create_batch(session, actor=lab.desk.admin, experiment_id=drawn)
        [pair, _] = next_pairs(session, actor=lab.desk.admin, batch_id=batch.id)
        cast(session, actor=lab.desk.admin, pair_id=pair.id, answer="left")
    at = panel(open_page, drawn, "faults")
    assert "Names are told at the end" in at.error[0].value
    at = panel(open_page, drawn, "share")
    button(at, "Prepare the file").click().run()
    assert "Names are told at the end" in at.error[0].value


def test_a_file_is_prepared_and_offered_with_its_size(open_page: OpenPage, lab: Lab, drawn: int) -> None:
    at = panel(open_page, drawn, "share")
    assert f"/experiments?experiment={drawn}&panel=share" in at.code[0].value
    assert "Selfies are left out." in said(at)
    button(at, "Prepare the file").click().run()
    assert not at.exception
    [link] = at.get("link_button")
    token = link.proto.url.split("/")[2]
    ready = shelf.get(token)
    assert ready.name == f"trial-{drawn}.html"
    assert link.proto.label == f"Download trial-{drawn}.html ({ready.size / 1e3:,.1f} kB)"
    # With other wishes it is another file, and the warning stands before it is made.
    at.checkbox(key="experiments_share_selfies").check().run()
    assert not at.get("link_button")
    assert "real faces" in at.warning[0].value
    button(at, "Prepare the file").click().run()
    assert shelf.get(at.get("link_button")[0].proto.url.split("/")[2]).size > ready.size


def test_a_viewer_has_the_link_and_no_files(open_page: OpenPage, lab: Lab, drawn: int) -> None:
    at = panel(open_page, drawn, "share", persona="viewer")
    assert "panel=share" in at.code[0].value
    assert not has_button(at, "Prepare the file")
    assert "Vic (viewer) may not start or stop experiments." in said(at)


def test_an_import_stands_in_the_list_and_cannot_be_started(
    open_page: OpenPage, lab: Lab, drawn: int
) -> None:
    number = import_file(lab.desk, export(lab.desk, Wish(drawn, Kind.DOCUMENT)))
    at = open_page(PAGE)
    assert "Imported" in said(at)
    assert f"experiment {drawn} of" in said(at)
    at = open_page(PAGE, query={"import": str(number)})
    assert "2 variants x 2 selfies, 4 images" in said(at)
    assert [each.label for each in at.button] == ["All experiments"]
    assert open_page(PAGE, query={"import": "999"}).error[0].value == "There is no imported experiment 999."


def test_images_that_are_not_here_are_told(open_page: OpenPage, lab: Lab, drawn: int) -> None:
    content = export(lab.desk, Wish(drawn, Kind.DOCUMENT))
    with lab.database.transaction() as session:
        session.execute(text("UPDATE avatar SET sha256 = md5(sha256)"))
    at = open_page(PAGE, query={"import": str(import_file(lab.desk, content))})
    assert "4 images of it are not here" in at.warning[0].value


def test_a_file_is_imported_from_the_list(open_page: OpenPage, lab: Lab, drawn: int) -> None:
    content = export(lab.desk, Wish(drawn, Kind.DOCUMENT))
    at = open_page(PAGE)
    uploader = at.file_uploader[0]
    uploader.set_value(("broken.json", b"{}", "application/json")).run()
    button(at, "Import").click().run()
    assert "This is no export of an experiment." in at.error[0].value
    at.file_uploader[0].set_value(("trial.json", content, "application/json")).run()
    button(at, "Import").click().run()
    assert not at.exception
    assert "Grid hash" in said(at)
