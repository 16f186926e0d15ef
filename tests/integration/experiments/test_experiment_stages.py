"""Plans in stages: carried on by votes, once, within caps, with the rights of that moment, and by hand."""

import threading
from collections import Counter
from decimal import Decimal

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from core.access.staff import actor_by_id
from core.experiments.money import money_under_cap
from core.experiments.runs import stop_now
from core.experiments.stages import carry_on, end_plan, forecast_next, next_by_hand
from core.experiments.stages_plan import Staging
from core.experiments.variants import Variant
from core.foundation.errors import Conflict, InvalidInput, NotAllowed, ServiceUnavailable
from core.tables.access import AuditEvent, Staff
from core.tables.experiment_stages import ExperimentStage
from core.tables.experiments import Experiment, ExperimentPurchase, ExperimentVariant
from core.tables.generation import Generation
from core.tables.votes import VotePair
from core.votes.batches import cast, close_batch, create_batch
from tests.support.desk import TestDesk
from tests.support.experiments import LOTS, Lab
from tests.support.factories import make_staff
from tests.support.stages import HIGH, LOW, Stages, drawn, lab, stages

__all__ = ["lab", "stages"]


def bought(lab: Lab) -> int:
    with lab.database.transaction() as session:
        return session.scalar(select(func.count()).select_from(ExperimentPurchase)) or 0


def test_the_votes_start_the_next_stage_with_who_is_worth_more_and_the_last_one_ends_it(
    stages: Stages,
) -> None:
    lab = stages.lab
    assert stages.vote(6) == 6
    assert stages.carry_on() == 0
    assert len(stages.stages()) == 1
    stages.vote()
    assert stages.carry_on() == 1
    assert stages.outcomes(0) == ["survived", "survived", "crowded_out", "crowded_out"]
    # Two are left of two that may go on after medium: it would drop nobody, so it is passed over.
    low, high = stages.stages()
    assert (low.name, high.name) == ("Trial · low", "Trial · high")
    assert (high.state, high.started_by, high.budget_usd) == ("running", lab.desk.admin.id, low.budget_usd)
    with lab.database.transaction() as session:
        rows = session.scalars(
            select(ExperimentVariant).order_by(ExperimentVariant.experiment_id, ExperimentVariant.position)
        ).all()
    assert [row.parameters["quality"] for row in rows] == ["low"] * 4 + ["high"] * 2
    assert [row.prompt for row in rows[4:]] == ["A hero 0", "A hero 1"]
    assert [row.label_text for row in rows[4:]] == [row.label_text for row in rows[:2]]
    stages.draw()
    assert stages.carry_on() == 0
    stages.vote(order=(2, 1))
    assert stages.carry_on() == 0
    ended = stages.plan()
    assert ended.end_reason == (
        f"All votes are in: {rows[1].label_text} is ahead, but not by enough to call it the winner."
    )
    assert stages.outcomes() == ["crowded_out", "survived"]
    assert bought(lab) == 4 * 3 + 2 * 3
    assert stages.spent() == 12 * LOW + 6 * HIGH


def test_three_stages_each_smaller_and_a_clear_winner(desk: TestDesk) -> None:
    lab = Lab(desk.with_settings(experiment_in_flight=500, experiment_day_cap_usd=LOTS), people=8)
    stages = drawn(Stages(lab, versions=7, staging=Staging(keeps=(3, 2, 1))))
    stages.vote()
    assert stages.carry_on() == 1
    stages.draw()
    stages.carry_on()
    stages.vote()
    assert stages.carry_on() == 1
    stages.draw()
    stages.carry_on()
    stages.vote()
    assert stages.carry_on() == 0
    assert [each.name for each in stages.stages()] == ["Trial · low", "Trial · medium", "Trial · high"]
    assert [len(stages.lines(number)) for number in range(3)] == [7, 3, 2]
    assert (stages.plan().end_reason or "").endswith("won against every other version in high quality.")
    assert stages.outcomes() == ["survived", "lost"]


