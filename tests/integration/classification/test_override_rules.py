"""Override rules: kept in versions, in force for the next failure, never in the way of classifying."""

import logging
import time
from collections.abc import Callable

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.access.staff import actor_by_id
from core.classification.overrides import in_force
from core.classification.overrides.in_force import overrides_in_force
from core.classification.overrides.matching import Conditions, Override
from core.classification.overrides.records import (
    MOST_RULES,
    Spec,
    add_override,
    caught,
    change_override,
    history,
    list_overrides,
)
from core.classification.taxonomy import FailureClass, facts
from core.foundation.database import Database
from core.foundation.errors import Conflict, InvalidInput, NotAllowed, NotFound
from core.generation import endings
from core.settings import Settings
from core.tables.access import AuditEvent
from core.tables.failures import ErrorEvent, ErrorGroup
from core.tables.overrides import ErrorOverrideVersion
from tests.support.desk import TestDesk, wait_for, working
from tests.support.factories import make_generation, make_staff
from tests.support.failures import make_attempt

STUDIO = Spec(Conditions("studio is full"), FailureClass.RATE_LIMITED)


@pytest.fixture
def act(database: Database) -> Callable[..., Actor]:
    """Somebody with a role: `act("viewer")`."""

    def enter(role: str = "operator", name: str = "Olga") -> Actor:
        with database.transaction() as session:
            return actor_by_id(session, make_staff(session, name=name, roles=[role]).id)

    return enter


def add(database: Database, actor: Actor, spec: Spec = STUDIO, reason: str = "their word for it") -> int:
    with database.transaction() as session:
        return add_override(session, actor=actor, spec=spec, reason=reason)


def change(database: Database, actor: Actor, number: int, seen: int, spec: Spec, reason: str = "why") -> int:
    with database.transaction() as session:
        return change_override(
            session, actor=actor, override_id=number, seen_version=seen, spec=spec, reason=reason
        )


def changed(spec: Spec, **conditions: object) -> Spec:
    return Spec(Conditions(**conditions), spec.failure_class)  # type: ignore[arg-type]


def fail(database: Database, words: str) -> list[tuple[str, str | None]]:
    """One attempt that fails with these words by the rules in force; classes and rules of its events."""
    with database.transaction() as session:
        generation = make_generation(session, state="rendering", credits=0, attempts=1, max_attempts=1)
        attempt = make_attempt(session, generation, status="accepted")
        found = endings.trouble(
            where="prediction", text=words, model=generation.model, overrides=overrides_in_force(session)
        )
        endings.retry_or_fail(session, Settings(), generation, attempt, found)
        rows = session.execute(
            select(ErrorEvent.failure_class, ErrorEvent.rule)
            .where(ErrorEvent.generation_id == generation.id)
            .order_by(ErrorEvent.id)
        )
        return [(row.failure_class, row.rule) for row in rows]


def test_every_version_is_kept_with_who_when_and_why_and_audited(
    database: Database, act: Callable[..., Actor]
) -> None:
    olga, ada = act(), act("admin", "Ada")
    number = add(database, olga)
    narrower = changed(STUDIO, pattern="  *the studio   is full*", place="output_fetch", code=" FULL ")
    assert change(database, ada, number, 1, narrower, "too broad") == 2
    off = Spec(STUDIO.conditions, STUDIO.failure_class, enabled=False)
    assert change(database, olga, number, 2, off, "not needed") == 3
    assert change(database, olga, number, 3, STUDIO, "version 1 restored") == 4
    with database.transaction() as session:
        versions = history(session, number)
        listed = list_overrides(session)
        audit = session.scalars(select(AuditEvent).order_by(AuditEvent.id)).all()
    assert [(each.version, each.made_by, each.reason) for each in versions] == [
        (4, "Olga", "version 1 restored"),
        (3, "Olga", "not needed"),
        (2, "Ada", "too broad"),
        (1, "Olga", "their word for it"),
    ]
    assert versions[2].spec.conditions == Conditions("the studio is full", place="asset", code="FULL")
    assert versions[0].spec == versions[3].spec == STUDIO
    assert listed == versions[:1]
    assert [(row.action, row.staff_id, row.reason) for row in audit] == [
        ("error_override.add", olga.id, "their word for it"),
        ("error_override.change", ada.id, "too broad"),
        ("error_override.change", olga.id, "not needed"),
        ("error_override.change", olga.id, "version 1 restored"),
    ]
    assert audit[0].before is None
    assert audit[1].before is not None
    assert audit[1].after is not None
    assert (audit[1].before["pattern"], audit[1].after["pattern"]) == ("studio is full", "the studio is full")
    with pytest.raises(DBAPIError), database.transaction() as session:
        session.execute(text("UPDATE error_override_version SET reason = 'another'"))


