"""Buying turn by turn: the caps, who goes first, what is shared, and what is killed in between."""

import dataclasses
import threading
from collections import Counter
from decimal import Decimal

import pytest
from sqlalchemy import func, select, text, update

from core.access.staff import actor_by_id
from core.experiments.feed import take_turn
from core.experiments.money import money_of, money_today
from core.experiments.plan import forecast_wish
from core.experiments.runs import start, stop_after_these, stop_now
from core.experiments.variants import Variant
from core.foundation.errors import Conflict, InvalidInput, NotAllowed, ServiceUnavailable
from core.generation.leases import claim_queued
from core.generation.request import retry_generation
from core.tables.access import Staff
from core.tables.customers import Customer
from core.tables.experiments import ExperimentPurchase, OwnedImage
from core.tables.generation import Generation
from core.tables.images import StoredSelfie
from tests.support.desk import TestDesk
from tests.support.experiments import Lab
from tests.support.factories import make_staff

# One image of gpt-image-1 at low quality and high fidelity: OpenAI's $0.052 and Replicate's $0.001.
EACH = Decimal("0.053")


@pytest.fixture
def lab(desk: TestDesk) -> Lab:
    return Lab(desk.with_settings(experiment_in_flight=4), people=3)


def one(lab: Lab, template: str = "A hero", **given: object) -> Variant:
    return Variant(version_id=lab.versions(template)[0], **given)  # type: ignore[arg-type]


def bought(lab: Lab) -> int:
    with lab.database.transaction() as session:
        return session.scalar(select(func.count()).select_from(ExperimentPurchase)) or 0


def test_no_more_are_in_flight_than_set_and_customers_are_served_first(lab: Lab) -> None:
    experiment = lab.started([one(lab)], repeats=4)
    assert [lab.feed(), lab.feed(), bought(lab)] == [4, 0, 4]
    avatar = lab.desk.ask()
    with lab.database.transaction() as session:
        [claim] = claim_queued(session, worker="w", lease_seconds=9, grace_seconds=9, limit=1)
    assert claim.generation_id == avatar
    with lab.database.transaction() as session:
        generation = session.scalars(select(Generation).where(Generation.purpose == "experiment")).first()
        assert generation is not None
        assert (generation.credits, generation.priority) == (0, -10)
    lab.pay_open()
    assert lab.feed() == 4
    # Customers' wishes that fill what the provider may draw leave no room.
    lab.services = lab.desk.with_settings(experiment_in_flight=4, max_in_flight=5).services
    lab.pay_open()
    for _ in range(5):
        lab.desk.ask()
    assert lab.feed() == 0
    assert lab.experiment(experiment).state == "running"


def test_the_cap_stops_it_with_what_is_spent_and_in_flight_under_two_workers(lab: Lab) -> None:
    experiment = lab.started([one(lab)], repeats=4, budget_usd=EACH * 5)
    while not lab.over(experiment):
        at_once(lab.feed, 2)
        with lab.database.transaction() as session:
            assert money_of(session, [experiment])[experiment].committed <= EACH * 5
        lab.pay_open()
    assert bought(lab) == 5
    stopped = lab.experiment(experiment)
    assert stopped.state == "stopped"
    assert "The cap of $0.265 is reached: $0.265 are spent, and the next image costs $0.053" in (
        stopped.stop_reason or ""
    )
    # With a higher cap it goes on from there.
    assert lab.forecast(experiment).new == 7
    lab.start(experiment, budget_usd=EACH * 12)
    while not lab.over(experiment):
        lab.feed()
        lab.pay_open()
    assert lab.experiment(experiment).state == "done"
    assert bought(lab) == 12


def test_what_fails_for_nothing_leaves_its_money_to_the_others(lab: Lab) -> None:
    experiment = lab.started([one(lab)], budget_usd=EACH * 2)
    assert lab.feed() == 2
    lab.end_open("failed")
    assert lab.feed() == 1
    lab.pay_open()
    lab.feed()
    assert lab.experiment(experiment).state == "done"
    assert Counter(lab.states(experiment)) == {"failed": 2, "succeeded": 1}


def test_the_days_cap_holds_over_all_experiments(lab: Lab) -> None:
    lab.services = lab.desk.with_settings(experiment_in_flight=4, experiment_day_cap_usd=EACH * 4).services
    first, second = lab.started([one(lab, "One")]), lab.started([one(lab, "Two")])
    while not lab.over(first, second):
        at_once(lab.feed, 2)
        with lab.database.transaction() as session:
            assert money_today(session).committed <= EACH * 4
        lab.pay_open()
    assert bought(lab) == 4
    assert lab.experiment(first).state == "done"
    assert "The day's cap of $0.212 over all experiments" in (lab.experiment(second).stop_reason or "")
    # Yesterday's purchases do not count today.
    with lab.database.transaction() as session:
        session.execute(update(ExperimentPurchase).values(bought_at=func.now() - text("interval '2 days'")))
    assert lab.forecast(second).day_left == EACH * 4


