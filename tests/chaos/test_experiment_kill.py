"""A worker that runs a grid is killed: what it drew is kept, and the next one posts exactly the missing."""

from collections import Counter
from pathlib import Path

from core.experiments.variants import Variant
from tests.chaos.checks import check_all, let_leases_run_out
from tests.chaos.processes import start_worker
from tests.support.desk import TestDesk, wait_for
from tests.support.experiments import Lab

CELLS = 72
KILLED_AT = 31


def test_a_killed_worker_leaves_a_grid_that_the_next_one_completes(desk: TestDesk, tmp_path: Path) -> None:
    lab = Lab(desk.with_settings(experiment_in_flight=8), people=6)
    variants = [Variant(version_id=each) for each in lab.versions("In ink", "In paint", "In chalk")]
    experiment = lab.started(variants, repeats=4)
    with start_worker(lab.services.settings, tmp_path / "first"):
        wait_for(lambda: lab.states(experiment).count("succeeded") >= KILLED_AT)
    done = lab.states(experiment).count("succeeded")
    assert done < CELLS
    let_leases_run_out(desk, 0)
    with start_worker(lab.services.settings, tmp_path / "second") as second:
        wait_for(lambda: lab.over(experiment) and desk.all_ended(), seconds=240)
        assert second.terminate() == 0
    assert lab.experiment(experiment).state == "done"
    assert Counter(lab.states(experiment)) == {"succeeded": CELLS}
    assert lab.posts() == CELLS
    check_all(desk)
