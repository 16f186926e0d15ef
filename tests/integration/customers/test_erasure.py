"""Somebody erased is gone: from lists, from what processes keep, from downloads, from the object store."""

import dataclasses
import threading
from collections.abc import Callable, Iterator
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text

from core.desks.generations.detail import generation_detail
from core.desks.generations.filters import Filter
from core.desks.generations.overview import overview
from core.desks.generations.progress import progress
from core.desks.generations.views import page_of_generations
from core.experiments.grids import grid
from core.exports.exports import Kind, Wish, prepare
from core.exports.shelf import shelf
from core.foundation.errors import NotFound, ServiceUnavailable, StillKept
from core.images.addresses import Picture, Size, address
from core.images.intake import take_in
from core.images.kept import erasure_number
from core.images.samples import samples
from core.images.selfies import earlier_selfies, keep_selfie
from core.services import Services, install
from core.storage import keys
from core.tables.customers import Customer
from core.tables.generation import Avatar, Generation
from core.tables.images import StoredSelfie
from core.tables.testsets import TestPerson
from core.testsets.people import delete_person, finish_deletions, note_consent
from core.votes.images import generation_tokens
from core.web.stored import stored_picture
from tests.support.desk import TestDesk, wait_for
from tests.support.grids import Drawn, drawn_grid
from tests.support.servers.routes import get
from tests.support.versioned_store import VersionedStore, versioned_server


@pytest.fixture
def drawn(desk: TestDesk) -> Iterator[Drawn]:
    install(desk.services)
    yield drawn_grid(desk.services, desk.admin, labels=["v1"], selfies=2, checked=False)
    install(None)


@dataclasses.dataclass
class Person:
    """Somebody with a selfie and an avatar."""

    id: int
    customer_id: int
    generation_id: int
    selfie_id: int


def person_of(desk: TestDesk, selfie_id: int) -> Person:
    with desk.database.transaction() as session:
        selfie = session.get_one(StoredSelfie, selfie_id)
        note_consent(session, actor=desk.admin, customer_id=selfie.customer_id, note="by mail")
        found = session.scalars(select(TestPerson).where(TestPerson.customer_id == selfie.customer_id)).one()
        drawn = session.scalars(select(Generation.id).where(Generation.selfie_id == selfie_id)).one()
        return Person(found.id, selfie.customer_id, drawn, selfie_id)


def erase(services: Services, desk: TestDesk, person: Person) -> int:
    return delete_person(
        services.database, services.objects, actor=desk.admin, person_id=person.id, reason="asked"
    )


def number_of(desk: TestDesk) -> int:
    with desk.database.transaction() as session:
        return erasure_number(session)


def test_no_list_gives_a_picture_of_an_erased_customer(desk: TestDesk, drawn: Drawn) -> None:
    gone, other = (person_of(desk, each) for each in drawn.selfies)
    erase(desk.services, desk, gone)
    with desk.database.transaction() as session:
        rows = {row.id: row for row in page_of_generations(session, Filter()).rows}
        assert (rows[gone.generation_id].thumbnail_key, rows[gone.generation_id].selfie_thumbnail_key) == (
            None,
            None,
        )
        assert rows[other.generation_id].thumbnail_key is not None
        latest = overview(session, desk.services.settings, zone=ZoneInfo("UTC")).latest
        assert {row.id: row.thumbnail_key is None for row in latest} == {
            gone.generation_id: True,
            other.generation_id: False,
        }
        for found in (
            generation_detail(session, gone.generation_id),
            progress(session, gone.generation_id, heartbeat_seconds=1),
        ):
            assert found.avatar is not None
            assert (found.selfie.shown, found.avatar.shown) == (None, None)
        cells = grid(session, drawn.experiment_id)
        assert [each.picture is None for each in cells.selfies] == [True, False]
        assert [(each.picture is None, each.thumbnail_key is None) for each in cells.cells] == [
            (True, True),
            (False, False),
        ]
        assert cells.cells[0].failure_sentence == "The person was deleted here; their pictures are gone."
        assert not earlier_selfies(session, customer_id=gone.customer_id)
        assert earlier_selfies(session, customer_id=other.customer_id)


