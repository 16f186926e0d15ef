"""Exports and imports: the same grid on both sides, pictures only where asked for, people gone whole."""

import csv
import io
import json
import zipfile
from collections.abc import Iterator

import pytest
from sqlalchemy import func, select, update

from core.experiments.variants import Variant
from core.exports.document import Document
from core.exports.exports import Kind, Wish, prepare
from core.exports.imported import ImportView, imported, list_imports
from core.exports.imports import clear_left, import_experiment
from core.foundation.database import Database
from core.foundation.errors import Conflict, NotAllowed, NotFound
from core.images.addresses import Size
from core.sandbox.server import RunningSandbox
from core.startup.object_store import ObjectStoreAddress
from core.tables.access import AuditEvent
from core.tables.customers import Customer
from core.tables.experiments import ExperimentCell
from core.tables.generation import Generation
from core.tables.images import StoredSelfie
from core.tables.imports import ExperimentImport, ImportedSelfie, ImportIntent
from core.tables.testsets import TestPerson
from core.testsets.people import delete_person, note_consent, people
from core.votes.batches import cast, create_batch, next_pairs
from core.votes.ratings import rate
from core.web.stored import stored_picture
from tests.support.desk import TestDesk, quick_settings, wait_for, working
from tests.support.experiments import Lab
from tests.support.running.databases import fresh_database
from tests.support.share import export, file_names, import_file, unpacked


@pytest.fixture
def lab(desk: TestDesk) -> Lab:
    made = Lab(desk, people=2)
    with desk.database.transaction() as session:
        for number in made.selfies:
            owner = session.get_one(StoredSelfie, number).customer_id
            note_consent(session, actor=desk.admin, customer_id=owner, note="signed form")
    return made


@pytest.fixture
def other(postgres_url: str, object_store: ObjectStoreAddress, sandbox: RunningSandbox) -> Iterator[TestDesk]:
    """A second, empty desk with a database and a bucket of its own."""
    with fresh_database(postgres_url) as url:
        desk = TestDesk.open(quick_settings(url, object_store, sandbox), sandbox)
        yield desk
        desk.close()


def drawn(lab: Lab, **given: object) -> int:
    """An experiment of two versions on two people, drawn by the sandbox."""
    ink, paint = lab.versions("A hero in ink", "A hero in paint")
    number = lab.started([Variant(version_id=ink), Variant(version_id=paint)], **given)
    with working(lab.desk):
        wait_for(lambda: lab.over(number))
    return number


def view(desk: TestDesk, number: int) -> ImportView:
    with desk.database.transaction() as session:
        return imported(session, number)


def objects_of(desk: TestDesk) -> list[str]:
    return list(desk.services.objects.keys(""))


def test_a_bundle_makes_the_same_grid_on_an_empty_desk(lab: Lab, other: TestDesk) -> None:
    number = drawn(lab)
    content = export(lab.desk, Wish(number, Kind.BUNDLE, selfies=True))
    told = Document.model_validate_json(unpacked(content, "experiment.json"))
    assert len(told.cells) == 4
    assert all(cell.image for cell in told.cells)
    found = view(other, import_file(other, content))
    assert found.grid_hash == told.hash == found.row.grid_hash
    assert (found.row.source_experiment, found.row.imported_by) == (number, other.admin.name)
    # Every image is here, byte for byte, and so are the selfies.
    for cell in found.shared.document.cells:
        assert cell.image is not None
        picture = found.shared.image_of(cell)
        assert picture is not None
        assert other.services.objects.get(picture.object_key) == unpacked(
            content, f"images/{cell.image.sha256}.{picture.object_key.rsplit('.', 1)[1]}"
        )
    assert sorted(found.shared.selfies) == [1, 2]
    # It is written again as the same grid, and it can go on to a third desk.
    again = export(other, Wish(found.row.id, Kind.BUNDLE, of_import=True, selfies=True))
    assert Document.model_validate_json(unpacked(again, "experiment.json")).hash == told.hash
    assert file_names(again) == file_names(content)


def test_the_document_alone_is_enough_where_the_images_are_known(lab: Lab, other: TestDesk) -> None:
    content = export(lab.desk, Wish(drawn(lab), Kind.DOCUMENT))
    before = objects_of(lab.desk)
    here = view(lab.desk, import_file(lab.desk, content))
    assert (len(here.shared.images), sorted(here.shared.selfies)) == (4, [1, 2])
    assert objects_of(lab.desk) == before  # nothing was stored twice
    there = view(other, import_file(other, content))
    assert (len(there.shared.images), dict(there.shared.selfies)) == (0, {})
    assert here.grid_hash == there.grid_hash == json.loads(content)["hash"]


