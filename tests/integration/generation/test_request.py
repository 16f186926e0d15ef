"""Asking for a generation: checked, priced, charged and queued at once, or not at all."""

import dataclasses
import uuid
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from core.access.permissions import ROLES, Actor, Permission, require
from core.access.staff import PERSONAS, active_staff, actor_by_email, actor_by_id, enrol, settle_personas
from core.customers.directory import create_customer, find_customers
from core.foundation.database import Database
from core.foundation.errors import (
    Conflict,
    InsufficientCredits,
    InvalidInput,
    NotAllowed,
    NotFound,
    OperatorError,
)
from core.generation.request import Wish, quote, request_generation, retry_generation
from core.settings import Settings
from core.tables.access import AuditEvent, Staff
from core.tables.generation import Generation
from tests.support.factories import NOON, make_customer, make_generation, make_selfie
from tests.support.wallets import rich

SETTINGS = Settings()


@pytest.fixture
def admin(database: Database) -> Actor:
    with database.transaction() as session:
        settle_personas(session, local=True)
        return active_staff(session)[0]


@pytest.fixture
def wish(database: Database) -> Wish:
    """A good wish of a customer with 25 credits."""
    with database.transaction() as session:
        customer = rich(session, 25, name="Ada")
        selfie = make_selfie(session, customer=customer)
    return Wish(uuid.uuid4().hex, customer.id, selfie.id, "A {{ style }} hero", {}, {"quality": "low"}, True)


def ask(database: Database, admin: Actor, wish: Wish, **changes: Any) -> Generation:
    with database.transaction() as session:
        changed = dataclasses.replace(wish, **changes)
        return request_generation(session, SETTINGS, actor=admin, wish=changed)


def generations(database: Database) -> int:
    with database.transaction() as session:
        return session.scalar(select(func.count()).select_from(Generation)) or 0


def test_a_good_wish_is_queued_priced_and_written_down(database: Database, admin: Actor, wish: Wish) -> None:
    generation = ask(database, admin, wish)
    assert (generation.state, generation.credits, generation.price_usd) == ("queued", 10, Decimal("0.0120"))
    assert generation.prompt.startswith("A clean ink")
    with database.transaction() as session:
        trail = session.scalars(select(AuditEvent.action)).all()
    assert "generation.request" in trail


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"template": " "}, InvalidInput, "The prompt is empty"),
        ({"template": "{{ hat }}"}, InvalidInput, "Fill in hat"),
        ({"parameters": {"quality": "ultra"}}, InvalidInput, "quality 'ultra' is not offered"),
        ({"parameters": {"seed": "1"}}, InvalidInput, "has no parameter 'seed'"),
        ({"selfie_id": 4711}, NotFound, "selfie is no longer there"),
        ({"model": "openai/dall-e-9"}, InvalidInput, "not in the catalog"),
    ],
)
def test_a_wrong_wish_is_told_and_leaves_nothing(
    database: Database,
    admin: Actor,
    wish: Wish,
    changes: dict[str, Any],
    error: type[OperatorError],
    sentence: str,
) -> None:
    with pytest.raises(error, match=sentence):
        ask(database, admin, wish, **changes)
    assert generations(database) == 0


def test_somebody_elses_selfie_is_refused(database: Database, admin: Actor, wish: Wish) -> None:
    with database.transaction() as session:
        other = make_selfie(session)
    with pytest.raises(InvalidInput, match="belongs to another customer"):
        ask(database, admin, wish, selfie_id=other.id)


def test_without_enough_credits_nothing_is_queued(database: Database, admin: Actor, wish: Wish) -> None:
    ask(database, admin, wish)
    ask(database, admin, wish, request_key="second")
    with pytest.raises(InsufficientCredits, match="Ada has 5 credits"):
        ask(database, admin, wish, request_key="third")
    assert generations(database) == 2


def test_a_used_key_with_other_contents_is_a_conflict(database: Database, admin: Actor, wish: Wish) -> None:
    first = ask(database, admin, wish)
    assert ask(database, admin, wish).id == first.id
    with pytest.raises(Conflict, match="sent before with other contents"):
        ask(database, admin, wish, template="Another hero")


def test_only_an_ended_generation_can_be_retried(database: Database, admin: Actor) -> None:
    with database.transaction() as session:
        running = make_generation(session, state="rendering").id
    with database.transaction() as session, pytest.raises(Conflict, match="only an ended one"):
        retry_generation(session, SETTINGS, actor=admin, generation_id=running, request_key="k")


def test_a_retry_keeps_the_template_and_sends_the_former_prompt_byte_for_byte(
    database: Database, admin: Actor, wish: Wish
) -> None:
    first = ask(database, admin, wish, template="A {{ style }}  hero\r\n{{ pose }}", values={"style": "inky"})
    with database.transaction() as session:
        failed = session.get_one(Generation, first.id)
        # As if the template's own words had changed since.
        failed.prompt, failed.state, failed.finished_at = "An inky  hero\r\nseated {{ }}", "failed", NOON
        failed.failure_class, failed.failure_message = "timeout", "It took too long."
    with database.transaction() as session:
        again = retry_generation(session, SETTINGS, actor=admin, generation_id=first.id, request_key="k")
    assert (again.template, again.prompt) == (first.template, "An inky  hero\r\nseated {{ }}")
    with database.transaction() as session:
        # The same click once more is the same generation.
        same = retry_generation(session, SETTINGS, actor=admin, generation_id=first.id, request_key="k")
    assert same.id == again.id


