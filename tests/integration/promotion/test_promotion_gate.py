"""The gate: every condition alone holds a promotion back, by name; what was judged is kept with the move."""

import dataclasses
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.foundation.database import Database
from core.foundation.errors import Conflict, InvalidInput, NotAllowed
from core.promotion.conditions import Name
from core.promotion.gate import gate, promote
from core.promotion.limits import DEFAULT, in_force, save_limits
from core.prompts import library
from core.prompts.labels import history, labelled, labels, move_label, roll_back
from core.tables.access import AuditEvent
from core.tables.experiments import ExperimentCell, ExperimentPurchase
from core.tables.promotion import Promotion, PromotionGuard
from core.votes.batches import cast, create_batch, next_pairs
from tests.support.factories import make_generation
from tests.support.promotion import Proven, framed, images, priced, proven, standing, tom, voted
from tests.support.prompts import edit, make_actor, make_prompt
from tests.support.votes import drawn_experiment

pytestmark = pytest.mark.slow

__all__ = ["tom"]

Break = Callable[[Session, Actor], Proven]


def few_selfies(session: Session, tom: Actor) -> Proven:
    return proven(session, tom, selfies=9, repeats=3)


def few_votes(session: Session, tom: Actor) -> Proven:
    made = proven(session, tom)
    ties = "UPDATE vote SET answer = 'both_good' WHERE id IN (SELECT id FROM vote ORDER BY id DESC LIMIT 5)"
    session.execute(text(ties))
    return made


def lost(session: Session, tom: Actor) -> Proven:
    made = proven(session, tom)
    session.execute(text("UPDATE vote SET undone_at = now()"))
    voted(session, tom, made.drawn, [made.variant_ids[0]] * 24)
    return made


def lost_then_turned(session: Session, tom: Actor) -> Proven:
    """It lost on the first ten selfies, and the rest all went to it: the stop rule had spoken."""
    made = proven(session, tom, selfies=30, repeats=1)
    session.execute(text("UPDATE vote SET undone_at = now()"))
    voted(session, tom, made.drawn, [made.variant_ids[0]] * 10 + [made.variant_ids[1]] * 20)
    return made


def refused(session: Session, tom: Actor) -> Proven:
    made = proven(session, tom, repeats=3)
    for each in images(session, made.variant_ids[1])[:3]:
        each.state, each.failure_class, each.failure_message = "failed", "content_policy", "Refused."
    session.flush()
    return made


def refused_and_bought_again(session: Session, tom: Actor) -> Proven:
    made = proven(session, tom)
    cells = session.scalars(
        select(ExperimentCell).where(ExperimentCell.variant_id == made.variant_ids[1]).limit(4)
    )
    for cell in cells:
        first = make_generation(session, state="failed", credits=0, failure_class="content_policy")
        session.add(
            ExperimentPurchase(
                generation_id=first.id, experiment_id=made.experiment_id, key=cell.key, price_usd=Decimal(1)
            )
        )
    session.flush()
    return made


def cropped(session: Session, tom: Actor) -> Proven:
    made = proven(session, tom)
    framed(session, made.variant_ids[1], ["failed"] * 3)
    return made


def cannot_tell(session: Session, tom: Actor) -> Proven:
    made = proven(session, tom)
    framed(session, made.variant_ids[1], ["cannot_tell"] * 15)
    return made


def dearer(session: Session, tom: Actor) -> Proven:
    made = proven(session, tom)
    priced(session, made.variant_ids[1], "0.0140")
    return made


def without_production(session: Session, tom: Actor) -> Proven:
    """Ahead of everything in its experiment, but production was not in it."""
    made = proven(session, tom)
    other = make_prompt(session, tom, "Another hero", quality="low")
    third = edit(session, tom, other, "A third hero", quality="low")
    drawn = drawn_experiment(
        session, tom, names=("Other v1", "Other v2"), versions=(other, third), selfies=12, repeats=2
    )
    alone = Proven(made.production, third, drawn)
    framed(session, alone.variant_ids[1], ["passed"] * 24)
    voted(session, tom, drawn, [alone.variant_ids[1]] * 24)
    return alone


