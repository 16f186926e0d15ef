"""The reviewers' queue: order, filters, counts, incidents as one entry, and what is out of it."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, update
from sqlalchemy.orm import Session

from core.classification.taxonomy import FailureClass
from core.desks.refunds import claims
from core.desks.refunds.leaving import release_left, release_others
from core.desks.refunds.queue import (
    CaseRow,
    IncidentRow,
    Place,
    QueuePage,
    Urgency,
    band_of,
    counts,
    neighbour,
    queue_page,
    urgency,
)
from core.desks.refunds.queue_filters import Age, Band, Held, Incident, QueueFilter, Size
from core.refunds import intents
from core.tables.refund_states import CaseKind, CaseState
from core.tables.refunds import CaseViewer, CompensationCase
from tests.support.cases import failed_case, reviewer
from tests.support.wallets import rich

MINUTE = timedelta(minutes=1)


def due(session: Session, case: CompensationCase, left: timedelta) -> CompensationCase:
    session.execute(
        update(CompensationCase).where(CompensationCase.id == case.id).values(due_at=func.now() + left)
    )
    session.refresh(case)
    return case


def alone(session: Session, price: int = 10, **changes: object) -> CompensationCase:
    """A case that is in no incident."""
    name = f"v1:content_policy:{datetime.now(UTC).timestamp()}"
    return failed_case(session, price=price, fingerprint=name, **changes)  # type: ignore[arg-type]


def page(session: Session, filter_: QueueFilter | None = None, **more: object) -> QueuePage:
    return queue_page(session, filter_ or QueueFilter(), actor=reviewer(session), **more)  # type: ignore[arg-type]


def ids(found: QueuePage) -> list[object]:
    return [entry.id if isinstance(entry, CaseRow) else entry.cases for entry in found.entries]


def test_the_least_time_left_comes_first_and_pages_go_on_where_the_last_ended(session: Session) -> None:
    cases = [due(session, alone(session), minutes * MINUTE) for minutes in (300, -5, 10, 2000, 100)]
    wanted = [cases[index].id for index in (1, 2, 4, 0, 3)]
    assert ids(page(session)) == wanted
    seen: list[object] = []
    place: Place | None = None
    for _ in range(3):
        found = page(session, after=place, limit=2)
        seen, place = seen + ids(found), found.next
    assert (seen, place) == (wanted, None)


@pytest.mark.parametrize(
    ("left", "whole", "colour"),
    [
        (-1, 24, Urgency.OVERDUE),
        (0.25, 24, Urgency.RED),
        (0.26, 24, Urgency.AMBER),
        (6, 24, Urgency.AMBER),
        (6.1, 24, Urgency.CALM),
    ],
)
def test_amber_at_a_quarter_of_the_time_and_red_at_fifteen_minutes(
    left: float, whole: float, colour: Urgency
) -> None:
    assert urgency(timedelta(hours=left), timedelta(hours=whole)) is colour


@pytest.mark.parametrize(
    ("hours", "band"),
    [(0, Band.OVERDUE), (0.9, Band.HOUR), (1, Band.FOUR), (4, Band.DAY), (24, Band.LATER)],
)
def test_bands_begin_where_they_say(hours: float, band: Band, session: Session) -> None:
    assert band_of(timedelta(hours=hours)) is band
    due(session, alone(session), timedelta(hours=hours))
    assert counts(session, QueueFilter(), actor=reviewer(session)).by["bands"] == {band: 1}


def test_every_filter_finds_its_case_and_only_that(session: Session) -> None:
    bea = rich(session, 1_000, name="Bea")
    wanted = alone(
        session,
        customer=bea,
        price=50,
        failure_class=FailureClass.INVALID_IMAGE,
    )
    due(session, wanted, 30 * MINUTE)
    other = alone(session)
    sue = reviewer(session)
    claims.claim(session, actor=sue, case_id=wanted.id)
    claims.claim(session, actor=reviewer(session, "Amir"), case_id=other.id)
    session.execute(
        update(CompensationCase)
        .where(CompensationCase.id == other.id)
        .values(rule="another rule", state="pending")
    )
    filters = [
        QueueFilter(classes=("invalid_image",)),
        QueueFilter(sizes=(Size.MIDDLE,)),
        QueueFilter(search="bea"),
        QueueFilter(search=f"#{wanted.id}"),
        QueueFilter(rules=(wanted.rule or "",)),
        QueueFilter(bands=(Band.HOUR,)),
        QueueFilter(held=Held.ME),
    ]
    for filter_ in filters:
        assert ids(page(session, filter_)) == [wanted.id], filter_
    for filter_ in (
        QueueFilter(states=(CaseState.NEEDS_SECOND,)),
        QueueFilter(kinds=(CaseKind.GOODWILL,)),
        QueueFilter(ages=(Age.OLDER,)),
        QueueFilter(held=Held.NOBODY),
        QueueFilter(search="nobody"),
    ):
        assert ids(page(session, filter_)) == [], filter_
    assert ids(page(session, QueueFilter(held=Held.OTHERS))) == [other.id]


def test_counts_say_what_each_choice_would_show_under_the_other_filters(session: Session) -> None:
    for price in (10, 10, 50):
        alone(session, price)
    alone(session, failure_class=FailureClass.INVALID_IMAGE)
    found = counts(session, QueueFilter(classes=("content_policy",)), actor=reviewer(session))
    assert (found.cases, found.credits) == (3, 70)
    assert found.by["classes"] == {"content_policy": 3, "invalid_image": 1}
    assert found.by["sizes"] == {Size.SMALL: 2, Size.MIDDLE: 1}


def test_cases_of_one_fingerprint_and_hour_are_one_entry_where_the_first_stands(session: Session) -> None:
    lone = due(session, alone(session), 5 * MINUTE)
    many = [due(session, failed_case(session), (10 + n) * MINUTE) for n in range(5)]
    last = due(session, alone(session), 500 * MINUTE)
    found = page(session)
    assert ids(found) == [lone.id, 5, last.id]
    entry = found.entries[1]
    assert isinstance(entry, IncidentRow)
    assert (entry.cases, entry.credits, entry.customers, entry.first.id) == (5, 50, 5, many[0].id)
    # The entry is not told again on a later page, though its other cases would stand there.
    second = page(session, after=Place(many[1].due_at, many[1].id))
    assert ids(second) == [last.id]
    inside = page(session, QueueFilter(incident=entry.incident))
    assert ids(inside) == [case.id for case in many]


def test_two_alike_are_no_incident_yet_nor_are_other_hours(session: Session) -> None:
    cases = [failed_case(session) for _ in range(3)]
    before = Incident(cases[0].fingerprint or "", datetime(2020, 1, 1, tzinfo=UTC))
    assert ids(page(session, QueueFilter(incident=before))) == []
    claims.claim(session, actor=reviewer(session), case_id=cases[0].id)
    assert ids(page(session, QueueFilter(held=Held.NOBODY))) == [cases[1].id, cases[2].id]


def test_a_page_is_filled_past_the_members_of_incidents(session: Session) -> None:
    for n in range(12):
        due(session, failed_case(session), (10 + n) * MINUTE)
    rest = [due(session, alone(session), (100 + n) * MINUTE) for n in range(3)]
    assert ids(page(session, limit=3)) == [12, rest[0].id, rest[1].id]


def test_a_decision_that_waits_takes_the_case_out_of_the_queue_and_undo_brings_it_back(
    session: Session,
) -> None:
    case, sue = alone(session), reviewer(session)
    intents.intend(
        session,
        actor=sue,
        case_id=case.id,
        seen_seq=case.seq,
        decision="approve",
        amount=10,
        reason_code="refused_in_error",
    )
    assert ids(page(session)) == []
    assert counts(session, QueueFilter(), actor=sue).cases == 0
    intents.undo(session, actor=sue, case_id=case.id)
    assert ids(page(session)) == [case.id]


def test_neighbours_go_both_ways_and_leave_out_what_others_hold(session: Session) -> None:
    one, two, three = (due(session, alone(session), n * MINUTE) for n in (20, 30, 40))
    sue = reviewer(session)
    claims.claim(session, actor=reviewer(session, "Amir"), case_id=two.id)
    here = Place(one.due_at, one.id)
    after = neighbour(session, QueueFilter(), actor=sue, place=here)
    free = neighbour(session, QueueFilter(), actor=sue, place=here, free=True)
    assert after is not None
    assert free is not None
    assert (after.id, after.held_by, after.held_elsewhere, free.id) == (two.id, "Amir", True, three.id)
    back = neighbour(session, QueueFilter(), actor=sue, place=free.place, before=True)
    assert back is not None
    assert back.id == two.id
    assert neighbour(session, QueueFilter(), actor=sue, place=free.place) is None


def test_whoever_left_the_desk_gives_the_case_back(session: Session) -> None:
    stays, left = alone(session), alone(session)
    sue, amir = reviewer(session), reviewer(session, "Amir")
    claims.claim(session, actor=sue, case_id=stays.id)
    claims.looks_at(session, actor=sue, case_id=stays.id)
    claims.claim(session, actor=amir, case_id=left.id)
    claims.looks_at(session, actor=amir, case_id=left.id)
    session.execute(
        update(CaseViewer)
        .where(CaseViewer.case_id == left.id)
        .values(seen_at=func.now() - timedelta(minutes=3))
    )
    assert release_left(session) == 1
    session.expire_all()
    assert (stays.claimed_by, left.claimed_by) == (sue.id, None)


def test_moving_on_gives_back_what_one_held_before(session: Session) -> None:
    one, two, sue = alone(session), alone(session), reviewer(session)
    for case in (one, two):
        claims.claim(session, actor=sue, case_id=case.id)
    release_others(session, actor=sue, keep=two.id)
    session.expire_all()
    assert (one.claimed_by, two.claimed_by) == (None, sue.id)