def test_an_import_is_known_to_the_next_one(lab: Lab, other: TestDesk) -> None:
    number = drawn(lab)
    first = import_file(other, export(lab.desk, Wish(number, Kind.BUNDLE)))
    second = import_file(other, export(lab.desk, Wish(number, Kind.DOCUMENT)))
    assert len(view(other, second).shared.images) == 4
    with other.database.transaction() as session:
        assert len(list_imports(session)) == 2
        owners = session.execute(select(ImportedSelfie.import_id, ImportedSelfie.customer_id)).all()
    by_import = {number: {row[1] for row in owners if row[0] == number} for number in (first, second)}
    assert by_import[first] == by_import[second]  # the same people, to be deleted once


def test_one_form_is_one_import(lab: Lab) -> None:
    content = export(lab.desk, Wish(drawn(lab), Kind.BUNDLE))
    assert import_file(lab.desk, content, token="t") == import_file(lab.desk, content, token="t")
    with lab.database.transaction() as session:
        assert session.scalar(select(func.count()).select_from(ExperimentImport)) == 1


def test_selfies_and_names_stay_here_unless_asked_for(lab: Lab) -> None:
    number = drawn(lab)
    with lab.database.transaction() as session:
        keys = session.scalars(select(StoredSelfie.object_key).where(StoredSelfie.id.in_(lab.selfies))).all()
        # What was received may name a person; the reason why a cell was not asked for does.
        cell = session.scalars(
            select(ExperimentCell).where(ExperimentCell.experiment_id == number).limit(1)
        ).one()
        cell.generation_id, cell.problem = None, "Person 0 has not agreed to tests with their selfies."
        session.execute(
            update(Generation).values(failure_detail="sent for c-77@mail.test", canceled_by="Person 0")
        )
        references = session.scalars(select(Customer.reference)).all()
    selfies = [lab.services.objects.get(key) for key in keys]
    without = export(lab.desk, Wish(number, Kind.BUNDLE))
    assert not [name for name in file_names(without) if name.startswith("selfies/")]
    with_them = export(lab.desk, Wish(number, Kind.BUNDLE, selfies=True))
    assert all(selfie in with_them and selfie not in without for selfie in selfies)
    for kind in Kind:
        words = export(lab.desk, Wish(number, kind)).decode(errors="replace")
        for secret in ("Person 0", "Person 1", "c-77@mail.test", lab.desk.admin.email, *references):
            assert secret not in words
    with lab.database.transaction() as session:
        told = session.scalars(
            select(AuditEvent.after).where(AuditEvent.action == "experiment.export").order_by(AuditEvent.id)
        ).all()
    assert [each["selfies"] for each in told if each][:2] == [False, True]


def test_a_sheet_of_numbers_runs_no_formula(lab: Lab) -> None:
    [version] = lab.versions("A hero")
    number = lab.created([Variant(version_id=version, label='=HYPERLINK("http://evil.test")')], name="@sum")
    lines = list(csv.DictReader(io.StringIO(export(lab.desk, Wish(number, Kind.TABLE)).decode())))
    assert [(line["experiment"], line["label"], line["state"]) for line in lines] == (
        [("'@sum", '\'=HYPERLINK("http://evil.test")', "missing")] * 2
    )


def test_what_raters_said_goes_along_and_changes_no_hash(lab: Lab, other: TestDesk) -> None:
    number = drawn(lab)
    before = json.loads(export(lab.desk, Wish(number, Kind.DOCUMENT)))
    with lab.database.transaction() as session:
        batch = create_batch(session, actor=lab.desk.admin, experiment_id=number)
        [first, second] = next_pairs(session, actor=lab.desk.admin, batch_id=batch.id)
        cast(session, actor=lab.desk.admin, pair_id=first.id, answer="left")
    with pytest.raises(Conflict, match="Names are told at the end"):
        export(lab.desk, Wish(number, Kind.DOCUMENT))
    with lab.database.transaction() as session:
        cast(session, actor=lab.desk.admin, pair_id=second.id, answer="both_bad")
        rated = session.scalars(select(ExperimentCell.generation_id).order_by(ExperimentCell.id)).first()
        assert rated is not None
        rate(
            session,
            actor=lab.desk.admin,
            generation_id=rated,
            shippable=False,
            tags=["cropped feet"],
        )
    after = json.loads(export(lab.desk, Wish(number, Kind.DOCUMENT)))
    assert after["hash"] == before["hash"]
    votes = [cell["votes"] for cell in after["cells"]]
    assert [sum(each[word] for each in votes) for word in ("won", "lost", "both_bad")] == [1, 1, 2]
    there = view(other, import_file(other, json.dumps(after).encode()))
    [said] = [cell.ratings for cell in there.shared.document.cells if cell.ratings.raters]
    assert (said.would_ship, said.faults) == (0, {"cropped feet": 1})


