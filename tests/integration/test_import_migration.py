"""The migration of imports, both ways, on a desk in use."""

from sqlalchemy import inspect, text

from core.database import Database
from core.migrate import downgrade, upgrade
from core.prompts.share.models import ExperimentImport, ImportedImage, ImportedSelfie
from core.prompts.testsets.models import TestPerson
from core.prompts.testsets.people import people
from tests.support.factories import NOON, make_customer, make_staff

TABLES = {"experiment_import", "imported_selfie", "imported_image", "import_intent"}


def test_people_of_imports_stay_as_people_nobody_tests_on(database: Database) -> None:
    with database.transaction() as session:
        staff = make_staff(session)
        kinds = ("upload", "customer", "import")
        customers = {kind: make_customer(session, name=kind).id for kind in kinds}
        session.add_all(
            TestPerson(customer_id=customers[kind], source=kind, consent_note="x", created_by=staff.id)
            for kind in kinds
        )
        made = ExperimentImport(
            token="t", name="Trial", grid_hash="h", source_experiment=1, exported_at=NOON, document={},
            imported_by=staff.id,
        )  # fmt: skip
        session.add(made)
        session.flush()
        selfie = ImportedSelfie(
            import_id=made.id, position=1, sha256="s", customer_id=customers["import"], object_key="k",
            thumbnail_key="k", owned=True,
        )  # fmt: skip
        session.add(selfie)
        session.flush()
        session.add(
            ImportedImage(selfie_id=selfie.id, sha256="i", object_key="k", thumbnail_key="k", owned=True)
        )
    downgrade(database, "r0024")
    assert not TABLES & set(inspect(database.engine).get_table_names())
    assert sources(database) == {"upload": "upload", "customer": "customer", "import": "customer"}
    upgrade(database)
    assert set(inspect(database.engine).get_table_names()) >= TABLES
    with database.transaction() as session:
        agreed = {person.name: person.agreed for person in people(session)}
    assert agreed == {"upload": True, "customer": False, "import": False}


def sources(database: Database) -> dict[str, str]:
    query = "SELECT c.name, p.source FROM test_person p JOIN customer c ON c.id = p.customer_id"
    with database.transaction() as session:
        return dict(session.execute(text(query)).all())