def test_every_address_ends_also_for_a_browser_that_has_the_picture(desk: TestDesk, drawn: Drawn) -> None:
    person, other = (person_of(desk, each) for each in drawn.selfies)
    with desk.database.transaction() as session:
        blind = generation_tokens(session, [person.generation_id, other.generation_id])

    def addresses(of: Person) -> list[str]:
        signed = [
            address(desk.services.settings, picture, number, size)
            for picture, number in ((Picture.AVATAR, of.generation_id), (Picture.SELFIE, of.selfie_id))
            for size in Size
        ]
        return [*signed, f"/blind/{blind[of.generation_id]}"]

    for each in addresses(person):
        first = get(each)
        assert (first.status_code, first.headers["cache-control"]) == (200, "private, no-cache")
        again = get(each, {"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    erase(desk.services, desk, person)
    for each in addresses(person):
        assert [get(each).status_code, get(each, {"If-None-Match": '"1"'}).status_code] == [404, 404]
    assert {get(each).status_code for each in addresses(other)} == {200}


def test_an_avatar_can_be_had_as_a_file(desk: TestDesk, drawn: Drawn) -> None:
    person = person_of(desk, drawn.selfies[0])
    signed = address(desk.services.settings, Picture.AVATAR, person.generation_id, Size.WHOLE)
    name = f'attachment; filename="avatar-{person.generation_id}.png"'
    assert get(f"{signed}?download=1").headers["content-disposition"] == name
    assert "content-disposition" not in get(signed).headers


@pytest.mark.parametrize("kind", [Kind.SHEET, Kind.BUNDLE])
def test_a_prepared_file_with_pictures_is_not_given_any_more(
    desk: TestDesk, drawn: Drawn, kind: Kind
) -> None:
    ready = prepare(desk.services, actor=desk.admin, wish=Wish(drawn.experiment_id, kind))
    table = prepare(desk.services, actor=desk.admin, wish=Wish(drawn.experiment_id, Kind.TABLE))
    assert get(ready.address).status_code == 200
    erase(desk.services, desk, person_of(desk, drawn.selfies[0]))
    assert [get(each.address).status_code for each in (ready, table)] == [410, 200]
    assert shelf.peek(ready.token) is None


def test_the_number_is_raised_when_somebody_is_erased_and_when_the_last_object_is_gone(
    desk: TestDesk, drawn: Drawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = person_of(desk, drawn.selfies[0])
    before = number_of(desk)
    seen: list[int] = []
    delete = desk.services.objects.delete

    def watched(*places: str) -> int:
        seen.append(number_of(desk))
        return delete(*places)

    monkeypatch.setattr(desk.services.objects, "delete", watched)
    erase(desk.services, desk, person)
    assert (seen, number_of(desk)) == ([before + 1], before + 2)
    # Whatever else is done to a customer empties no cache.
    with desk.database.transaction() as session:
        session.get_one(Customer, desk.customer_id).name = "Another name"
    assert number_of(desk) == before + 2


def test_what_no_row_names_goes_as_well(desk: TestDesk, drawn: Drawn) -> None:
    person = person_of(desk, drawn.selfies[0])
    left = [keys.avatar(person.generation_id, "lost", "png"), keys.selfie(person.customer_id, "lost", "jpg")]
    for key in left:
        desk.services.objects.put(key, b"face", "image/png")
    assert erase(desk.services, desk, person) == 6
    assert not list(desk.services.objects.keys(keys.avatars_of(person.generation_id)))
    assert not list(desk.services.objects.keys(keys.selfies_of(person.customer_id)))


def test_a_deletion_that_the_store_holds_up_stays_open_and_is_finished_by_a_worker(
    desk: TestDesk,
) -> None:
    with versioned_server() as endpoint:
        store = VersionedStore(endpoint)
        services = dataclasses.replace(desk.services, objects=store.objects)
        drawn = drawn_grid(services, desk.admin, labels=["v1"], selfies=2, checked=False)
        held, free = (person_of(desk, each) for each in drawn.selfies)
        with desk.database.transaction() as session:
            avatar = session.get_one(Avatar, held.generation_id)
        [number] = store.numbers(avatar.object_key)
        store.hold(avatar.object_key, number)

        def deleted_at(person: Person) -> object:
            with desk.database.transaction() as session:
                return session.get_one(TestPerson, person.id).deleted_at

        with pytest.raises(StillKept, match=r"keeps 1 version .* legal hold"):
            erase(services, desk, held)
        # All else of them is gone, and nothing says that this one is.
        assert store.versions(keys.selfies_of(held.customer_id)) == []
        assert [marker for _, marker in store.versions(keys.avatars_of(held.generation_id))] == [False, True]
        assert deleted_at(held) is None
        with desk.database.transaction() as session:
            # As it is when a process is killed between its two steps.
            session.get_one(Customer, free.customer_id).erased_at = held_at = session.scalar(
                text("SELECT now()")
            )
            assert held_at is not None
        with pytest.raises(StillKept, match="1 deletion cannot be finished yet"):
            finish_deletions(desk.database, store.objects)
        assert (deleted_at(free) is None, deleted_at(held) is None) == (False, True)
        store.lift(avatar.object_key, number)
        assert finish_deletions(desk.database, store.objects) == 1
        assert deleted_at(held) is not None
        assert store.versions(keys.avatars_of(held.generation_id)) == []
        assert finish_deletions(desk.database, store.objects) == 0
        store.objects.close()


def test_a_store_that_is_away_leaves_the_deletion_open(
    desk: TestDesk, drawn: Drawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = person_of(desk, drawn.selfies[0])

    def away(*_places: str) -> int:
        raise ServiceUnavailable("away")

    with monkeypatch.context() as patched:
        patched.setattr(desk.services.objects, "delete", away)
        with pytest.raises(ServiceUnavailable):
            erase(desk.services, desk, person)
    avatar = address(desk.services.settings, Picture.AVATAR, person.generation_id, Size.WHOLE)
    assert get(avatar).status_code == 404
    assert finish_deletions(desk.database, desk.services.objects) == 1
    assert not list(desk.services.objects.keys(keys.avatars_of(person.generation_id)))


def test_no_selfie_is_kept_of_somebody_erased(desk: TestDesk, drawn: Drawn) -> None:
    person = person_of(desk, drawn.selfies[0])
    erase(desk.services, desk, person)
    selfie = take_in(samples()[0][1](), "portrait.png")
    with pytest.raises(NotFound, match="was deleted"), desk.database.transaction() as session:
        keep_selfie(
            session, desk.services.objects, actor=desk.admin, customer_id=person.customer_id, selfie=selfie
        )
    assert not list(desk.services.objects.keys(keys.selfies_of(person.customer_id)))


def test_nothing_is_asked_for_while_its_customer_is_being_erased(desk: TestDesk) -> None:
    problems: list[Exception] = []

    def ask() -> None:
        try:
            desk.ask()
        except NotFound as exc:
            problems.append(exc)

    with desk.database.transaction() as session:
        customer = session.get_one(Customer, desk.customer_id, with_for_update=True)
        customer.erased_at = session.scalar(text("SELECT now()"))
        session.flush()
        asking = threading.Thread(target=ask)
        asking.start()
        wait_for(waiting_for_a_lock(desk))
    asking.join()
    assert [str(each) for each in problems] == ["The customer's data was erased, and the selfie with it."]


def waiting_for_a_lock(desk: TestDesk) -> Callable[[], bool]:
    def look() -> bool:
        with desk.database.transaction() as session:
            query = "SELECT exists (SELECT FROM pg_locks WHERE NOT granted)"
            return bool(session.scalar(text(query)))

    return look


def test_a_picture_is_read_from_the_store_once_and_anew_after_any_erasure(
    desk: TestDesk, drawn: Drawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, other = (person_of(desk, each) for each in drawn.selfies)
    read: list[str] = []
    fetch = desk.services.objects.get

    def watched(key: str) -> bytes:
        read.append(key)
        return fetch(key)

    monkeypatch.setattr(desk.services.objects, "get", watched)
    with desk.database.transaction() as session:
        detail = generation_detail(session, other.generation_id)
    assert detail.avatar is not None
    assert detail.avatar.shown is not None
    for size in Size:
        stored_picture(desk.services, detail.avatar.shown, size)
        stored_picture(desk.services, detail.avatar.shown, size)
    assert len(read) == 2
    erase(desk.services, desk, gone)
    for size in Size:
        stored_picture(desk.services, detail.avatar.shown, size)
    assert len(read) == 4