def test_what_the_provider_no_longer_offers_is_retried_with_todays_model(
    database: Database, admin: Actor
) -> None:
    with database.transaction() as session:
        gone = make_generation(
            session,
            state="failed",
            credits=0,
            model="openai/gpt-image-1.5",
            failure_class="model_unavailable",
        ).id
    with database.transaction() as session:
        again = retry_generation(session, SETTINGS, actor=admin, generation_id=gone, request_key="k")
    assert (again.model, again.retry_of) == (SETTINGS.model, gone)


def test_the_price_in_credits_is_the_setting_and_a_preview_is_free() -> None:
    assert quote(SETTINGS, {"quality": "low"}, charged=True).credits == SETTINGS.credits_per_avatar
    assert quote(SETTINGS, {"quality": "low"}, charged=False).credits == 0


def test_every_role_may_look_and_only_admin_may_everything() -> None:
    for role, granted in ROLES.items():
        assert Permission.LOOK in granted
        assert (granted == frozenset(Permission)) is (role == "admin")


def test_who_lacks_a_permission_is_told_who_has_it() -> None:
    with pytest.raises(NotAllowed, match=r"Vic may not grant credits\. These roles may: approver, admin\."):
        require(Actor(1, "Vic", "v@x", ("viewer",)), Permission.GRANT)


def test_an_unknown_role_may_only_look() -> None:
    odd = Actor(1, "Odd", "o@x", ("wizard",))
    assert [permission for permission in Permission if odd.may(permission)] == [Permission.LOOK]


def test_the_personas_are_seeded_once_and_a_removed_one_may_nothing(database: Database) -> None:
    for _ in range(2):
        with database.transaction() as session:
            settle_personas(session, local=True)
    with database.transaction() as session:
        staff = active_staff(session)
        assert [person.email for person in staff] == [email for email, _, _ in PERSONAS]
        session.get_one(Staff, staff[0].id).active = False
        session.flush()
        with pytest.raises(NotAllowed, match="no longer active"):
            actor_by_id(session, staff[0].id)


def test_with_sign_in_no_persona_is_staff_and_local_mode_brings_back_who_was_not_locked_out(
    database: Database,
) -> None:
    with database.transaction() as session:
        settle_personas(session, local=True)
        first, second, *_ = active_staff(session)
        enrol(session, email=second.email, name=second.name, roles=[])
        nora = enrol(session, email="nora@example.org", name="Nora", roles=["support"])
    with database.transaction() as session:
        settle_personas(session, local=False)
        assert active_staff(session) == [nora]
        with pytest.raises(NotAllowed, match="no longer active"):
            actor_by_id(session, first.id)
        with pytest.raises(NotAllowed, match="persona of local mode"):
            actor_by_email(session, first.email)
    with database.transaction() as session:
        settle_personas(session, local=True)
        back = {person.email for person in active_staff(session)}
        assert back == {email for email, _, _ in PERSONAS} - {second.email} | {nora.email}


def test_with_sign_in_nobody_is_made_staff_by_a_personas_address(database: Database) -> None:
    with database.transaction() as session:
        settle_personas(session, local=True)
        settle_personas(session, local=False)
        enrol(session, email=PERSONAS[0][0].upper(), name="Ada", roles=["admin"])
        with pytest.raises(InvalidInput, match="real mailbox"):
            enrol(session, email="x@inkdesk.local", name="X", roles=["admin"])
        assert active_staff(session) == []


def test_a_fresh_home_with_sign_in_has_no_persona_at_all(database: Database) -> None:
    with database.transaction() as session:
        settle_personas(session, local=False)
        assert session.scalars(select(Staff)).all() == []


def test_staff_are_entered_changed_and_locked_out_on_the_command_line(database: Database) -> None:
    with database.transaction() as session:
        entered = enrol(session, email=" Ada@Example.org", name="Ada", roles=["support"])
        changed = enrol(session, email="ada@example.org", name="Ada L.", roles=["admin", "admin"])
        assert (changed.id, changed.name, changed.roles) == (entered.id, "Ada L.", ("admin",))
        assert actor_by_email(session, "ADA@example.org") == changed
        enrol(session, email="ada@example.org", name="Ada L.", roles=[])
        with pytest.raises(NotAllowed, match="not entered as staff"):
            actor_by_email(session, "ada@example.org")
        assert len(session.scalars(select(AuditEvent).where(AuditEvent.action == "staff.enrol")).all()) == 3


@pytest.mark.parametrize(
    ("email", "name", "roles"), [("ada", "Ada", []), ("a@b", " ", []), ("a@b", "Ada", ["wizard"])]
)
def test_wrong_staff_are_refused(database: Database, email: str, name: str, roles: list[str]) -> None:
    with database.transaction() as session, pytest.raises(InvalidInput):
        enrol(session, email=email, name=name, roles=roles)


@pytest.mark.parametrize(
    ("reference", "name"), [("", "Ada"), ("a@b", " "), ("x" * 201, "Ada"), ("a\nb", "Ada")]
)
def test_a_customer_needs_a_reference_and_a_name(
    database: Database, admin: Actor, reference: str, name: str
) -> None:
    with database.transaction() as session, pytest.raises(InvalidInput):
        create_customer(session, actor=admin, reference=reference, name=name)


def test_customers_are_found_by_any_part_and_never_doubled(database: Database, admin: Actor) -> None:
    with database.transaction() as session:
        create_customer(session, actor=admin, reference="Ada@Example.org", name="Ada 100%")
        make_customer(session, name="Bob")
        assert [c.name for c in find_customers(session, "EXAMPLE")] == ["Ada 100%"]
        assert [c.name for c in find_customers(session, "0%")] == ["Ada 100%"]
        assert find_customers(session, "a_a") == []
        with pytest.raises(Conflict, match="already"):
            create_customer(session, actor=admin, reference=" ada@example.ORG ", name="Ada")