def test_a_change_of_what_somebody_else_changed_is_refused_with_their_name(
    database: Database, act: Callable[..., Actor]
) -> None:
    number = add(database, act())
    change(database, act("admin", "Ada"), number, 1, changed(STUDIO, pattern="studio full"), "shorter")
    with pytest.raises(Conflict, match=r"Ada has saved version 2 meanwhile \(shorter\)"):
        change(database, act(), number, 1, changed(STUDIO, pattern="studio"))
    with database.transaction() as session:
        assert [each.version for each in history(session, number)] == [2, 1]


@pytest.mark.parametrize("role", ["viewer", "tuner", "support", "approver"])
def test_only_operators_and_admins_change_rules(
    database: Database, act: Callable[..., Actor], role: str
) -> None:
    number = add(database, act())
    with pytest.raises(NotAllowed, match="may not change the rules that classify failures"):
        add(database, act(role))
    with pytest.raises(NotAllowed, match="operator, admin"):
        change(database, act(role), number, 1, changed(STUDIO, pattern="studio"))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (changed(STUDIO, pattern="* a *"), "at least 3 letters"),
        (changed(STUDIO, pattern="- - -", code="x"), "at least 3 letters"),
        (changed(STUDIO, pattern=""), "stay empty"),
        (changed(STUDIO, pattern="x" * 501), "at most 500"),
        (changed(STUDIO, pattern="studio", http_status=99), "100 to 599"),
        (changed(STUDIO, pattern="studio", model="none"), "no model none"),
        (changed(STUDIO, code="x" * 501), "code has at most"),
        (Spec(STUDIO.conditions, STUDIO.failure_class, position=0), "order"),
    ],
)
def test_what_cannot_be_a_rule_is_refused(
    database: Database, act: Callable[..., Actor], spec: Spec, words: str
) -> None:
    with pytest.raises(InvalidInput, match=words):
        add(database, act(), spec)


def test_a_change_needs_a_reason_a_change_and_a_rule(database: Database, act: Callable[..., Actor]) -> None:
    number = add(database, act())
    for reason in (" ", "x" * 501):
        with pytest.raises(InvalidInput, match=r"why|reason"):
            add(database, act(), reason=reason)
    with pytest.raises(InvalidInput, match="Nothing was changed"):
        change(database, act(), number, 1, STUDIO)
    with pytest.raises(NotFound):
        change(database, act(), number + 1, 1, STUDIO)
    with pytest.raises(NotFound), database.transaction() as session:
        history(session, number + 1)


def test_there_is_a_limit_because_each_failure_is_held_against_all(
    database: Database, act: Callable[..., Actor]
) -> None:
    actor = act()
    with database.transaction() as session:
        for n in range(MOST_RULES):
            add_override(session, actor=actor, spec=changed(STUDIO, pattern=f"studio {n}"), reason="many")
    with pytest.raises(InvalidInput, match="100 rules already"):
        add(database, actor)


def test_rules_are_asked_in_their_order_and_off_is_off(database: Database, act: Callable[..., Actor]) -> None:
    olga = act()
    late = add(database, olga, Spec(STUDIO.conditions, FailureClass.AUTH, position=200))
    equal = add(database, olga, Spec(STUDIO.conditions, FailureClass.BILLING, position=200))
    first = add(database, olga, Spec(STUDIO.conditions, FailureClass.NETWORK, position=5))
    off = Spec(STUDIO.conditions, FailureClass.STORAGE, position=1, enabled=False)
    gone = add(database, olga, off)
    with database.transaction() as session:
        assert [each.id for each in in_force.read_overrides(session)] == [first, late, equal]
        assert [each.override_id for each in list_overrides(session)] == [first, late, equal, gone]


