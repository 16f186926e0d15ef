"""Delivered avatars are checked once, newest first, and the result is kept."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select, update

from core.foundation.errors import NotFound
from core.images.checks.service import (
    VERSION,
    check_generation,
    check_in_turn,
    checks_of,
    waiting_for_checks,
)
from core.images.checks.verdicts import Check, Verdict
from core.tables.generation import Avatar
from core.tables.image_checks import ImageCheck
from tests.support.avatars import deliver
from tests.support.desk import TestDesk, wait_for, working
from tests.support.factories import make_customer, make_generation
from tests.support.framings import cut_off, whole
from tests.support.pictures import encode


def test_a_worker_checks_what_it_has_delivered(desk: TestDesk) -> None:
    asked = desk.with_settings(rollup_interval_seconds=0.1)
    generation_id = asked.ask()

    def is_checked() -> bool:
        with desk.database.transaction() as session:
            return generation_id in checks_of(session, [generation_id])

    with working(asked):
        wait_for(is_checked)
    with desk.database.transaction() as session:
        verdicts = checks_of(session, [generation_id])[generation_id].verdicts
    assert [verdicts[check] for check in (Check.DECODES, Check.SIZE, Check.OWN)] == [Verdict.PASSED] * 3


def test_the_newest_avatars_are_checked_first_and_none_twice(desk: TestDesk) -> None:
    ids = [deliver(desk, encode(whole(number).image, "PNG")) for number in range(3)]
    with desk.database.transaction() as session:
        assert waiting_for_checks(session) == ids[::-1]
    assert check_in_turn(desk.database, desk.services.objects, worker="a", every_seconds=0) == 3
    assert check_in_turn(desk.database, desk.services.objects, worker="a", every_seconds=0) == 0


def test_of_two_workers_at_once_one_does_it(desk: TestDesk) -> None:
    deliver(desk, encode(whole(0).image, "PNG"))
    with ThreadPoolExecutor(2) as pool:
        turns = [
            pool.submit(check_in_turn, desk.database, desk.services.objects, worker=name, every_seconds=0)
            for name in ("a", "b")
        ]
    assert sorted(turn.result() for turn in turns) == [0, 1]


def test_what_an_older_version_judged_is_judged_again(desk: TestDesk) -> None:
    generation_id = deliver(desk, encode(whole(0).image, "PNG"))
    with desk.database.transaction() as session:
        check_generation(session, desk.services.objects, generation_id)
        session.execute(update(ImageCheck).values(version=VERSION - 1, framing="failed"))
    check_in_turn(desk.database, desk.services.objects, worker="a", every_seconds=0)
    with desk.database.transaction() as session:
        assert session.scalars(select(ImageCheck.framing)).one() == "passed"
        assert session.scalar(select(func.count()).select_from(ImageCheck)) == 1


def test_the_same_bytes_for_another_person_are_found_and_for_the_same_person_not(desk: TestDesk) -> None:
    content = encode(whole(0).image, "PNG")
    first, again = deliver(desk, content), deliver(desk, content)
    with desk.database.transaction() as session:
        same = check_generation(session, desk.services.objects, again)
        assert same.verdicts[Check.OWN] is Verdict.PASSED
        stranger = make_customer(session, name="Bo").id
    other = deliver(desk, content, customer_id=stranger)
    with desk.database.transaction() as session:
        found = check_generation(session, desk.services.objects, other)
    assert found.verdicts[Check.OWN] is Verdict.FAILED
    assert found.facts.same_as == first


def test_what_was_found_is_read_back_as_it_was(desk: TestDesk) -> None:
    generation_id = deliver(desk, encode(cut_off(0).image, "PNG"))
    with desk.database.transaction() as session:
        found = check_generation(session, desk.services.objects, generation_id)
        assert checks_of(session, [generation_id, generation_id + 1]) == {generation_id: found}
        assert session.scalars(select(ImageCheck.framing)).one() == Verdict.FAILED


def test_an_erased_picture_cannot_be_judged_and_is_not_asked_for_again(desk: TestDesk) -> None:
    generation_id = deliver(desk, encode(whole(0).image, "PNG"))
    with desk.database.transaction() as session:
        desk.services.objects.delete(session.get_one(Avatar, generation_id).object_key)
    check_in_turn(desk.database, desk.services.objects, worker="a", every_seconds=0)
    with desk.database.transaction() as session:
        assert set(checks_of(session, [generation_id])[generation_id].verdicts.values()) == {Verdict.UNKNOWN}
        assert waiting_for_checks(session) == []


def test_a_generation_without_avatar_cannot_be_checked(desk: TestDesk) -> None:
    with desk.database.transaction() as session:
        generation_id = make_generation(session).id
        with pytest.raises(NotFound):
            check_generation(session, desk.services.objects, generation_id)