def test_what_met_every_condition_is_promoted_and_the_conditions_are_kept(
    session: Session, tom: Actor
) -> None:
    made = proven(session, tom)
    assert standing(session, tom, made).blocked == []

    kept = promote(session, actor=tom, version_id=made.candidate.id, seen_moves=1)

    assert labelled(session).id == made.candidate.id
    assert (kept.version_id, kept.former_id, kept.moves) == (made.candidate.id, made.production.id, 2)
    assert (kept.experiment_id, kept.overridden) == (made.experiment_id, False)
    assert {each["name"] for each in kept.conditions} == set(Name)
    assert all(each["met"] for each in kept.conditions)
    assert kept.reason == "passed the gate with experiment “Trial”"
    assert history(session, "production")[0].reason == kept.reason
    guard = session.get_one(PromotionGuard, kept.id)
    assert (guard.state, guard.automatic, guard.jobs) == ("watching", True, DEFAULT.guard_jobs)
    trail = select(AuditEvent.action, AuditEvent.staff_id).order_by(AuditEvent.id.desc()).limit(2)
    assert [tuple(row) for row in session.execute(trail)] == [
        ("prompt.promote", tom.id),
        ("prompt_label.move", tom.id),
    ]


BROKEN: list[tuple[Break, Name, str]] = [
    (few_selfies, Name.SELFIES, r"Enough selfies: drawn for 9 selfies; asked for: 10 or more"),
    (few_votes, Name.VOTES, r"Enough decided votes: 19 decided votes against production; asked for: 20"),
    (lost, Name.NOT_LOST, r"Not lost: it lost to Woodcut v1; asked for: lost to neither"),
    (lost_then_turned, Name.NOT_LOST, r"Not lost: it lost to Woodcut v1"),
    (
        refused,
        Name.REFUSED,
        r"Refusal rate: 3 of 36 refused, at most 21\.8 % by Wilson's interval; asked for: 95 % interval",
    ),
    (refused_and_bought_again, Name.REFUSED, r"Refusal rate: 4 of 28 refused"),
    (cropped, Name.CROPPED, r"Cropped avatars: 3 of 24 judged avatars cropped \(12\.5 %\)"),
    (cannot_tell, Name.CROPPED, r"0 of 9 judged avatars cropped \(0\.0 %\); of 15 the checks cannot tell"),
    (dearer, Name.COST, r"Cost per avatar: \$0\.014 an avatar, production \$0\.011 \(\+27 %, measured\)"),
    (without_production, Name.COMPARED, r"did not take part in the experiment, so nothing can be compared"),
]


@pytest.mark.parametrize(("broken", "name", "said"), BROKEN, ids=[each[0].__name__ for each in BROKEN])
def test_each_broken_condition_alone_holds_it_back_by_name_and_a_reason_overrides_it(
    session: Session, tom: Actor, broken: Break, name: Name, said: str
) -> None:
    made = broken(session, tom)
    moves = labels(session)[0].moves
    assert [each.name for each in standing(session, tom, made).blocked] == [name]
    wish = {"actor": tom, "version_id": made.candidate.id, "seen_moves": moves}

    with pytest.raises(Conflict, match=said):
        promote(session, **wish)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="Say why it is promoted although"):
        promote(session, **wish, override=True, reason="  ")  # type: ignore[arg-type]
    assert labelled(session).id == made.production.id
    assert session.scalars(select(Promotion.id)).all() == []

    kept = promote(session, **wish, override=True, reason="the customer waits")  # type: ignore[arg-type]

    assert kept.overridden
    assert [each["name"] for each in kept.conditions if not each["met"]] == [name]
    assert (kept.reason, history(session, "production")[0].reason) == ("the customer waits",) * 2
    trail = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc()).limit(1)).one()
    assert (trail.action, trail.reason) == ("prompt.override_promotion", "the customer waits")
    assert trail.after == {"version_id": made.candidate.id, "not_met": [name]}


