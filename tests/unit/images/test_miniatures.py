"""Miniatures load side by side, once, and never hold a page up."""

import io
import threading
import time

import pytest
from PIL import Image

from core.foundation.errors import NotFound, ServiceUnavailable
from core.images import miniatures
from core.images.miniatures import Miniatures
from core.storage.objects import ObjectStore


class Shelf(ObjectStore):
    """Pictures by key; an exception under a key is raised, `gate` holds every answer back."""

    def __init__(self, **kept: bytes | Exception) -> None:
        self.kept = kept
        self.asked: list[str] = []
        self.gate = threading.Event()
        self.gate.set()

    def get(self, key: str) -> bytes:
        self.asked.append(key)
        self.gate.wait(10)
        found = self.kept[key]
        if isinstance(found, Exception):
            raise found
        return found


def a_picture() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (300, 300), "teal").save(buffer, "PNG")
    return buffer.getvalue()


def test_each_picture_is_loaded_once() -> None:
    shelf = Shelf(a=a_picture(), b=a_picture())
    small = Miniatures(shelf)
    first = small.uris(["a", None, "b"], number=1)
    assert first.keys() == {"a", "b"}
    assert all(uri.startswith("data:image/webp;base64,") for uri in first.values())
    assert small.uris(["a", "b"], number=1) == first
    assert sorted(shelf.asked) == ["a", "b"]


def test_what_is_gone_or_no_picture_is_left_out_and_not_asked_for_again() -> None:
    shelf = Shelf(gone=NotFound("gone"), text=b"no picture")
    small = Miniatures(shelf)
    assert small.uris(["gone", "text"], number=1) == small.uris(["gone", "text"], number=1) == {}
    assert sorted(shelf.asked) == ["gone", "text"]


def test_a_slow_store_delays_the_pictures_and_not_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(miniatures, "PATIENCE_SECONDS", 0.01)
    shelf = Shelf(a=a_picture())
    shelf.gate.clear()
    small = Miniatures(shelf)
    assert small.uris(["a"], number=1) == {}
    shelf.gate.set()
    monkeypatch.setattr(miniatures, "PATIENCE_SECONDS", 10)
    assert small.uris(["a"], number=1).keys() == {"a"}
    assert shelf.asked == ["a"]


def test_a_store_that_does_not_answer_gets_a_rest() -> None:
    shelf = Shelf(a=ServiceUnavailable("down"), b=a_picture())
    small = Miniatures(shelf)
    assert small.uris(["a"], number=1) == {}
    assert small.uris(["b"], number=1) == {}
    assert shelf.asked == ["a"]


def test_the_oldest_are_forgotten_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(miniatures, "MOST", 1)
    shelf = Shelf(a=a_picture(), b=a_picture())
    small = Miniatures(shelf)
    for key in ("a", "b", "a"):
        assert small.uris([key], number=1).keys() == {key}
    assert shelf.asked == ["a", "b", "a"]


def test_all_are_forgotten_when_somebody_was_erased() -> None:
    shelf = Shelf(a=a_picture())
    small = Miniatures(shelf)
    assert small.uris(["a"], number=1).keys() == {"a"}
    shelf.kept["a"] = NotFound("deleted")
    assert small.uris(["a"], number=1).keys() == {"a"}
    assert small.uris(["a"], number=2) == {}


def test_one_that_was_loading_while_somebody_was_erased_is_not_kept() -> None:
    shelf = Shelf(a=a_picture())
    small = Miniatures(shelf)
    shelf.gate.clear()
    asking = threading.Thread(target=small.uris, args=(["a"],), kwargs={"number": 1})
    asking.start()
    while not shelf.asked:
        time.sleep(0.01)
    small.uris([], number=2)
    shelf.gate.set()
    asking.join()
    shelf.kept["a"] = NotFound("deleted")
    assert small.uris(["a"], number=2) == {}
