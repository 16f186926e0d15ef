"""Plans in stages before and after they run: what they cost, what makes no sense, what low foretold."""

import pytest

from core.experiments.stages_plan import Staging, forecast_plan
from core.experiments.stages_views import prediction
from core.experiments.variants import Variant
from core.foundation.errors import InvalidInput
from pages.experiments.stages import predicts_words
from tests.support.desk import TestDesk
from tests.support.experiments import LOTS, Lab
from tests.support.stages import HIGH, LOW, MEDIUM, Stages, drawn, lab, stages

__all__ = ["lab", "stages"]


def test_a_forecast_is_sure_of_the_first_stage_and_a_range_of_the_whole(lab: Lab) -> None:
    variants = [Variant(version_id=each) for each in lab.versions(*(f"A hero {n}" for n in range(7)))]
    with lab.database.transaction() as session:
        wish = lab.wish(variants)
        found = forecast_plan(session, lab.services.settings, wish, Staging(keeps=(3, 2, 1)))
        usual = forecast_plan(session, lab.services.settings, wish, Staging())
        two = forecast_plan(
            session, lab.services.settings, lab.wish(variants), Staging(("low", "high"), (3, 1))
        )
    assert (found.first.new, found.first.usd, found.least_usd) == (21, 21 * LOW, 21 * LOW)
    assert found.most_usd == 21 * LOW + 9 * MEDIUM + 6 * HIGH
    assert found.grid_usd == 21 * HIGH
    assert usual.most_usd == 21 * LOW + 6 * HIGH
    assert two.most_usd == 21 * LOW + 9 * HIGH


def test_how_well_low_predicts_high_is_told_from_decided_stages_of_all_plans(desk: TestDesk) -> None:
    lab = Lab(desk.with_settings(experiment_in_flight=500, experiment_day_cap_usd=LOTS), people=3)
    made = []
    for number in range(6):
        stages = drawn(Stages(lab, versions=3, name=f"Plan {number}", staging=Staging(("low", "high"))))
        stages.vote()
        stages.carry_on()
        with lab.database.transaction() as session:
            found = prediction(session, stages.id)
        # Before its last stage is decided, a plan says nothing.
        assert (found.own.versions, found.pooled.versions) == (0, 2 * number)
        stages.draw()
        stages.carry_on()
        # In one of six the order turns round.
        stages.vote(order=(2, 1, 3) if number == 0 else (1, 2, 3))
        stages.carry_on()
        assert stages.plan().ended_at is not None
        made.append(stages.id)
    with lab.database.transaction() as session:
        found = prediction(session, made[-1])
    assert not found.own.told
    assert (found.pooled.versions, found.pooled.groups) == (12, 6)
    assert found.pooled.tau == pytest.approx(4 / 6)
    assert found.pooled.interval is not None
    assert found.pooled.interval.low < 0.4
    assert "Too few to tell" not in predicts_words(found)


@pytest.mark.parametrize(
    ("staging", "versions", "said"),
    [
        (Staging(), 2, "pay from 3 versions on"),
        (Staging(("low",)), 4, "two qualities at least"),
        (Staging(("high", "low")), 4, "go up in quality"),
        (Staging(("low", "huge")), 4, "go up in quality"),
        (Staging(("low", "high"), (4, 1)), 4, "2 to 3 go on after the first"),
        (Staging(("low", "medium", "high"), (2, 3, 1)), 4, "never more after a later one"),
    ],
)
def test_stages_that_make_no_sense_are_refused(lab: Lab, staging: Staging, versions: int, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        Stages(lab, versions=versions, staging=staging)