def test_it_is_decided_before_all_have_voted_where_the_others_lost_and_the_voting_ends_with_it(
    desk: TestDesk,
) -> None:
    lab = Lab(desk.with_settings(experiment_in_flight=500, experiment_day_cap_usd=LOTS), people=12)
    stages = drawn(Stages(lab, versions=3, staging=Staging(("low", "high"), (2, 1))))
    votes = 0
    while len(stages.stages()) == 1:
        votes += stages.vote(1)
        stages.carry_on()
    assert 12 < votes < 36
    with pytest.raises(Conflict, match="closed meanwhile"):
        vote_on(stages, 0)


def test_many_workers_at_once_make_one_next_stage(stages: Stages) -> None:
    stages.vote()
    started: list[int] = []
    at_once(lambda: started.append(stages.carry_on()), 6)
    # Whoever did not get the turn comes again.
    started += [stages.carry_on(), stages.carry_on()]
    assert sum(started) == 1
    assert len(stages.stages()) == 2
    assert stages.lab.feed() == 6
    with stages.lab.database.transaction() as session:
        [first, _] = stages.stages()
        twin = {"id": first.id}
        again = text("UPDATE experiment_stage SET number = 2 WHERE experiment_id = :id")
        with pytest.raises(IntegrityError):
            session.execute(again, twin)
        session.rollback()


def test_a_worker_killed_between_leaves_nothing_and_the_next_one_starts_it_whole(stages: Stages) -> None:
    stages.vote()
    with pytest.raises(ServiceUnavailable):
        die_carrying_on(stages)
    assert (len(stages.stages()), stages.outcomes()) == (1, [None] * 4)
    assert stages.vote() == 0
    assert (stages.carry_on(), len(stages.stages())) == (1, 2)


def test_one_cap_holds_over_all_stages_and_a_stage_it_would_cut_short_waits(lab: Lab) -> None:
    stages = drawn(Stages(lab, budget_usd=12 * LOW + 6 * HIGH - Decimal("0.001")))
    stages.vote()
    assert stages.carry_on() == 0
    assert stages.plan().waits_for == (
        "The next stage costs $1.254, and the cap over all stages leaves $1.253. "
        "Raise the cap, go on with fewer versions, or end here."
    )
    assert (len(stages.stages()), bought(lab)) == (1, 12)
    best = [each.variant_id for each in stages.lines()[:2]]
    with lab.database.transaction() as session:
        next_by_hand(
            session,
            lab.services.settings,
            actor=lab.desk.admin,
            plan_id=stages.id,
            seen=1,
            variant_ids=best,
            most_usd=LOTS,
            budget_usd=12 * LOW + 6 * HIGH - HIGH,
        )
    assert {each.budget_usd for each in stages.stages()} == {12 * LOW + 5 * HIGH}
    while not lab.over(stages.stages()[-1].id):
        at_once(lab.feed, 2)
        with lab.database.transaction() as session:
            assert money_under_cap(session, stages.first).committed <= 12 * LOW + 5 * HIGH
        lab.pay_open()
    assert "The cap of $1.681 is reached" in (stages.stages()[-1].stop_reason or "")
    assert bought(lab) == 12 + 5
    # The higher cap counts for the plan, and the stage that was stopped goes on with it.
    lab.start(stages.stages()[-1].id, budget_usd=LOTS)
    assert {each.budget_usd for each in stages.stages()} == {LOTS}
    assert lab.feed() == 1


def test_the_days_cap_makes_it_wait_until_there_is_room(lab: Lab) -> None:
    lab.services = lab.desk.with_settings(
        experiment_in_flight=50, experiment_day_cap_usd=12 * LOW + HIGH
    ).services
    stages = drawn(Stages(lab))
    stages.vote()
    assert stages.carry_on() == 0
    assert "the day's cap over all experiments leaves $0.209" in (stages.plan().waits_for or "")
    with lab.database.transaction() as session:
        session.execute(text("UPDATE experiment_purchase SET bought_at = bought_at - interval '2 days'"))
    assert stages.carry_on() == 0
    lab.services = lab.desk.with_settings(experiment_in_flight=50, experiment_day_cap_usd=6 * HIGH).services
    assert stages.carry_on() == 1
    assert stages.plan().waits_for is None


