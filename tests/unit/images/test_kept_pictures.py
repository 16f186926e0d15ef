"""Pictures that a process keeps: of one number of erasures, and none of an older one."""

import pytest

from core.images.kept import KeptPictures


def test_a_picture_is_loaded_once_until_somebody_is_erased() -> None:
    shelf: KeptPictures[str, bytes] = KeptPictures(2)
    loaded: list[int] = []

    def load() -> bytes:
        loaded.append(1)
        return b"face"

    assert [shelf.get("a", load, number=1) for _ in range(2)] == [b"face", b"face"]
    assert len(loaded) == 1
    shelf.turn(2)
    assert shelf.find(["a"], number=2) == {}
    assert shelf.get("a", load, number=2) == b"face"
    assert len(loaded) == 2


def test_what_was_asked_for_before_an_erasure_comes_too_late_to_be_kept() -> None:
    shelf: KeptPictures[str, bytes] = KeptPictures(2)

    def erased_meanwhile() -> bytes:
        shelf.turn(2)
        return b"face"

    assert shelf.get("a", erased_meanwhile, number=1) == b"face"
    assert shelf.find(["a"], number=2) == {}


def test_the_longest_not_asked_for_goes_first() -> None:
    shelf: KeptPictures[str, bytes] = KeptPictures(2)
    for key in ("a", "b"):
        shelf.keep(key, b"", number=0)
    shelf.find(["a"], number=0)
    shelf.keep("c", b"", number=0)
    assert shelf.find(["a", "b", "c"], number=0).keys() == {"a", "c"}


def test_what_cannot_be_loaded_is_not_kept() -> None:
    shelf: KeptPictures[str, bytes] = KeptPictures(2)

    def fails() -> bytes:
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011 - nothing else is raised here
        shelf.get("a", fails, number=0)
    assert shelf.get("a", lambda: b"face", number=0) == b"face"