def test_a_turn_that_is_killed_before_its_commit_is_taken_again_whole(lab: Lab) -> None:
    experiment = lab.started([one(lab)], repeats=2)
    with pytest.raises(ServiceUnavailable):
        die_in_a_turn(lab)
    assert bought(lab) == 0
    draw_all(lab, experiment)
    assert bought(lab) == 6
    assert Counter(lab.states(experiment)) == {"succeeded": 6}


def test_from_one_sample_to_three_two_more_of_each_are_bought_and_none_is_ever_removed(lab: Lab) -> None:
    experiment = lab.started([one(lab)])
    draw_all(lab, experiment)
    assert bought(lab) == 3
    assert (lab.forecast(experiment, repeats=3).new, lab.forecast(experiment, repeats=3).owned) == (6, 0)
    lab.start(experiment, repeats=3)
    draw_all(lab, experiment)
    assert bought(lab) == 9
    with pytest.raises(InvalidInput, match="It has 3 samples a cell already; samples are never removed"):
        lab.start(experiment, repeats=2)
    assert Counter(lab.states(experiment)) == {"succeeded": 9}


def draw_all(lab: Lab, experiment: int) -> None:
    while not lab.over(experiment):
        lab.feed()
        lab.pay_open()


def test_two_selfies_never_share_and_the_same_selfie_does(lab: Lab) -> None:
    first = lab.started([one(lab)], selfie_ids=lab.selfies[:1])
    lab.feed()
    lab.pay_open()
    other = lab.created(
        [Variant(template="A hero", model="openai/gpt-image-1", overrides={"quality": "low"})]
    )
    assert (lab.forecast(other).owned, lab.forecast(other).new) == (1, 2)
    lab.start(other)
    lab.feed()
    lab.pay_open()
    lab.feed()
    with lab.database.transaction() as session:
        rows = session.execute(
            text(
                "SELECT c.selfie_id, g.selfie_id, c.generation_id FROM experiment_cell c"
                " JOIN generation g ON g.id = c.generation_id ORDER BY c.id"
            )
        ).all()
    assert [cell for cell, _, _ in rows] == [generation for _, generation, _ in rows]
    assert rows[0][2] == rows[1][2]
    assert len({generation for _, _, generation in rows}) == 3
    assert lab.over(first, other)


def test_one_photograph_of_two_people_is_bought_once_in_one_turn(lab: Lab) -> None:
    with lab.database.transaction() as session:
        same = session.get_one(StoredSelfie, lab.selfies[0]).sha256
        session.get_one(StoredSelfie, lab.selfies[1]).sha256 = same
    experiment = lab.started([one(lab)])
    assert [lab.feed(), bought(lab)] == [2, 2]
    lab.pay_open()
    lab.feed()
    assert lab.states(experiment) == ["succeeded"] * 3
    assert lab.experiment(experiment).state == "done"


def test_a_second_purchase_of_the_same_image_is_its_second_generation(lab: Lab) -> None:
    experiment = lab.started([one(lab)], selfie_ids=lab.selfies[:1])
    lab.feed()
    lab.end_open("failed")
    lab.feed()
    lab.start(experiment, retry=True)
    assert lab.feed() == 1
    with lab.database.transaction() as session:
        keys = session.scalars(select(Generation.request_key).order_by(Generation.id)).all()
        assert [key.rpartition(":")[2] for key in keys] == ["1", "2"]
        assert session.scalars(select(OwnedImage.buys)).all() == [2]


def test_stopping_leaves_what_another_running_experiment_waits_for(lab: Lab) -> None:
    variant = one(lab)
    first, second = lab.started([variant]), lab.started([variant], selfie_ids=lab.selfies[:1])
    lab.feed()
    with lab.database.transaction() as session:
        stop_now(session, actor=lab.desk.admin, experiment_id=first)
    assert Counter(lab.states(first)) == {"queued": 1, "canceled": 2}
    lab.pay_open()
    lab.feed()
    assert lab.experiment(first).state == "stopped"
    assert lab.states(second) == ["succeeded"]
    lab.start(first)
    assert lab.feed() == 2


def test_stop_after_these_waits_for_the_provider_and_sends_nothing_more(lab: Lab) -> None:
    experiment = lab.started([one(lab)], repeats=4)
    lab.feed()
    with lab.database.transaction() as session:
        claim_queued(session, worker="w", lease_seconds=9, grace_seconds=9, limit=3)
    with lab.database.transaction() as session:
        stop_after_these(session, actor=lab.desk.admin, experiment_id=experiment)
    assert Counter(lab.states(experiment)) == {"submitting": 3, "canceled": 1, "": 8}
    assert (lab.feed(), lab.experiment(experiment).state) == (0, "stopping")
    with pytest.raises(Conflict, match="being stopped"):
        lab.start(experiment)
    lab.pay_open()
    lab.feed()
    assert lab.experiment(experiment).stop_reason == "Stopped after what was in flight by Ada (admin)."
    assert lab.experiment(experiment).state == "stopped"
    assert lab.forecast(experiment).new == 9