def test_who_lost_the_rights_meanwhile_starts_nothing_until_they_are_back(lab: Lab) -> None:
    with lab.database.transaction() as session:
        tuner = actor_by_id(session, make_staff(session, name="Tom", roles=["tuner"]).id)
    stages = Stages(lab, actor=tuner)
    lab.start(stages.first)
    with lab.database.transaction() as session:
        session.get_one(Experiment, stages.first).started_by = tuner.id
    stages.draw()
    stages.carry_on()
    stages.vote()
    roles(lab, tuner.id, "viewer")
    assert (stages.carry_on(), len(stages.stages())) == (0, 1)
    assert (stages.plan().waits_for or "").startswith("Tom may not start or stop experiments.")
    roles(lab, tuner.id, "tuner")
    assert (stages.carry_on(), stages.plan().waits_for) == (1, None)
    assert stages.stages()[-1].started_by == tuner.id


def test_stopping_a_stage_stops_the_plan_and_resuming_it_goes_on(lab: Lab) -> None:
    stages = Stages(lab)
    lab.start(stages.first)
    lab.feed()
    with lab.database.transaction() as session:
        stop_now(session, actor=lab.desk.admin, experiment_id=stages.first)
    lab.feed()
    assert (stages.stages()[0].state, stages.carry_on()) == ("stopped", 0)
    lab.start(stages.first)
    stages.draw()
    stages.carry_on()
    stages.vote()
    assert stages.carry_on() == 1
    # More samples of the first stage beside the second: a stop of one is a stop of both.
    lab.start(stages.first, repeats=2)
    lab.feed()
    with lab.database.transaction() as session:
        stop_now(session, actor=lab.desk.admin, experiment_id=stages.stages()[1].id)
    lab.feed()
    assert {each.state for each in stages.stages()} == {"stopped"}


def test_by_hand_it_goes_on_with_whom_a_person_chooses_and_a_stale_page_is_refused(stages: Stages) -> None:
    lab = stages.lab
    worst = [each.variant_id for each in stages.lines()[2:]]
    settings = lab.services.settings
    given = {"actor": lab.desk.admin, "plan_id": stages.id, "variant_ids": worst}
    with lab.database.transaction() as session:
        found = forecast_next(session, settings, **given)  # type: ignore[arg-type]
    assert (found.new, found.usd, len(stages.stages())) == (6, 6 * HIGH, 1)
    assert stages.vote(1) == 1
    for wrong, error in (
        ({"seen": 2}, Conflict),
        ({"variant_ids": []}, InvalidInput),
        ({"variant_ids": [10**6]}, InvalidInput),
        ({"most_usd": HIGH}, Conflict),
    ):
        with pytest.raises(error), lab.database.transaction() as session:
            next_by_hand(session, settings, **{**given, "seen": 1, "most_usd": LOTS, **wrong})  # type: ignore[arg-type]
    with lab.database.transaction() as session:
        next_by_hand(session, settings, seen=1, most_usd=found.usd, **given)  # type: ignore[arg-type]
    assert stages.outcomes(0) == ["left_out", "left_out", "survived", "survived"]
    with pytest.raises(Conflict, match="was started meanwhile"), lab.database.transaction() as session:
        next_by_hand(session, settings, seen=1, most_usd=LOTS, **given)  # type: ignore[arg-type]
    assert len(stages.stages()) == 2


def test_ended_by_hand_no_vote_starts_anything_any_more(stages: Stages) -> None:
    lab = stages.lab
    with lab.database.transaction() as session:
        end_plan(session, actor=lab.desk.admin, plan_id=stages.id)
    stages.vote()
    assert (stages.carry_on(), len(stages.stages())) == (0, 1)
    assert stages.plan().end_reason == "Ended by Ada (admin)."
    with lab.database.transaction() as session:
        told = session.scalars(
            select(AuditEvent.action).where(AuditEvent.subject == f"experiment_plan:{stages.id}")
        )
        assert list(told) == ["experiment_plan.create", "experiment_plan.end"]
        viewer = actor_by_id(session, make_staff(session, name="Vic", roles=["viewer"]).id)
        with pytest.raises(NotAllowed):
            end_plan(session, actor=viewer, plan_id=stages.id)