def test_only_who_runs_experiments_exports_or_imports(lab: Lab) -> None:
    content = export(lab.desk, Wish(drawn(lab), Kind.DOCUMENT))
    viewer = lab.desk.staff("viewer")
    with pytest.raises(NotAllowed):
        prepare(lab.services, actor=viewer, wish=Wish(1, Kind.TABLE))
    with pytest.raises(NotAllowed):
        import_experiment(
            lab.database, lab.services.objects, actor=viewer, file=io.BytesIO(content), token="v"
        )
    with pytest.raises(NotFound):
        export(lab.desk, Wish(999, Kind.TABLE))


def test_deleting_an_imported_person_takes_the_selfie_and_every_image(lab: Lab, other: TestDesk) -> None:
    content = export(lab.desk, Wish(drawn(lab), Kind.BUNDLE, selfies=True))
    before = set(objects_of(other))
    number = import_file(other, content)
    with other.database.transaction() as session:
        first, second = [each for each in people(session) if each.source == "import"]
    assert (first.images, first.agreed, first.selfie_ids) == (2, False, ())
    small, _ = stored_picture(other.services, first.faces[0], Size.SMALL)
    assert small is not None
    assert small.startswith(b"RIFF")
    gone = delete_person(
        other.database, other.services.objects, actor=other.admin, person_id=first.id, reason="asked"
    )
    assert gone == 6  # a selfie and two images, each with its small one
    left = view(other, number).shared
    assert (len(left.images), len(left.selfies), len(left.gone)) == (2, 1, 1)
    assert view(other, number).grid_hash == json.loads(unpacked(content, "experiment.json"))["hash"]
    delete_person(
        other.database, other.services.objects, actor=other.admin, person_id=second.id, reason="asked"
    )
    assert set(objects_of(other)) == before
    # Nobody is brought back by importing the file again.
    again = view(other, import_file(other, content)).shared
    assert (dict(again.images), dict(again.selfies), again.gone) == ({}, {}, frozenset({1, 2}))
    assert set(objects_of(other)) == before


def test_deleting_somebody_here_takes_their_imported_images_too(lab: Lab, other: TestDesk) -> None:
    content = export(lab.desk, Wish(drawn(lab), Kind.BUNDLE, selfies=True))
    number = import_file(lab.desk, content)
    with lab.database.transaction() as session:
        owner = session.get_one(StoredSelfie, lab.selfies[0]).customer_id
        person = session.scalars(select(TestPerson.id).where(TestPerson.customer_id == owner)).one()
    delete_person(lab.database, lab.services.objects, actor=lab.desk.admin, person_id=person, reason="asked")
    left = view(lab.desk, number).shared
    assert (len(left.images), len(left.selfies), len(left.gone)) == (2, 1, 1)
    # What is exported now has nothing of them but that they were there.
    now = export(lab.desk, Wish(1, Kind.BUNDLE, selfies=True))
    assert len(file_names(now)) == 1 + 2 + 1


def test_an_import_that_was_killed_is_cleared_away(lab: Lab) -> None:
    before = objects_of(lab.desk)
    lab.services.objects.put("imports/old/image.png", b"x", "image/png")
    lab.services.objects.put("imports/new/image.png", b"x", "image/png")
    with lab.database.transaction() as session:
        session.add_all(
            ImportIntent(
                token=token,
                staff_id=lab.desk.admin.id,
                begun_at=func.clock_timestamp() - func.make_interval(0, 0, 0, 0, hours),
            )
            for token, hours in (("old", 2), ("new", 0))
        )
    assert clear_left(lab.database, lab.services.objects) == 1
    assert objects_of(lab.desk) == sorted([*before, "imports/new/image.png"])


def test_the_zip_is_written_the_same_each_time_but_for_its_date(lab: Lab, database: Database) -> None:
    number = drawn(lab)
    both = [zipfile.ZipFile(io.BytesIO(export(lab.desk, Wish(number, Kind.BUNDLE)))) for _ in range(2)]
    facts = [[(each.filename, each.CRC) for each in one.infolist()[1:]] for one in both]
    assert facts[0] == facts[1] != []