def test_who_lost_to_the_leader_is_held_back_though_it_beat_production(session: Session, tom: Actor) -> None:
    production = make_prompt(session, tom, name="Woodcut", quality="low")
    second = edit(session, tom, production, "A tall hero", quality="low")
    third = edit(session, tom, production, "A third hero", quality="low")
    move_label(session, actor=tom, name="production", version_id=production.id, seen_moves=0, reason="x")
    drawn = drawn_experiment(
        session, tom, names=("v1", "v2", "v3"), versions=(production, second, third), selfies=14, repeats=2
    )
    first, own, best = list(drawn.variants)
    framed(session, own, ["passed"] * 28)
    voted(session, tom, drawn, [own] * 28, (first, own))
    voted(session, tom, drawn, [best] * 28, (own, best))

    found = gate(session, actor=tom, version_id=second.id)

    assert found is not None
    assert [(each.name, each.figure) for each in found.blocked] == [(Name.NOT_LOST, "it lost to v3")]


def test_without_evidence_everything_that_needs_it_blocks(session: Session, tom: Actor) -> None:
    made = proven(session, tom)
    fresh = edit(session, tom, made.candidate, "A fresh hero", quality="low")

    found = gate(session, actor=tom, version_id=fresh.id)

    assert found is not None
    assert [each.name for each in found.blocked] == [
        Name.COMPARED,
        Name.SELFIES,
        Name.VOTES,
        Name.REFUSED,
        Name.CROPPED,
    ]
    assert found.evidence.experiment_id is None
    assert "by the price list" in next(each.figure for each in found.conditions if each.name == Name.COST)


def test_images_with_other_parameters_are_no_evidence(session: Session, tom: Actor) -> None:
    made = proven(session, tom)
    better = edit(session, tom, made.candidate, "A tall hero", quality="high")
    as_low = dataclasses.replace(made, candidate=better)
    drawn = drawn_experiment(session, tom, names=("a", "b"), versions=(made.production, made.candidate))
    session.execute(text("ALTER TABLE experiment_variant DISABLE TRIGGER experiment_variant_kept"))
    session.execute(
        text("UPDATE experiment_variant SET version_id = :better WHERE id = :variant"),
        {"better": better.id, "variant": list(drawn.variants)[1]},
    )
    session.execute(text("ALTER TABLE experiment_variant ENABLE TRIGGER experiment_variant_kept"))
    session.expire_all()

    assert standing(session, tom, as_low).evidence.experiment_id is None
    with pytest.raises(InvalidInput, match="has not drawn Woodcut v3 with its own parameters"):
        standing(session, tom, as_low, drawn.experiment_id)


def test_the_experiment_with_production_and_the_most_votes_is_the_evidence(
    session: Session, tom: Actor
) -> None:
    made = proven(session, tom)
    both = (made.production, made.candidate)
    drawn_experiment(session, tom, names=("v1", "v2"), versions=both, selfies=2)
    other = make_prompt(session, tom, "Another hero", quality="low")
    drawn_experiment(session, tom, names=("x", "v2"), versions=(other, made.candidate), selfies=2)

    assert standing(session, tom, made).evidence.experiment_id == made.experiment_id


def test_a_rater_in_the_middle_of_the_votes_is_not_told(session: Session, tom: Actor) -> None:
    made, rater = proven(session, tom), make_actor(session)
    batch = create_batch(session, actor=rater, experiment_id=made.experiment_id)
    pair = next_pairs(session, actor=rater, batch_id=batch.id)[0]
    cast(session, actor=rater, pair_id=pair.id, answer="left")

    with pytest.raises(Conflict, match="Names are told at the end"):
        standing(session, rater, made)
    with pytest.raises(Conflict, match="Names are told at the end"):
        promote(session, actor=rater, version_id=made.candidate.id, seen_moves=1)


