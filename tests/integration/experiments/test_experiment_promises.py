"""What an experiment promises over real sockets: slow images, kept images, money as forecast, hard caps."""

import contextlib
import hashlib
import io
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select, text

from core.experiments.grids import grid
from core.experiments.money import money_of
from core.experiments.variants import Variant
from core.sandbox.server import RunningSandbox
from core.startup.object_store import ObjectStoreAddress
from core.tables.generation import Avatar
from core.votes.batches import create_batch, next_pairs
from core.votes.images import blind_picture, object_key
from tests.support.desk import TIME_SCALE, TestDesk, quick_settings, wait_for, working
from tests.support.experiments import Lab

pytestmark = pytest.mark.slow

# One image of gpt-image-1 at low quality and high fidelity, in US dollars.
EACH = Decimal("0.053")


@contextmanager
def lab_on(database_url: str, store: ObjectStoreAddress, people: int, **sandbox: Any) -> Iterator[Lab]:
    with RunningSandbox(time_scale=TIME_SCALE, **sandbox) as running:
        # The provider ends a prediction after as many of its own seconds.
        settings = quick_settings(
            database_url,
            store,
            running,
            experiment_in_flight=8,
            attempt_timeout_seconds=300.0,
            generation_deadline_seconds=900.0,
        )
        with contextlib.closing(TestDesk.open(settings, running)) as desk:
            yield Lab(desk, people=people)


def drawn(lab: Lab, *templates: str, **given: object) -> int:
    experiment = lab.started([Variant(version_id=each) for each in lab.versions(*templates)], **given)
    with working(lab.desk):
        wait_for(lambda: lab.over(experiment))
    return experiment


def test_an_image_that_takes_240_seconds_is_not_lost(
    database_url: str, object_store: ObjectStoreAddress
) -> None:
    with lab_on(database_url, object_store, 2, processing=(240.0, 240.0)) as lab:
        experiment = drawn(lab, "A hero")
        assert Counter(lab.states(experiment)) == {"succeeded": 2}
        assert lab.posts() == 2


def test_with_the_providers_files_gone_the_grid_and_the_votes_show_every_image(
    database_url: str, object_store: ObjectStoreAddress
) -> None:
    with lab_on(database_url, object_store, 3) as lab:
        experiment = drawn(lab, "A hero in ink", "A hero in paint")
        assert len(lab.desk.sandbox.state.outputs) == 6
        lab.desk.sandbox.state.outputs.clear()
        objects = lab.services.objects
        with lab.database.transaction() as session:
            cells = grid(session, experiment).cells
            kept = {each.generation_id: each for each in session.scalars(select(Avatar))}
            batch = create_batch(session, actor=lab.desk.admin, experiment_id=experiment)
            pairs = next_pairs(session, actor=lab.desk.admin, batch_id=batch.id, most=10)
            tokens = [token for each in pairs for token in (each.left, each.right, each.selfie)]
            shown = [blind_picture(objects, object_key(session, token)) for token in tokens]
        assert (len(cells), len(pairs)) == (6, 3)
        for cell in cells:
            assert cell.object_key
            assert cell.thumbnail_key
            assert cell.generation_id
            content = objects.get(cell.object_key)
            assert hashlib.sha256(content).hexdigest() == kept[cell.generation_id].sha256
            assert Image.open(io.BytesIO(content)).size == (cell.width, cell.height) == (1024, 1024)
            assert objects.get(cell.thumbnail_key)
        assert all(Image.open(io.BytesIO(each)).size for each in shown)


def test_money_is_as_forecast_and_the_time_as_the_turns_take(
    database_url: str, object_store: ObjectStoreAddress
) -> None:
    with lab_on(database_url, object_store, 4) as lab:
        drawn(lab, "A hero of before")
        variants = [Variant(version_id=each) for each in lab.versions("A hero in ink", "A hero in oil")]
        second = lab.created(variants, repeats=2)
        found = lab.forecast(second)
        lab.start(second)
        with working(lab.desk):
            wait_for(lambda: lab.over(second))
        with lab.database.transaction() as session:
            spent = money_of(session, [second])[second].spent
            paid = session.scalar(
                text(
                    "SELECT sum(t.cost_usd) FROM render_attempt t JOIN experiment_purchase p"
                    " ON p.generation_id = t.generation_id WHERE p.experiment_id = :id"
                ),
                {"id": second},
            )
        assert abs(found.usd - spent) <= spent / 100
        assert paid == spent == 16 * EACH


def test_the_forecast_time_is_that_of_the_turns_that_it_takes(desk: TestDesk) -> None:
    lab = Lab(desk.with_settings(experiment_in_flight=4), people=3)
    # Each image takes ten seconds by the rows that tell of it.
    first = lab.started([Variant(version_id=lab.versions("A hero")[0])])
    lab.feed()
    lab.pay_open()
    lab.feed()
    assert lab.over(first)
    variants = [Variant(version_id=each) for each in lab.versions("In ink", "In oil", "In chalk", "In lead")]
    second = lab.created(variants)
    takes = lab.forecast(second).takes
    lab.start(second)
    turns = 0
    while not lab.over(second):
        turns += bool(lab.feed())
        lab.pay_open()
    assert takes is not None
    assert abs(takes.total_seconds() - turns * 10) <= 0.2 * turns * 10


def test_an_image_that_was_drawn_and_cannot_be_kept_is_paid_once_and_the_cap_holds(
    database_url: str, object_store: ObjectStoreAddress
) -> None:
    with lab_on(database_url, object_store, 3) as lab:
        experiment = drawn(lab, "A hero [sandbox:output_tiny]", budget_usd=EACH * 3)
        assert Counter(lab.states(experiment)) == {"failed": 3}
        assert lab.posts() == 3
        with lab.database.transaction() as session:
            assert money_of(session, [experiment])[experiment].committed == EACH * 3
        # Another try is a purchase, which the cap does not allow any more.
        found = lab.forecast(experiment, retry=True)
        assert (found.new, found.budget_left, found.over_budget) == (3, Decimal(0), True)
