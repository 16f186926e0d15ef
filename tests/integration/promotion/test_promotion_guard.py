"""The watch: what regresses comes back by itself or is offered, whatever else happens meanwhile."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text

from core.alerts.kinds import Kind
from core.alerts.rules import seed_rules
from core.foundation.database import Database
from core.foundation.errors import Conflict, NotAllowed
from core.promotion.gate import promote
from core.promotion.guard import look, roll_back_now, set_automatic
from core.promotion.limits import DEFAULT
from core.promotion.views import promotions, watch
from core.prompts import library
from core.prompts.labels import history, labelled, labels, roll_back
from core.tables.access import AuditEvent
from core.tables.promotion import Promotion, PromotionGuard
from core.tables.prompts import PromptLabelMove
from tests.support.alerting import Watch
from tests.support.promotion import Proven, jobs, proven
from tests.support.prompts import edit, make_actor, put_production

pytestmark = pytest.mark.slow

REFUSED = "content_policy"


class Promoted:
    """A version that was promoted with every condition met; the former one has 200 jobs, 5 refused."""

    def __init__(self, database: Database, *, automatic: bool = True) -> None:
        self.database = database
        with database.transaction() as session:
            self.tom = make_actor(session)
            self.made: Proven = proven(session, self.tom)
            past = datetime.now(UTC) - timedelta(days=1)
            jobs(session, self.made.production, [REFUSED] * 5 + ["succeeded"] * 195, at=past)
        with database.transaction() as session:
            wish = {"version_id": self.made.candidate.id, "seen_moves": 1, "automatic": automatic}
            self.id = promote(session, actor=self.tom, **wish).id  # type: ignore[arg-type]

    def ended(self, *ends: str, **columns: object) -> None:
        with self.database.transaction() as session:
            jobs(session, self.made.candidate, ends, at=datetime.now(UTC), **columns)

    @property
    def guard(self) -> PromotionGuard:
        with self.database.transaction() as session:
            return session.get_one(PromotionGuard, self.id)

    @property
    def in_production(self) -> int:
        with self.database.transaction() as session:
            return labelled(session).id

    def is_back(self) -> bool:
        return self.in_production == self.made.production.id


@pytest.fixture
def promoted(database: Database) -> Promoted:
    return Promoted(database)


def test_too_many_refusals_bring_the_former_version_back_once_with_the_figures_as_the_reason(
    promoted: Promoted,
) -> None:
    promoted.ended("succeeded", "succeeded", REFUSED, "succeeded", REFUSED)
    assert look(promoted.database) is None
    promoted.ended("succeeded", REFUSED, "succeeded")

    assert look(promoted.database) == "rolled_back"

    assert look(promoted.database) is None
    assert promoted.is_back()
    said = (
        "3 of the first 7 customer jobs of Woodcut v2 were refused; of Woodcut v1 5 of 200 were (1 to 6 %)."
    )
    assert (promoted.guard.state, promoted.guard.said, promoted.guard.ended_by) == ("rolled_back", said, None)
    with promoted.database.transaction() as session:
        move = history(session, "production")[0]
        assert (move.actor, move.before, move.after) == (None, "Woodcut v2", "Woodcut v1")
        assert move.reason == f"Rolled back automatically: {said}"
        trail = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc()).limit(1)).one()
        assert (trail.action, trail.reason) == ("prompt_label.rolled_back_by_inkdesk", move.reason)


def test_switched_off_it_is_only_offered_and_one_click_takes_it(database: Database) -> None:
    promoted = Promoted(database, automatic=False)
    promoted.ended(*[REFUSED] * 4)

    assert look(database) == "regressed"
    assert look(database) is None

    assert not promoted.is_back()
    with database.transaction() as session:
        seen = watch(session)
        assert seen is not None
        assert seen.regressed
        roll_back_now(session, actor=promoted.tom, promotion_id=promoted.id, seen_moves=seen.moves)
    assert promoted.is_back()
    assert (promoted.guard.state, promoted.guard.ended_by) == ("rolled_back", promoted.tom.id)
    with database.transaction() as session:
        assert history(session, "production")[0].reason.startswith("3 of the first 3 customer jobs")


def test_switched_on_later_what_waits_is_rolled_back(database: Database) -> None:
    promoted = Promoted(database, automatic=False)
    promoted.ended(*[REFUSED] * 4)
    look(database)

    with database.transaction() as session:
        set_automatic(session, actor=promoted.tom, promotion_id=promoted.id, automatic=True)

    assert look(database) == "rolled_back"
    assert promoted.is_back()
    with database.transaction() as session, pytest.raises(Conflict, match="watch has ended"):
        set_automatic(session, actor=promoted.tom, promotion_id=promoted.id, automatic=False)


def test_who_may_not_move_production_may_not_switch_or_roll_back(promoted: Promoted) -> None:
    with promoted.database.transaction() as session:
        support = make_actor(session, "support")
        with pytest.raises(NotAllowed):
            set_automatic(session, actor=support, promotion_id=promoted.id, automatic=False)
        with pytest.raises(NotAllowed):
            roll_back_now(session, actor=support, promotion_id=promoted.id, seen_moves=2)
    assert promoted.guard.automatic
    assert not promoted.is_back()


@pytest.mark.parametrize("failure", ["provider_outage", "timeout", "network", "model_unavailable"])
def test_an_outage_of_the_provider_rolls_nothing_back(promoted: Promoted, failure: str) -> None:
    promoted.ended(*[failure] * 60)

    assert look(promoted.database) is None

    assert promoted.guard.state == "watching"
    with promoted.database.transaction() as session:
        seen = watch(session)
    assert seen is not None
    assert (seen.now.counts.cases, seen.now.counts.others) == (0, 60)


def test_previews_experiments_retries_and_jobs_before_the_promotion_do_not_count(promoted: Promoted) -> None:
    promoted.ended(*[REFUSED] * 5, credits=0)
    promoted.ended(*[REFUSED] * 5, credits=0, purpose="experiment")
    with promoted.database.transaction() as session:
        jobs(session, promoted.made.candidate, [REFUSED] * 5, at=datetime.now(UTC) - timedelta(hours=1))
        first = jobs(session, promoted.made.candidate, ["succeeded"], at=datetime.now(UTC))[0]
    promoted.ended(*[REFUSED] * 5, retry_of=first)
    promoted.ended(*["canceled"] * 5)

    assert look(promoted.database) is None
    with promoted.database.transaction() as session:
        seen = watch(session)
    assert seen is not None
    assert (seen.now.counts.cases, seen.before.counts.cases) == (1, 200)
    assert seen.before.counts.refused == 5


def test_a_move_by_a_person_ends_the_watch_and_is_left_as_it_is(promoted: Promoted) -> None:
    promoted.ended(*[REFUSED] * 6)
    with promoted.database.transaction() as session:
        roll_back(session, actor=promoted.tom, name="production", seen_moves=2, reason="they complain")
        roll_back(session, actor=promoted.tom, name="production", seen_moves=3, reason="no, they do not")

    assert look(promoted.database) == "superseded"

    assert promoted.in_production == promoted.made.candidate.id
    assert promoted.guard.said == "Tom moved production to Woodcut v2 (no, they do not)."
    assert look(promoted.database) is None


def test_the_next_promotion_ends_the_watch_before(promoted: Promoted) -> None:
    with promoted.database.transaction() as session:
        third = edit(session, promoted.tom, promoted.made.candidate, "A third hero", quality="low")
        put_production(session, promoted.tom, third.id, seen=2, why="better still")

    assert promoted.guard.state == "superseded"
    with promoted.database.transaction() as session:
        seen = watch(session)
        assert [each.state for each in promotions(session)] == ["watching", "superseded"]
    assert seen is not None
    assert seen.title == "Woodcut v3"
    promoted.ended(*[REFUSED] * 9)
    assert look(promoted.database) is None


def test_a_stale_click_on_roll_back_is_refused(promoted: Promoted) -> None:
    with promoted.database.transaction() as session:
        third = edit(session, promoted.tom, promoted.made.candidate, "A third hero", quality="low")
        put_production(session, promoted.tom, third.id, seen=2)
    for promotion_id in (promoted.id, promoted.id + 1):
        with promoted.database.transaction() as session, pytest.raises(Conflict):
            roll_back_now(session, actor=promoted.tom, promotion_id=promotion_id, seen_moves=2)


def test_after_enough_jobs_without_a_difference_the_watch_is_passed(promoted: Promoted) -> None:
    promoted.ended(*(["succeeded"] * 39 + [REFUSED]) * 12, *["succeeded"] * 20)

    assert look(promoted.database) == "passed"

    assert promoted.guard.said == (
        "12 of 500 customer jobs of Woodcut v2 were refused: no more than could be chance."
    )
    promoted.ended(*[REFUSED] * 20)
    assert look(promoted.database) is None
    assert not promoted.is_back()


def test_when_the_time_is_over_the_watch_is_passed_with_what_was_seen(promoted: Promoted) -> None:
    promoted.ended("succeeded")
    with promoted.database.transaction() as session:
        session.execute(text("UPDATE promotion_guard SET until = now() - interval '1 second'"))

    assert look(promoted.database) == "passed"

    assert (promoted.guard.said or "").startswith("The time is over; 0 of 1 customer job of Woodcut v2")


def test_a_former_version_that_was_archived_is_offered_not_taken(promoted: Promoted) -> None:
    with promoted.database.transaction() as session:
        library.archive_version(session, actor=promoted.tom, version_id=promoted.made.production.id)
    promoted.ended(*[REFUSED] * 4)

    assert look(promoted.database) == "regressed"
    assert look(promoted.database) is None
    with promoted.database.transaction() as session:
        library.restore_version(session, actor=promoted.tom, version_id=promoted.made.production.id)

    assert look(promoted.database) == "rolled_back"


def test_of_eight_workers_one_moves_the_label(promoted: Promoted) -> None:
    promoted.ended(*[REFUSED] * 6)
    together = threading.Barrier(8)

    def tick(_: int) -> str | None:
        together.wait()
        return look(promoted.database)

    with ThreadPoolExecutor(8) as workers:
        found = list(workers.map(tick, range(8)))

    assert sorted(each or "" for each in found) == [""] * 7 + ["rolled_back"]
    with promoted.database.transaction() as session:
        moves = select(func.count()).select_from(PromptLabelMove)
        assert session.scalar(moves.where(PromptLabelMove.name == "production")) == 3


def test_a_look_that_dies_before_its_end_leaves_nothing_and_the_next_one_acts(
    promoted: Promoted, monkeypatch: pytest.MonkeyPatch
) -> None:
    promoted.ended(*[REFUSED] * 6)
    with monkeypatch.context() as patch:
        patch.setattr("core.promotion.guard._end", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            look(promoted.database)
    assert not promoted.is_back()
    assert promoted.guard.state == "watching"

    assert look(promoted.database) == "rolled_back"
    assert promoted.is_back()


def test_the_watch_of_a_version_with_refusals_as_before_goes_on(promoted: Promoted) -> None:
    promoted.ended(*["succeeded"] * 38, REFUSED, "queued")
    assert look(promoted.database) is None
    with promoted.database.transaction() as session:
        seen = watch(session)
    assert seen is not None
    assert (seen.now.counts.refused, seen.now.counts.cases, seen.now.under_way) == (1, 39, 1)
    assert seen.too_many > 3
    assert (seen.title, seen.former_title, seen.jobs) == ("Woodcut v2", "Woodcut v1", DEFAULT.guard_jobs)


@pytest.mark.parametrize("automatic", [True, False])
def test_people_are_told_at_once_and_again_when_it_is_over(database: Database, automatic: bool) -> None:
    promoted = Promoted(database, automatic=automatic)
    with database.transaction() as session:
        seed_rules(session)
    alerts = Watch.open(database)
    alerts.only("promotion")
    alerts.looks(0)
    assert alerts.states("promotion") == []
    promoted.ended(*[REFUSED] * 4)
    look(database)

    alerts.looks(10)

    (alert,) = alerts.alerts("promotion")
    assert (alert.state, alert.severity) == ("firing", "critical")
    assert alert.title == "Woodcut v2 does worse than the version before it"
    (message,) = alerts.messages()
    assert "3 of the first 3 customer jobs of Woodcut v2 were refused" in message.body
    assert ("the former version is back" in message.body) == automatic
    assert ("waits for a person" in message.body) == (not automatic)

    if automatic:
        alerts.looks(3 * 3600)
    else:
        with database.transaction() as session:
            roll_back_now(session, actor=promoted.tom, promotion_id=promoted.id, seen_moves=2)
        alerts.looks(20)
    assert alerts.states("promotion") == ["resolved"]


def test_the_rule_is_one_that_operators_may_change(database: Database) -> None:
    alerts = Watch.open(database)
    alerts.edit("promotion", parameters={"told_minutes": 5.0})
    with database.transaction() as session:
        said = text("SELECT parameters FROM alert_rule_version WHERE kind = :kind AND version = 2")
        assert session.scalar(said, {"kind": Kind.PROMOTION}) == {"told_minutes": 5.0}


def test_a_second_promotion_of_the_same_version_is_watched_anew(promoted: Promoted) -> None:
    promoted.ended(*[REFUSED] * 4)
    look(promoted.database)
    with promoted.database.transaction() as session:
        seen = labels(session)[0].moves
        put_production(session, promoted.tom, promoted.made.candidate.id, seen=seen, why="the model changed")
    assert look(promoted.database) is None
    with promoted.database.transaction() as session:
        assert session.scalars(select(Promotion.moves).order_by(Promotion.id)).all() == [2, 4]
        now = watch(session)
    assert now is not None
    assert now.now.counts.cases == 0