def test_a_person_who_takes_the_consent_back_is_skipped_with_the_reason(lab: Lab) -> None:
    experiment = lab.started([one(lab)])
    with lab.database.transaction() as session:
        of_first = update(Customer).where(Customer.name == "Person 0")
        session.execute(of_first.values(test_consent_at=None, test_consent_by=None))
    assert lab.feed() == 2
    lab.pay_open()
    lab.feed()
    assert lab.experiment(experiment).state == "done"
    with lab.database.transaction() as session:
        assert session.scalars(text("SELECT problem FROM experiment_cell ORDER BY id")).first() == (
            "Person 0 has not agreed to tests with their selfies."
        )


def test_who_loses_the_permission_stops_it_and_others_may_not_start_it(lab: Lab) -> None:
    with lab.database.transaction() as session:
        tuner = actor_by_id(session, make_staff(session, name="Tom", roles=["tuner"]).id)
        viewer = actor_by_id(session, make_staff(session, name="Vic", roles=["viewer"]).id)
    experiment = lab.created([one(lab)], repeats=2)
    for actor, allowed in ((viewer, False), (tuner, True)):
        try:
            with lab.database.transaction() as session:
                start(
                    session, lab.services.settings, actor=actor, experiment_id=experiment, most_usd=EACH * 6
                )
        except NotAllowed:
            assert not allowed
        else:
            assert allowed
    assert lab.feed() == 4
    with lab.database.transaction() as session:
        session.get_one(Staff, tuner.id).roles = ["viewer"]
    lab.pay_open()
    assert lab.feed() == 0
    assert (lab.experiment(experiment).stop_reason or "").startswith("Tom may not start or stop experiments.")


def test_a_start_that_became_dearer_than_confirmed_starts_nothing(lab: Lab) -> None:
    experiment = lab.created([one(lab)])
    with pytest.raises(Conflict, match=r"It would cost \$0.159 by now; \$0.106 were confirmed"):
        lab.start(experiment, most_usd=EACH * 2)
    assert lab.experiment(experiment).state == "draft"
    assert lab.feed() == 0


def test_a_missing_variable_is_named_and_blocks_the_start(lab: Lab) -> None:
    variant = Variant(template="A hero with {{ weapon }}", model="openai/gpt-image-1")
    with pytest.raises(InvalidInput, match="weapon"):
        lab.created([variant])
    lab.created([Variant(template=variant.template, model=variant.model, values={"weapon": "a pen"})])


def test_equal_variants_are_refused_and_unpublished_prices_are_counted_at_their_most(lab: Lab) -> None:
    with pytest.raises(InvalidInput, match="are the same"):
        lab.created([one(lab), one(lab)])
    experiment = lab.created(
        [Variant(template="A hero", model="openai/gpt-image-1", overrides={"quality": "auto"})]
    )
    found = lab.forecast(experiment)
    assert (found.usd, found.unpublished) == (3 * Decimal("0.209"), 3)


@pytest.mark.parametrize(
    ("own_key", "quality", "usd"),
    [(False, "low", "0.012"), (False, "auto", "0.128"), (True, "low", "0.012"), (True, "high", "0.212")],
)
def test_a_living_model_is_counted_with_replicates_price_or_what_a_key_of_our_own_may_cost(
    lab: Lab, own_key: bool, quality: str, usd: str
) -> None:
    column = Variant(template="A hero", model="openai/gpt-image-2", overrides={"quality": quality})
    with lab.database.transaction() as session:
        wish = dataclasses.replace(lab.wish([column]), own_key=own_key)
        found = forecast_wish(session, lab.services.settings, wish)
    assert (found.usd, found.unpublished) == (3 * Decimal(usd), 3 * own_key)


def test_an_experiments_failure_is_not_retried_outside_its_caps(lab: Lab) -> None:
    lab.started([one(lab)])
    lab.feed()
    lab.end_open("failed")
    with lab.database.transaction() as session:
        [first, *_] = session.scalars(select(Generation.id).where(Generation.purpose == "experiment"))
        with pytest.raises(Conflict, match="belongs to an experiment"):
            retry_generation(
                session, lab.services.settings, actor=lab.desk.admin, generation_id=first, request_key="x"
            )


def die_in_a_turn(lab: Lab) -> None:
    with lab.database.transaction() as session:
        assert take_turn(session, lab.services.settings) == 4
        raise ServiceUnavailable("Gone.")


def at_once(work: object, threads: int) -> None:
    assert callable(work)
    running = [threading.Thread(target=work) for _ in range(threads)]
    for each in running:
        each.start()
    for each in running:
        each.join()
