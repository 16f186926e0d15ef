"""Prepared files: found by their token alone, for their time, and never too many."""

from collections.abc import Iterator
from contextlib import closing
from typing import BinaryIO

import pytest

from core.exports import shelf as module
from core.exports.shelf import LIFETIME_SECONDS, MOST, Prepared, Shelf
from core.foundation.errors import NotFound


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shelf(clock: Clock) -> Iterator[Shelf]:
    with closing(Shelf(clock)) as made:
        yield made


def put(shelf: Shelf, content: bytes = b"content") -> Prepared:
    def write(file: BinaryIO) -> None:
        file.write(content)

    return shelf.put(write, name="a.zip", media_type="application/zip", staff_id=1)


def test_a_file_is_there_for_its_time_and_not_longer(clock: Clock, shelf: Shelf) -> None:
    made = put(shelf)
    assert (made.size, b"".join(shelf.get(made.token).chunks())) == (7, b"content")
    assert made.address == f"/share/{made.token}/a.zip"
    reading = made.chunks()
    clock.now += LIFETIME_SECONDS
    with pytest.raises(NotFound, match="Prepare it again"):
        shelf.get(made.token)
    assert made.file.closed
    # Who has begun to read it reads on.
    assert b"".join(reading) == b"content"


def test_the_oldest_go_first_by_number_and_by_bytes(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [put(shelf) for _ in range(MOST + 1)]
    assert [shelf.peek(each.token) is None for each in made] == [True, *([False] * MOST)]
    monkeypatch.setattr(module, "MOST_BYTES", 20)
    last = put(shelf, b"0123456789")
    assert [each for each in made if shelf.peek(each.token)] == [made[-1]]
    assert shelf.get(last.token) is last


def test_tokens_cannot_be_guessed_and_a_failed_file_is_not_kept(shelf: Shelf) -> None:
    assert len({put(shelf).token for _ in range(MOST)}) == MOST
    assert len(put(shelf).token) == 32

    def fail(file: BinaryIO) -> None:
        file.write(b"half")
        raise NotFound("gone")

    with pytest.raises(NotFound, match="gone"):
        shelf.put(fail, name="a", media_type="b", staff_id=1)


def test_one_with_pictures_goes_when_somebody_is_erased(shelf: Shelf) -> None:
    def empty(_file: BinaryIO) -> None: ...

    def made(name: str, erasures: int | None) -> Prepared:
        return shelf.put(empty, name=name, media_type="", staff_id=1, erasures=erasures)

    table, former, newer = made("a.csv", None), made("a.zip", 1), made("b.zip", 2)
    shelf.forget(2)
    assert [shelf.peek(each.token) for each in (table, former, newer)] == [table, None, newer]
