"""A promotion from end to end: the real worker, the sandbox, and what the provider is sent meanwhile."""

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from core.promotion.gate import promote
from core.promotion.views import watch
from core.prompts.labels import history, labelled, labels
from core.prompts.library import get_version, save_version
from core.prompts.versions import Content
from core.tables.generation import Generation
from core.tables.promotion import PromotionGuard
from core.tables.prompts import PromptLabelMove
from tests.support.desk import TestDesk, wait_for, working
from tests.support.promotion import jobs

REFUSING = "A hero that is refused. [sandbox:moderation]"


def ask(desk: TestDesk) -> Generation:
    """A customer's job of what is in production, ended."""
    [made] = ask_at_once(desk, 1)
    return made


def ask_at_once(desk: TestDesk, number: int) -> list[Generation]:
    """So many customers' jobs of what is in production, asked for together and ended."""
    with desk.database.transaction() as session:
        version = labelled(session)
    made = [
        desk.ask(
            version.resolved,
            values={},
            model=version.model,
            parameters=version.parameters,
            prompt_version_id=version.id,
        )
        for _ in range(number)
    ]
    wait_for(desk.all_ended)
    return [desk.generation(each) for each in made]


def sent(desk: TestDesk) -> list[bytes]:
    """The prompts that the provider has received, in order."""
    stored = desk.sandbox.state.predictions.values()
    return [each.prompt.encode() for each in sorted(stored, key=lambda each: each.position)]


def edited(desk: TestDesk, template: str) -> int:
    with desk.database.transaction() as session:
        former = labelled(session)
        return save_version(
            session,
            actor=desk.admin,
            prompt_id=former.prompt_id,
            parent_id=former.id,
            content=Content(template, former.model, former.parameters),
        ).id


def promoted(desk: TestDesk, template: str, *, automatic: bool = True) -> int:
    """Promote an edit past the gate; the version before it has 200 jobs of yesterday, 5 of them refused."""
    with desk.database.transaction() as session:
        past = datetime.now(UTC) - timedelta(days=1)
        jobs(session, labelled(session), ["content_policy"] * 5 + ["succeeded"] * 195, at=past)
    version_id = edited(desk, template)
    with desk.database.transaction() as session:
        promote(
            session,
            actor=desk.admin,
            version_id=version_id,
            seen_moves=labels(session)[0].moves,
            override=True,
            reason="a trial",
            automatic=automatic,
        )
    return version_id


def in_production(desk: TestDesk) -> int:
    with desk.database.transaction() as session:
        return labelled(session).id


def standing(desk: TestDesk) -> str:
    with desk.database.transaction() as session:
        return session.scalars(
            select(PromotionGuard.state).order_by(PromotionGuard.promotion_id.desc())
        ).one()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_version_that_is_refused_is_back_out_of_production_and_the_former_bytes_are_posted(
    desk: TestDesk, workers: int
) -> None:
    with contextlib.ExitStack() as at_work:
        for _ in range(workers):
            at_work.enter_context(working(desk))
        former_id = ask(desk).prompt_version_id
        promoted(desk, REFUSING)
        for _ in range(3):
            assert ask(desk).failure_class == "content_policy"
        wait_for(lambda: in_production(desk) == former_id)
        assert ask(desk).state == "succeeded"

    before, *refused, after = sent(desk)
    assert refused == [REFUSING.encode()] * 3
    assert after == before
    with desk.database.transaction() as session:
        moves = history(session, "production")
        assert [(each.actor, each.after) for each in moves[:2]] == [
            (None, "Ink and halftone v1"),
            (desk.admin.name, "Ink and halftone v2"),
        ]
        assert "3 of the first 3 customer jobs of Ink and halftone v2 were refused" in moves[0].reason
        count = select(func.count()).select_from(PromptLabelMove)
        assert session.scalar(count.where(PromptLabelMove.name == "production")) == 3


def test_of_every_ten_three_refused_brings_the_former_version_back_within_20_jobs(desk: TestDesk) -> None:
    former_id = in_production(desk)
    newer = promoted(desk, "A hero whom some refuse.")
    desk.sandbox.faults.set_mix({"moderation": 0.3}, seed=5)
    with working(desk):
        asked = 0
        while in_production(desk) == newer and asked < 20:
            ask(desk)
            asked += 1
        wait_for(lambda: in_production(desk) == former_id)
    assert standing(desk) == "rolled_back"


def test_switched_off_the_worker_only_offers_it(desk: TestDesk) -> None:
    newer = promoted(desk, REFUSING, automatic=False)
    with working(desk):
        for _ in range(4):
            ask(desk)
        wait_for(lambda: standing(desk) == "regressed")
        ask(desk)
    assert in_production(desk) == newer


@pytest.mark.parametrize(("fault", "failure"), [("http_503", "network"), ("e004", "provider_outage")])
def test_an_outage_of_the_provider_blames_no_version(desk: TestDesk, fault: str, failure: str) -> None:
    newer = promoted(desk, "A tall hero.")
    desk.sandbox.faults.add(fault, times=None)
    with working(desk):
        ended = ask_at_once(desk, 5)
        assert {each.failure_class for each in ended} == {failure}
        desk.sandbox.faults.clear()
        assert ask(desk).state == "succeeded"
    assert (in_production(desk), standing(desk)) == (newer, "watching")
    with desk.database.transaction() as session:
        seen = watch(session)
    assert seen is not None
    assert (seen.now.counts.cases, seen.now.counts.others) == (1, 5)


def test_saving_an_edit_of_the_promoted_version_leaves_it_and_its_hash(desk: TestDesk) -> None:
    newer = promoted(desk, "A tall hero.")
    with desk.database.transaction() as session:
        before = get_version(session, newer)

    later = edited(desk, "A taller hero.")

    with desk.database.transaction() as session:
        after, edit = get_version(session, newer), get_version(session, later)
    assert (after.number, after.template_hash, after.resolved) == (2, before.template_hash, "A tall hero.")
    assert edit.number == 3
    assert edit.template_hash != after.template_hash
    assert in_production(desk) == newer