def test_the_next_failure_after_a_change_follows_it_and_earlier_ones_stay_in_their_group(
    database: Database, act: Callable[..., Actor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_force, "FRESH_SECONDS", 0.0)
    words = "The studio is full, come back later"
    [before, _] = fail(database, words)
    assert before[0] != "rate_limited"
    with database.transaction() as session:
        groups = {each.fingerprint: each.failure_class for each in session.scalars(select(ErrorGroup))}
    number = add(database, act())
    assert fail(database, words) == [("rate_limited", f"override:{number}.v1")] * 2
    change(database, act(), number, 1, Spec(STUDIO.conditions, FailureClass.BILLING))
    assert fail(database, words) == [("billing", f"override:{number}.v2")] * 2
    change(database, act(), number, 2, Spec(STUDIO.conditions, FailureClass.BILLING, enabled=False))
    assert fail(database, words) == [before, before]
    with database.transaction() as session:
        after = {each.fingerprint: each.failure_class for each in session.scalars(select(ErrorGroup))}
        assert caught(session) == {number: 4}
    assert groups.items() <= after.items()
    assert len(after) == len(groups) + 2


def test_a_hundred_failures_read_the_rules_once(
    database: Database, act: Callable[..., Actor], monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []
    real = in_force.read_overrides

    def counted(session: Session) -> tuple[Override, ...]:
        reads.append(1)
        return real(session)

    monkeypatch.setattr(in_force, "FRESH_SECONDS", 60.0)
    monkeypatch.setattr(in_force, "read_overrides", counted)
    number = add(database, act())
    with database.transaction() as session:
        for _ in range(100):
            assert [each.id for each in overrides_in_force(session)] == [number]
    assert len(reads) == 1


def test_rules_are_read_again_within_five_seconds() -> None:
    assert in_force.FRESH_SECONDS + in_force.ANSWER_WITHIN_MS / 1000 < 5


def test_rules_that_cannot_be_read_leave_the_known_ones_and_the_transaction(
    database: Database,
    act: Callable[..., Actor],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(in_force, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(in_force, "ANSWER_WITHIN_MS", 50)
    number = add(database, act())
    words = "The studio is full, out of memory"
    with database.sessions() as holding:
        # Nothing was read yet: only the built-in rules are there.
        holding.execute(text("LOCK TABLE error_override_version IN ACCESS EXCLUSIVE MODE"))
        with caplog.at_level(logging.WARNING):
            assert fail(database, words)[0][0] == "provider_outage"
        assert "built-in rules go on" in caplog.text
        holding.rollback()
        assert fail(database, words)[0][1] == f"override:{number}.v1"
        holding.execute(text("LOCK TABLE error_override_version IN ACCESS EXCLUSIVE MODE"))
        assert fail(database, words)[0][1] == f"override:{number}.v1"


def test_a_class_that_this_version_does_not_know_is_passed_over(
    database: Database, act: Callable[..., Actor]
) -> None:
    number = add(database, act())
    with database.transaction() as session:
        row = session.get_one(ErrorOverrideVersion, (number, 1))
        strange = {c.name: getattr(row, c.name) for c in row.__table__.columns} | {"version": 2}
        session.add(ErrorOverrideVersion(**strange | {"failure_class": "of_tomorrow"}))
        session.flush()
        session.execute(text("UPDATE error_override SET version = 2"))
        assert in_force.read_overrides(session) == ()


def test_a_rule_counts_for_a_worker_at_work_wherever_the_failure_comes_from(
    desk: TestDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_force, "FRESH_SECONDS", 0.05)
    with working(desk):
        before = desk.ask("An early hero [sandbox:billing x1]")
        wait_for(desk.all_ended)
        refused = add(
            desk.database,
            desk.admin,
            Spec(Conditions(place="replicate_http", http_status=402), FailureClass.INVALID_INPUT),
        )
        drawn = add(
            desk.database,
            desk.admin,
            Spec(Conditions("(E001)", "prediction", model=desk.services.settings.model), FailureClass.AUTH),
        )
        fetched = add(
            desk.database,
            desk.admin,
            Spec(Conditions(place="asset", http_status=404), FailureClass.ASSET_INVALID),
        )
        time.sleep(0.1)
        asked = [desk.ask(f"A hero [sandbox:{fault} x1]") for fault in ("billing", "e001", "output_404")]
        wait_for(desk.all_ended)
    assert desk.generation(before).failure_class == "billing"
    assert [desk.attempts(each)[0].failure_rule for each in asked] == [
        f"override:{number}.v1" for number in (refused, drawn, fetched)
    ]
    assert [desk.generation(each).failure_class for each in asked] == ["invalid_input", "auth", None]
    assert desk.generation(asked[0]).failure_message == facts(FailureClass.INVALID_INPUT).customer_message
    with desk.database.transaction() as session:
        events = session.execute(
            select(ErrorEvent.place, ErrorEvent.http_status)
            .where(ErrorEvent.generation_id == asked[0])
            .distinct()
        ).all()
    assert [tuple(row) for row in events] == [("replicate_http", 402)]
