"""A plan in stages over real workers that are killed: one next stage, drawn whole, and a winner."""

from pathlib import Path

from core.experiments.stages_plan import Staging
from tests.chaos.checks import check_all, let_leases_run_out
from tests.chaos.processes import start_worker
from tests.support.desk import TestDesk, wait_for
from tests.support.experiments import Lab
from tests.support.stages import Stages

SELFIES = 8


def test_killed_workers_leave_a_plan_that_others_bring_to_its_end(desk: TestDesk, tmp_path: Path) -> None:
    lab = Lab(desk.with_settings(experiment_in_flight=6), people=SELFIES)
    plan = Stages(lab, versions=3, staging=Staging(("low", "high"), (2, 1)))
    lab.start(plan.first)
    settings = lab.services.settings
    with start_worker(settings, tmp_path / "first"):
        wait_for(lambda: lab.states(plan.first).count("succeeded") >= SELFIES)
    let_leases_run_out(desk, 0)
    with start_worker(settings, tmp_path / "second"):
        wait_for(plan.asked)
    assert (len(plan.stages()), lab.posts()) == (1, 3 * SELFIES)
    assert plan.vote() == 3 * SELFIES
    # Two at once, and one of them is killed as soon as it, or the other one, has started the next stage.
    with start_worker(settings, tmp_path / "third") as third:
        with start_worker(settings, tmp_path / "fourth"):
            wait_for(lambda: len(plan.stages()) == 2)
        let_leases_run_out(desk, 0)
        wait_for(plan.asked)
        plan.vote()
        wait_for(lambda: plan.plan().ended_at is not None)
        wait_for(desk.all_ended)
        assert third.terminate() == 0
    assert len(plan.stages()) == 2
    assert lab.posts() == 3 * SELFIES + 2 * SELFIES
    assert sorted(quality for _, quality, _ in lab.sent()) == ["high"] * 2 * SELFIES + ["low"] * 3 * SELFIES
    assert (plan.plan().end_reason or "").endswith("won against every other version in high quality.")
    assert plan.outcomes(0) == ["survived", "survived", "crowded_out"]
    check_all(desk)
