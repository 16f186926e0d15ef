"""A grid over the whole path, real sockets included: what is posted, how many at once, and never twice."""

import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from core.experiments.runs import stop_now
from core.experiments.variants import Variant
from core.generation.submit import claim_to_submit, submit
from core.sandbox.server import RunningSandbox
from core.startup.object_store import ObjectStoreAddress
from tests.support.desk import KEPT, PATIENT, TIME_SCALE, TestDesk, quick_settings, wait_for, working
from tests.support.experiments import Lab
from tests.support.running.lengths import length

TEMPLATES = ("A hero in ink", "A hero in paint", "A hero in pencil")
IN_FLIGHT = 12
PEOPLE = length(short=2, full=6)
# Each of three texts in two qualities, twice for each person.
CELLS = 3 * 2 * 2 * PEOPLE

pytestmark = pytest.mark.prover


@pytest.fixture
def lab(database_url: str, object_store: ObjectStoreAddress) -> Iterator[Lab]:
    with RunningSandbox(time_scale=TIME_SCALE, **KEPT) as sandbox:
        settings = quick_settings(
            database_url, object_store, sandbox, experiment_in_flight=IN_FLIGHT, **PATIENT
        )
        desk = TestDesk.open(settings, sandbox)
        yield Lab(desk, people=PEOPLE)
        desk.close()


def two_qualities(lab: Lab, *templates: str) -> list[Variant]:
    return [
        Variant(version_id=version, overrides={"quality": quality})
        for version in lab.versions(*templates)
        for quality in ("low", "medium")
    ]


def test_a_grid_posts_each_cell_once_shares_it_and_buys_only_what_is_missing(lab: Lab) -> None:
    variants = two_qualities(lab, *TEMPLATES)
    first = lab.created(variants, repeats=2)
    twin = lab.created(variants, repeats=2, name="The same by a colleague")
    assert (lab.forecast(first).new, lab.forecast(first).owned) == (CELLS, 0)
    with Watch(lab) as watch, working(lab.desk):
        both = [threading.Thread(target=lab.start, args=(each,)) for each in (first, twin)]
        for each in both:
            each.start()
        wait_for(lambda: lab.over(first, twin))
        for each in both:
            each.join()
        # Both have all of it, and it was bought once.
        assert lab.posts() == CELLS
        assert Counter(lab.states(first)) == Counter(lab.states(twin)) == {"succeeded": CELLS}
        assert 1 < watch.most <= IN_FLIGHT
        sent = Counter(lab.sent())
        assert set(sent.values()) == {2}
        assert len({selfie for _, _, selfie in sent}) == PEOPLE
        assert {(prompt, quality) for prompt, quality, _ in sent} == {
            (template, quality) for template in TEMPLATES for quality in ("low", "medium")
        }
        assert lab.desk.wallet() == 1000
        # The same again is there at once, and costs nothing.
        again = lab.created(variants, repeats=2, name="The same again")
        assert (lab.forecast(again).new, lab.forecast(again).owned) == (0, CELLS)
        lab.start(again)
        assert lab.experiment(again).state == "done"
        # One sample more each is half of that, and only those.
        lab.start(first, repeats=3)
        wait_for(lambda: lab.over(first))
    assert lab.posts() == CELLS + CELLS // 2
    assert Counter(lab.states(first)) == {"succeeded": CELLS + CELLS // 2}


def test_one_failing_cell_leaves_all_others_done_and_its_retry_posts_one(lab: Lab) -> None:
    variants = two_qualities(lab, *TEMPLATES[1:], "A hero [sandbox:moderation x1]")
    experiment = lab.started(variants, repeats=2)
    with working(lab.desk):
        wait_for(lambda: lab.over(experiment))
        assert lab.experiment(experiment).state == "done"
        assert Counter(lab.states(experiment)) == {"succeeded": CELLS - 1, "failed": 1}
        assert lab.posts() == CELLS
        assert lab.forecast(experiment, retry=True).new == 1
        lab.start(experiment, retry=True)
        wait_for(lambda: lab.over(experiment))
    assert lab.posts() == CELLS + 1
    assert Counter(lab.states(experiment)) == {"succeeded": CELLS}


def test_stop_now_cancels_at_the_provider_and_a_new_start_buys_what_is_missing(lab: Lab) -> None:
    [version] = lab.versions("A hero [sandbox:never_ends]")
    experiment = lab.started([Variant(version_id=version)], repeats=18 // PEOPLE)
    running = lab.desk.sandbox.state
    with working(lab.desk):
        wait_for(lambda: sum(each.status == "processing" for each in running.order) == IN_FLIGHT)
        with lab.database.transaction() as session:
            stop_now(session, actor=lab.desk.admin, experiment_id=experiment)
        wait_for(lambda: all(each.terminal for each in running.order))
        assert {each.status for each in running.order} == {"canceled"}
        wait_for(lambda: lab.over(experiment))
        stopped = lab.experiment(experiment)
        assert (stopped.state, stopped.stop_reason) == ("stopped", "Stopped now by Ada (admin).")
        assert lab.posts() == IN_FLIGHT
    assert lab.forecast(experiment).new == 18


def test_what_was_drawn_before_the_stop_reached_the_provider_is_kept(lab: Lab) -> None:
    [version] = lab.versions("A hero in ink")
    experiment = lab.started([Variant(version_id=version)])
    services = lab.desk.services
    lab.feed()
    [claim] = claim_to_submit(services, worker="w1", free=1)
    submit(services, claim)
    wait_for(lambda: lab.desk.sandbox.state.order[0].status == "succeeded")
    with lab.database.transaction() as session:
        stop_now(session, actor=lab.desk.admin, experiment_id=experiment)
    assert lab.desk.generation(claim.generation_id).state == "canceled"
    with working(lab.desk):
        wait_for(lambda: lab.desk.generation(claim.generation_id).state == "succeeded")
    assert lab.experiment(experiment).state == "stopped"
    assert Counter(lab.states(experiment))["succeeded"] == 1
    assert (lab.forecast(experiment).new, lab.posts()) == (PEOPLE - 1, 1)


class Watch:
    """Looks all the time at how many predictions the provider has under way."""

    def __init__(self, lab: Lab) -> None:
        self._order = lab.desk.sandbox.state.order
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.most = 0

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.002):
            self.most = max(self.most, sum(not each.terminal for each in list(self._order)))
