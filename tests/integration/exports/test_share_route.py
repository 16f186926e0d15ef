"""The route of prepared downloads: whole, never kept by a browser, and only as long as their maker may."""

from collections.abc import Iterator

import httpx
import pytest
from sqlalchemy import update
from starlette.applications import Starlette

from core.experiments.variants import Variant
from core.exports.exports import Kind, Wish, prepare
from core.services import install
from core.tables.access import Staff
from core.web.routes import routes
from tests.support.desk import TestDesk
from tests.support.experiments import Lab
from tests.support.servers.serving import serving


@pytest.fixture
def client(desk: TestDesk) -> Iterator[httpx.Client]:
    install(desk.services)
    with serving(Starlette(routes=routes())) as url, httpx.Client(base_url=url, trust_env=False) as client:
        yield client
    install(None)


def test_a_download_is_whole_and_ends_with_its_makers_role(desk: TestDesk, client: httpx.Client) -> None:
    lab = Lab(desk, people=1)
    number = lab.created([Variant(version_id=lab.versions("A hero")[0])])
    tuner = desk.staff("tuner")
    made = prepare(desk.services, actor=tuner, wish=Wish(number, Kind.TABLE))
    answer = client.get(made.address)
    assert answer.content == b"".join(made.chunks())
    assert answer.headers["content-disposition"] == f'attachment; filename="trial-{number}.csv"'
    assert (answer.headers["cache-control"], answer.headers["content-length"]) == ("no-store", str(made.size))
    with desk.database.transaction() as session:
        session.execute(update(Staff).where(Staff.id == tuner.id).values(roles=["viewer"]))
    answer = client.get(made.address)
    assert (answer.status_code, b"experiment," in answer.content) == (410, False)
    with desk.database.transaction() as session:
        session.execute(update(Staff).where(Staff.id == tuner.id).values(active=False))
    assert client.get(made.address).status_code == 410


def test_what_nobody_prepared_is_not_there(client: httpx.Client) -> None:
    answer = client.get("/share/guess/trial.zip")
    assert (answer.status_code, answer.text) == (
        410,
        "This download is no longer there. Prepare it again.",
    )
