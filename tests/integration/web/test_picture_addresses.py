"""Pictures by signed addresses: small and whole, only as they were signed, and gone with their person."""

import io
from collections.abc import Iterator

import pytest
from PIL import Image
from sqlalchemy import func

import core.services
from core.images.addresses import STEP_SECONDS, Picture, Size, address
from core.tables.customers import Customer
from core.tables.experiments import ExperimentCell
from core.tables.generation import Generation
from tests.support.desk import TestDesk
from tests.support.grids import Drawn, drawn_grid
from tests.support.servers.routes import get


@pytest.fixture
def drawn(desk: TestDesk) -> Iterator[Drawn]:
    core.services.install(desk.services)
    yield drawn_grid(desk.services, desk.admin, labels=["v1"], selfies=1, checked=False)
    core.services.install(None)


def generation_of(desk: TestDesk, drawn: Drawn) -> Generation:
    with desk.database.transaction() as session:
        cell = session.query(ExperimentCell).filter_by(experiment_id=drawn.experiment_id).one()
        return session.get_one(Generation, cell.generation_id)


def test_an_avatar_comes_small_and_whole_and_a_selfie_too(desk: TestDesk, drawn: Drawn) -> None:
    settings, number = desk.services.settings, generation_of(desk, drawn).id
    small = get(address(settings, Picture.AVATAR, number, Size.SMALL))
    assert small.headers["content-type"] == "image/webp"
    assert Image.open(io.BytesIO(small.content)).size == (384, 384)
    assert small.headers["cache-control"] == "private, no-cache"
    large = get(address(settings, Picture.AVATAR, number, Size.WHOLE))
    assert large.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(large.content)).size == (1024, 1024)
    selfie = get(address(settings, Picture.SELFIE, drawn.selfies[0], Size.WHOLE))
    assert Image.open(io.BytesIO(selfie.content)).size == (360, 480)


def test_what_was_not_signed_so_is_not_there(desk: TestDesk, drawn: Drawn) -> None:
    settings, number = desk.services.settings, generation_of(desk, drawn).id
    signed = address(settings, Picture.AVATAR, number, Size.SMALL)
    assert get(signed).status_code == 200
    signature = signed.rsplit("/", 1)[1]
    until = signed.rsplit("/", 2)[1]
    for forged in (
        signed.replace("/small/", "/whole/"),
        signed.replace("/avatar/", "/selfie/"),
        signed.replace(f"/avatar/{number}/", f"/avatar/{number + 1}/"),
        signed.replace(until, str(int(until) + 1)),
        signed.replace(signature, "0" * 32),
        signed.replace(signature, "é"),
        signed.replace("/small/", "/huge/"),
    ):
        assert get(forged).status_code == 404, forged
    stranger = settings.model_copy(update={"s3_secret_key": settings.replicate_api_token})
    assert get(address(stranger, Picture.AVATAR, number, Size.SMALL)).status_code == 404
    assert get(address(settings, Picture.AVATAR, 2**80, Size.SMALL)).status_code == 404


def test_an_address_ends_and_is_the_same_meanwhile(
    desk: TestDesk, drawn: Drawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, number = desk.services.settings, generation_of(desk, drawn).id
    begin = 40_000 * STEP_SECONDS

    def at(seconds: float) -> str:
        monkeypatch.setattr("core.images.addresses._now", lambda: begin + seconds)
        return address(settings, Picture.AVATAR, number, Size.SMALL)

    first = at(1)
    assert at(STEP_SECONDS - 1) == first
    assert at(STEP_SECONDS + 1) != first
    assert get(first).status_code == 200
    at(2 * STEP_SECONDS + 1)
    assert get(first).status_code == 404


def test_an_erased_persons_pictures_are_gone_at_once(desk: TestDesk, drawn: Drawn) -> None:
    settings, generation = desk.services.settings, generation_of(desk, drawn)
    told = [
        address(settings, Picture.AVATAR, generation.id, Size.SMALL),
        address(settings, Picture.SELFIE, drawn.selfies[0], Size.SMALL),
    ]
    assert [get(each).status_code for each in told] == [200, 200]
    with desk.database.transaction() as session:
        session.get_one(Customer, generation.customer_id).erased_at = func.now()
    assert [get(each).status_code for each in told] == [404, 404]
