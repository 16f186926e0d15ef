"""Figures of an experiment: every purchase is counted once, and all sums are those of the purchases."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from core.access.permissions import Actor
from core.experiments.figures import Ends, Figures, Line, figures
from core.experiments.money import money_of
from core.experiments.runs import start, stop_now
from core.experiments.variants import Variant
from core.foundation.errors import NotFound
from tests.support.desk import TestDesk, wait_for, working
from tests.support.experiments import LOTS, Lab


@pytest.fixture
def lab(desk: TestDesk) -> Lab:
    return Lab(desk, people=2)


def seen(lab: Lab, number: int) -> Figures:
    with lab.database.transaction() as session:
        return figures(session, number)


def spent(lab: Lab, number: int) -> Decimal:
    with lab.database.transaction() as session:
        return money_of(session, [number])[number].spent


def total(lines: list[Line]) -> Decimal:
    return sum((each.spent for each in lines), Decimal(0))


def again(lab: Lab, actor: Actor, number: int, **given: object) -> None:
    with lab.database.transaction() as session:
        settings = lab.services.settings
        start(session, settings, actor=actor, experiment_id=number, most_usd=LOTS, **given)  # type: ignore[arg-type]


def test_sums_are_those_of_the_purchases_whatever_became_of_the_cells(lab: Lab) -> None:
    ink, paint = lab.versions("A hero in ink", "A hero in paint")
    number = lab.started([Variant(version_id=ink), Variant(version_id=paint)])
    lab.feed()
    with lab.database.transaction() as session:
        # One is refused, one fails after the provider drew it and wants its money, two arrive.
        session.execute(
            text("""
            INSERT INTO render_attempt (generation_id, number, client_ref, status, remote_id, worker,
                remote_status, cost_usd, accepted_at, submitted_at, started_at, completed_at, detected_at)
            SELECT id, 1, gen_random_uuid(), CASE WHEN id = 1 THEN 'failed' ELSE 'succeeded' END, 'r' || id,
                'w', CASE WHEN id = 1 THEN 'failed' ELSE 'succeeded' END,
                CASE WHEN id = 1 THEN NULL ELSE 0.05 + id * 0.001 END, created_at,
                created_at + interval '2 s',
                created_at + interval '3 s', created_at + interval '3 s' + id * interval '10 s',
                created_at + interval '60 s'
            FROM generation WHERE finished_at IS NULL
            """)
        )
        session.execute(
            text("""
            UPDATE generation SET state = CASE WHEN id <= 2 THEN 'failed' ELSE 'succeeded' END,
                failure_class = CASE id WHEN 1 THEN 'content_policy' WHEN 2 THEN 'timeout' END,
                failure_message = CASE WHEN id <= 2 THEN 'It failed.' END,
                finished_at = created_at + interval '61 s'
            """)
        )
    lab.feed()
    again(lab, lab.desk.staff("tuner"), number, retry=True)
    lab.feed()
    with lab.database.transaction() as session:
        stop_now(session, actor=lab.desk.admin, experiment_id=number)
    lab.feed()
    again(lab, lab.desk.staff("tuner"), number)
    lab.feed()
    lab.pay_open()
    lab.feed()

    found = seen(lab, number)
    ledger = spent(lab, number)
    assert ledger > Decimal("0.15")
    assert found.total.ends == Ends(succeeded=4, refused=1, failed=1, canceled=2)
    assert found.total.spent == ledger
    assert total(list(found.columns)) == total(list(found.people)) == ledger
    assert sum((run.line.spent for run in found.runs), Decimal(0)) == ledger
    assert [run.line.ends.asked for run in found.runs] == [4, 2, 2]
    assert [each.name for each in found.people] == ["Ada (admin)", "Tom (prompt tuner)"]
    assert [each.ends.asked for each in found.columns] == [4, 4]
    assert found.total.per_image == ledger / 4
    assert found.total.queue.median is not None


def test_times_are_those_that_the_provider_told(lab: Lab) -> None:
    [version] = lab.versions("A hero")
    number = lab.started([Variant(version_id=version)], repeats=2)
    with working(lab.desk):
        wait_for(lambda: lab.over(number))
    with lab.database.transaction() as session:
        session.execute(
            text("""
            UPDATE render_attempt t SET submitted_at = g.created_at + g.id * interval '1 s',
                predict_seconds = g.id * 10
            FROM generation g WHERE g.id = t.generation_id
            """)
        )
    [column] = seen(lab, number).columns
    # Four images: 10, 20, 30 and 40 seconds.
    assert column.render.count == 4
    assert (column.render.median, column.render.late) == (timedelta(seconds=25), timedelta(seconds=38.5))
    assert (column.queue.median, column.queue.late) == (timedelta(seconds=2.5), timedelta(seconds=3.85))


def test_the_forecast_stands_beside_what_came_of_it(lab: Lab) -> None:
    [version] = lab.versions("A hero")
    number = lab.started([Variant(version_id=version)])
    lab.feed()
    [run] = seen(lab, number).runs
    assert (run.forecast_images, run.forecast_usd, run.took) == (2, Decimal("0.1060"), None)
    assert run.line.in_flight == Decimal("0.1060")
    lab.pay_open()
    lab.feed()
    [run] = seen(lab, number).runs
    assert run.line.spent == spent(lab, number)
    assert run.took is not None


def test_shared_images_cost_the_second_one_nothing(lab: Lab) -> None:
    [version] = lab.versions("A hero")
    first = lab.started([Variant(version_id=version)])
    lab.feed()
    lab.pay_open()
    second = lab.started([Variant(version_id=version)])
    lab.feed()
    found = seen(lab, second)
    assert (found.shared, found.total.ends.asked, found.total.spent) == (2, 0, Decimal(0))
    assert seen(lab, first).shared == 0


def test_an_experiment_that_is_none_is_told(lab: Lab) -> None:
    with pytest.raises(NotFound):
        seen(lab, 999)