def test_a_stale_page_is_refused(session: Session, tom: Actor) -> None:
    made = proven(session, tom)
    promote(session, actor=tom, version_id=made.candidate.id, seen_moves=1)
    third = edit(session, tom, made.candidate, "A third hero", quality="low")

    with pytest.raises(Conflict, match="Tom has moved production to Woodcut v2 meanwhile"):
        promote(session, actor=tom, version_id=third.id, seen_moves=1, override=True, reason="x")
    assert labelled(session).id == made.candidate.id


def test_what_is_archived_or_there_already_is_not_promoted(session: Session, tom: Actor) -> None:
    made = proven(session, tom)
    with pytest.raises(Conflict, match="points at this version already"):
        promote(session, actor=tom, version_id=made.production.id, seen_moves=1, override=True, reason="x")
    library.archive_version(session, actor=tom, version_id=made.candidate.id)
    with pytest.raises(Conflict, match="Woodcut v2 is archived"):
        promote(session, actor=tom, version_id=made.candidate.id, seen_moves=1, override=True, reason="x")
    assert gate(session, actor=tom, version_id=made.production.id) is None


def test_production_moves_past_the_gate_only_for_the_first_time_and_back(
    session: Session, tom: Actor
) -> None:
    made = proven(session, tom)
    with pytest.raises(Conflict, match="Use Promote on the version"):
        move_label(
            session, actor=tom, name="production", version_id=made.candidate.id, seen_moves=1, reason="x"
        )
    promote(session, actor=tom, version_id=made.candidate.id, seen_moves=1)

    roll_back(session, actor=tom, name="production", seen_moves=2)

    assert labelled(session).id == made.production.id


def test_support_promotes_and_changes_nothing(session: Session, tom: Actor) -> None:
    made, support = proven(session, tom), make_actor(session, "support")
    with pytest.raises(NotAllowed, match="may not move the production label"):
        promote(session, actor=support, version_id=made.candidate.id, seen_moves=1)
    with pytest.raises(NotAllowed):
        save_limits(session, actor=support, limits=DEFAULT, reason="x", seen=in_force(session)[0])


def test_the_database_itself_keeps_promotions_and_wants_an_override_for_what_is_not_met(
    session: Session, tom: Actor
) -> None:
    made = proven(session, tom)
    kept = promote(session, actor=tom, version_id=made.candidate.id, seen_moves=1)
    forged = (
        "INSERT INTO promotion (version_id, former_id, limits_version, conditions, overridden, reason,"
        " actor_id, moves) SELECT version_id, former_id, limits_version,"
        ' \'[{"name": "votes", "met": false}]\', false, \'x\', actor_id, 99 FROM promotion'
    )
    for change in ("UPDATE promotion SET reason = 'y'", "DELETE FROM promotion", forged):
        with pytest.raises(DBAPIError), session.begin_nested():
            session.execute(text(change))
    assert session.scalars(select(Promotion.id)).all() == [kept.id]


def test_of_eight_who_promote_at_once_one_wins(database: Database) -> None:
    with database.transaction() as session:
        tom = make_actor(session)
        made = proven(session, tom, name=f"P {uuid.uuid4().hex[:6]}")
        others = [edit(session, tom, made.candidate, f"Hero {n}", quality="low").id for n in range(8)]

    def try_it(version_id: int) -> bool:
        try:
            with database.transaction() as session:
                promote(
                    session, actor=tom, version_id=version_id, seen_moves=1, override=True, reason="me first"
                )
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as movers:
        won = list(movers.map(try_it, others))

    assert won.count(True) == 1
    with database.transaction() as session:
        assert labelled(session).id == others[won.index(True)]
        assert session.scalars(select(Promotion.version_id)).all() == [others[won.index(True)]]
        assert len(session.scalars(select(PromotionGuard.promotion_id)).all()) == 1