def test_only_bad_answers_and_a_closed_batch_wait_for_a_person(lab: Lab) -> None:
    bad, closed = drawn(Stages(lab, name="Bad")), Stages(lab, versions=3, name="Closed")
    bad.vote(answer="both_bad")
    drawn(closed)
    assert bad.carry_on() == 0
    assert "Every answer was that both images are bad" in (bad.plan().waits_for or "")
    closed.vote(2)
    with lab.database.transaction() as session:
        close_batch(session, actor=lab.desk.admin, batch_id=closed.batch())
    assert closed.carry_on() == 0
    assert "closed before they told the versions apart" in (closed.plan().waits_for or "")
    with lab.database.transaction() as session:
        batch_id = create_batch(session, actor=lab.desk.admin, experiment_id=closed.first).id
        session.get_one(ExperimentStage, closed.first).batch_id = batch_id
    closed.vote()
    assert closed.carry_on() == 1


def test_a_version_without_images_is_not_taken_along_and_no_image_at_all_waits(lab: Lab) -> None:
    stages = Stages(lab)
    lab.start(stages.first)
    lab.feed()
    with lab.database.transaction() as session:
        fourth = stages.lines()[3].variant_id
        session.execute(
            text(
                "UPDATE generation SET state = 'failed', finished_at = clock_timestamp(),"
                " failure_class = 'content_policy', failure_message = 'Refused.'"
                " FROM experiment_cell c WHERE c.generation_id = generation.id AND c.variant_id = :id"
            ),
            {"id": fourth},
        )
    stages.draw()
    stages.carry_on()
    stages.vote(order=(4, 3, 2, 1))
    assert stages.carry_on() == 1
    assert Counter(stages.outcomes(0)) == {"survived": 2, "crowded_out": 1, "not_drawn": 1}
    nothing = Stages(lab, versions=3, name="Nothing")
    lab.start(nothing.first)
    lab.feed()
    lab.end_open("failed")
    lab.feed()
    nothing.carry_on()
    assert (nothing.plan().waits_for or "").startswith("No image of this stage was drawn")


def test_what_a_later_stage_draws_is_never_bought_again(stages: Stages) -> None:
    lab = stages.lab
    with lab.database.transaction() as session:
        variant = session.get_one(ExperimentVariant, stages.lines()[0].variant_id)
        version = variant.version_id
    single = lab.started([Variant(version_id=version, overrides={"quality": "high"})])
    while not lab.over(single):
        lab.feed()
        lab.pay_open()
    stages.vote()
    stages.carry_on()
    assert lab.feed() == 3
    with lab.database.transaction() as session:
        keys = session.scalars(select(ExperimentPurchase.key)).all()
        assert len(keys) == len(set(keys)) == 12 + 3 + 3
        assert (
            session.scalar(
                select(func.count()).select_from(Generation).where(Generation.purpose == "experiment")
            )
            == 18
        )


def die_carrying_on(stages: Stages) -> None:
    with stages.lab.database.transaction() as session:
        assert carry_on(session, stages.lab.services.settings, stages.id)
        raise ServiceUnavailable("Gone.")


def vote_on(stages: Stages, number: int) -> None:
    with stages.lab.database.transaction() as session:
        pair = session.scalars(select(VotePair.id).where(VotePair.batch_id == stages.batch(number))).first()
        assert pair is not None
        cast(session, actor=stages.lab.desk.admin, pair_id=pair, answer="left")


def roles(lab: Lab, staff_id: int, *names: str) -> None:
    with lab.database.transaction() as session:
        session.get_one(Staff, staff_id).roles = list(names)


def at_once(work: object, threads: int) -> None:
    assert callable(work)
    running = [threading.Thread(target=work) for _ in range(threads)]
    for each in running:
        each.start()
    for each in running:
        each.join()
