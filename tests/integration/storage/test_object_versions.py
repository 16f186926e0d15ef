"""Deleting in the object store: every version and marker, and never a claim that is not true."""

import re
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from core.foundation.errors import NotFound, StillKept
from core.settings import Settings
from core.startup.object_store import ObjectStoreAddress
from core.storage.objects import ObjectStore
from tests.support.versioned_store import VersionedStore, versioned_server

KEY = "selfies/1/a.jpg"
KIND = "image/jpeg"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with versioned_server() as found:
        yield found


@pytest.fixture
def store(endpoint: str) -> Iterator[VersionedStore]:
    made = VersionedStore(endpoint)
    yield made
    made.objects.close()


@pytest.fixture
def embedded(object_store: ObjectStoreAddress) -> Iterator[ObjectStore]:
    made = ObjectStore.from_settings(
        Settings().model_copy(
            update={
                "s3_endpoint": object_store.endpoint,
                "s3_access_key": object_store.access_key,
                "s3_secret_key": SecretStr(object_store.secret_key),
                "s3_secure": False,
                "s3_bucket": "erasures",
            }
        )
    )
    made.ensure_bucket()
    yield made
    made.close()


def test_every_version_goes_and_every_marker(store: VersionedStore) -> None:
    for content in (b"first", b"second"):
        store.objects.put(KEY, content, KIND)
    # As it was deleted before: a marker over what is still there.
    store.client.remove_object(bucket_name=store.bucket, object_name=KEY)
    store.objects.put(f"{KEY}x", b"somebody else's", KIND)
    assert store.objects.delete(KEY) == 1
    assert store.versions() == [(f"{KEY}x", False)]
    assert store.objects.delete(KEY) == 0


def test_a_folder_goes_whole_with_what_nobody_has_a_row_for(store: VersionedStore) -> None:
    for key in (KEY, "selfies/1/b.jpg", "selfies/12/a.jpg"):
        store.objects.put(key, b"face", KIND)
    store.client.remove_object(bucket_name=store.bucket, object_name="selfies/1/b.jpg")
    assert store.objects.delete("selfies/1/", "selfies/2/") == 2
    assert store.versions() == [("selfies/12/a.jpg", False)]


def test_what_is_locked_or_held_is_named_hidden_and_deleted_once_it_may_be(store: VersionedStore) -> None:
    for content in (b"first", b"second", b"third"):
        store.objects.put(KEY, content, KIND)
    store.objects.put("selfies/1/b.jpg", b"free", KIND)
    newest, middle, _ = store.numbers(KEY)
    store.hold(KEY, newest)
    until = store.lock(KEY, middle)
    for _ in range(2):  # trying again adds nothing
        with pytest.raises(StillKept, match="legal hold") as told:
            store.objects.delete("selfies/1/")
        assert re.search(
            f"keeps 2 versions .* object lock until {until:%-d %B %Y, %H:%M} UTC", str(told.value)
        )
        assert store.versions() == [(KEY, False), (KEY, False), (KEY, True)]
        with pytest.raises(NotFound):
            store.objects.get(KEY)
    store.lift(KEY, newest)
    with pytest.raises(StillKept, match=r"keeps 1 version of .* object lock until"):
        store.objects.delete(KEY)
    assert store.versions() == [(KEY, False), (KEY, True)]


def test_a_store_is_well_although_its_proofs_are_locked(store: VersionedStore) -> None:
    store.objects.prove("health/w.txt")
    assert store.versions("health/") == [("health/w.txt", False), ("health/w.txt", True)]


def test_a_bucket_without_versions_is_emptied_as_before(endpoint: str) -> None:
    store = VersionedStore(endpoint, versioned=False)
    store.objects.put(KEY, b"face", KIND)
    assert (store.objects.delete(KEY), store.versions()) == (1, [])
    store.objects.close()


def test_the_embedded_store_knows_no_versions_and_is_emptied_all_the_same(embedded: ObjectStore) -> None:
    for key in (KEY, f"{KEY}x", "avatars/7/a.png"):
        embedded.put(key, b"first", KIND)
        embedded.put(key, b"second", KIND)
    assert embedded.delete(KEY, "avatars/7/", "avatars/8/") == 2
    assert list(embedded.keys("")) == [f"{KEY}x"]
    assert embedded.delete("selfies/") == 1


def test_a_bucket_that_is_not_there_holds_nothing(store: VersionedStore) -> None:
    store.client.remove_bucket(bucket_name=store.bucket)
    assert store.objects.delete(KEY, "selfies/1/") == 0
