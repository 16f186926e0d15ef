"""The pool of threads: two who fill it at once never claim the same free threads."""

import threading
from collections.abc import Iterator

import pytest

from jobs.pool import Pool

THREADS = 4


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool("test", THREADS)
    yield pool
    pool.drain(10)


def test_two_ticks_at_once_never_claim_more_than_is_free(pool: Pool) -> None:
    asked: list[int] = []
    both, finish, nobody = threading.Barrier(2), threading.Event(), threading.Event()

    def claim(free: int) -> range:
        asked.append(free)
        # The other one comes while this claim is under way.
        nobody.wait(0.2)
        return range(free)

    def tick() -> None:
        both.wait(10)
        pool.fill(claim, lambda _: _wait(finish))

    ticks = [threading.Thread(target=tick) for _ in range(2)]
    for each in ticks:
        each.start()
    for each in ticks:
        each.join(10)
    # The second one found no thread free, and claimed nothing.
    assert asked == [THREADS]
    finish.set()


def test_threads_are_free_again_after_work_that_failed(pool: Pool) -> None:
    done = threading.Event()
    pool.fill(range, _fails)
    while not done.is_set():
        pool.fill(lambda free: range(free == THREADS), lambda _: done.set())


def test_drain_says_when_work_takes_too_long(pool: Pool) -> None:
    finish = threading.Event()
    late = Pool("late", 1)
    late.fill(range, lambda _: _wait(finish))
    assert not late.drain(0.05)
    finish.set()


def _fails(_: int) -> None:
    raise RuntimeError("no")


def _wait(event: threading.Event) -> None:
    assert event.wait(10)
