"""Test sets: made, changed by adding versions, listed. Only selfies of people who agreed get in."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.access.staff import record
from core.foundation.errors import Conflict, InvalidInput, NotFound
from core.tables.customers import Customer
from core.tables.images import StoredSelfie
from core.tables.testsets import TestPerson, TestSet, TestSetMember, TestSetVersion

LONGEST_NAME = 80
LONGEST_NOTE = 500
MOST_SELFIES = 50

# What makes a selfie hard, or tells people apart whom a prompt may serve worse; several may hold.
TAGS: dict[str, tuple[str, ...]] = {
    "Light": ("light: even", "light: dim", "light: backlit", "light: hard"),
    "Glasses": ("glasses", "sunglasses"),
    "Beard": ("beard", "moustache"),
    "Hair": ("hair covered", "bald", "long hair"),
    "Skin tone": ("skin: light", "skin: medium", "skin: dark"),
    "Age": ("age: child", "age: young", "age: middle", "age: old"),
    "Difficulty": ("two people", "no face"),
}
KNOWN_TAGS = frozenset(tag for tags in TAGS.values() for tag in tags)


@dataclasses.dataclass(frozen=True)
class Member:
    """A selfie that shall be in a version, with its tags (of KNOWN_TAGS)."""

    selfie_id: int
    tags: Sequence[str] = ()


@dataclasses.dataclass(frozen=True)
class SetView:
    """A test set with its newest version."""

    id: int
    name: str
    description: str
    version_id: int
    number: int
    selfies: int
    note: str
    changed_at: datetime
    archived: bool


@dataclasses.dataclass(frozen=True)
class MemberView:
    """One selfie of a version. `usable` is false where its person was deleted or took the consent back."""

    selfie_id: int
    position: int
    tags: tuple[str, ...]
    customer_id: int
    name: str
    usable: bool


def create_set(
    session: Session, *, actor: Actor, name: str, members: Sequence[Member], description: str = ""
) -> TestSetVersion:
    """Make a test set; its first version. Raises NotAllowed, InvalidInput, NotFound, Conflict (name)."""
    require(actor, Permission.EDIT_TEST_SETS)
    title = " ".join(name.split())
    if not 0 < len(title) <= LONGEST_NAME:
        raise InvalidInput(f"A test set needs a name of at most {LONGEST_NAME} characters.")
    _check(session, members)
    made = insert(TestSet).values(name=title, description=description.strip(), created_by=actor.id)
    set_id = session.scalars(made.on_conflict_do_nothing().returning(TestSet.id)).one_or_none()
    if set_id is None:
        raise Conflict(f"There is a test set '{title}' already. Choose another name.")
    return _add(session, actor=actor, set_id=set_id, members=members, note="")


def new_version(
    session: Session,
    *,
    actor: Actor,
    test_set_id: int,
    members: Sequence[Member],
    note: str = "",
    after: int | None = None,
) -> TestSetVersion:
    """Save the next version of a set. `after` is the version that was edited, where that is to be checked.

    Raises NotAllowed, NotFound, InvalidInput, and Conflict where the set is archived or was changed since.
    """
    require(actor, Permission.EDIT_TEST_SETS)
    found = session.get(TestSet, test_set_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise NotFound(f"There is no test set {test_set_id}.")
    if found.archived_at is not None:
        raise Conflict(f"{found.name} is archived. Restore it before you change it.")
    if after is not None and after != newest_version(session, test_set_id).id:
        raise Conflict(f"{found.name} was changed meanwhile. Reload and edit its newest version.")
    _check(session, members)
    return _add(session, actor=actor, set_id=test_set_id, members=members, note=note)


def newest_version(session: Session, test_set_id: int) -> TestSetVersion:
    """The version of a set that experiments take unless told otherwise. Raises NotFound."""
    of_it = select(TestSetVersion).where(TestSetVersion.test_set_id == test_set_id)
    found = session.scalars(of_it.order_by(TestSetVersion.number.desc()).limit(1)).one_or_none()
    if found is None:
        raise NotFound(f"There is no test set {test_set_id}.")
    return found


def list_sets(session: Session, *, archived: bool = False) -> list[SetView]:
    """Every test set by name, each with its newest version."""
    newest = (
        select(TestSetVersion.test_set_id, func.max(TestSetVersion.number).label("number"))
        .group_by(TestSetVersion.test_set_id)
        .subquery()
    )
    size = (
        select(func.count())
        .select_from(TestSetMember)
        .where(TestSetMember.version_id == TestSetVersion.id)
        .scalar_subquery()
    )
    query = (
        select(TestSet, TestSetVersion, size)
        .join(newest, newest.c.test_set_id == TestSet.id)
        .join(
            TestSetVersion,
            and_(TestSetVersion.test_set_id == TestSet.id, TestSetVersion.number == newest.c.number),
        )
        .order_by(func.lower(TestSet.name))
        .execution_options(populate_existing=True)
    )
    if not archived:
        query = query.where(TestSet.archived_at.is_(None))
    return [
        SetView(
            id=found.id,
            name=found.name,
            description=found.description,
            version_id=version.id,
            number=version.number,
            selfies=selfies,
            note=version.note,
            changed_at=version.created_at,
            archived=found.archived_at is not None,
        )
        for found, version, selfies in session.execute(query)
    ]


def members_of(session: Session, version_id: int) -> list[MemberView]:
    """The selfies of a version in their order. Raises NotFound."""
    if session.get(TestSetVersion, version_id) is None:
        raise NotFound(f"There is no test set version {version_id}.")
    rows = session.execute(
        select(TestSetMember, StoredSelfie, Customer.name, may_be_tested_on().label("usable"))
        .join(StoredSelfie, StoredSelfie.id == TestSetMember.selfie_id)
        .join(Customer, Customer.id == StoredSelfie.customer_id)
        .outerjoin(TestPerson, TestPerson.customer_id == Customer.id)
        .where(TestSetMember.version_id == version_id)
        .order_by(TestSetMember.position)
    )
    return [
        MemberView(
            selfie_id=selfie.id,
            position=member.position,
            tags=tuple(member.tags),
            customer_id=selfie.customer_id,
            name=name,
            usable=usable,
        )
        for member, selfie, name, usable in rows
    ]


def may_be_tested_on() -> ColumnElement[bool]:
    """Whether a Customer, outer joined with their TestPerson, agreed to tests and was not deleted since."""
    uploaded = and_(TestPerson.source == "upload", TestPerson.deleted_at.is_(None))
    agreed = or_(Customer.test_consent_at.is_not(None), func.coalesce(uploaded, False))
    return and_(Customer.erased_at.is_(None), agreed)


def refused_selfies(session: Session, selfie_ids: Sequence[int]) -> dict[int, str]:
    """Selfies that may not be tested on, each with a sentence that says why."""
    rows = session.execute(
        select(StoredSelfie.id, Customer.name, Customer.erased_at, may_be_tested_on())
        .join(Customer, Customer.id == StoredSelfie.customer_id)
        .outerjoin(TestPerson, TestPerson.customer_id == Customer.id)
        .where(StoredSelfie.id.in_(selfie_ids))
    ).all()
    known = {row[0] for row in rows}
    refused = {each: "The selfie is no longer there." for each in selfie_ids if each not in known}
    for selfie_id, name, erased_at, usable in rows:
        if erased_at is not None:
            refused[selfie_id] = "The person's data was deleted, and the selfie with it."
        elif not usable:
            refused[selfie_id] = f"{name} has not agreed to tests with their selfies."
    return refused


def _add(
    session: Session, *, actor: Actor, set_id: int, members: Sequence[Member], note: str
) -> TestSetVersion:
    words = note.strip()
    if len(words) > LONGEST_NOTE:
        raise InvalidInput(f"A note has at most {LONGEST_NOTE} characters.")
    last = select(func.max(TestSetVersion.number)).where(TestSetVersion.test_set_id == set_id)
    number = (session.scalar(last) or 0) + 1
    version = TestSetVersion(test_set_id=set_id, number=number, note=words, author_id=actor.id)
    session.add(version)
    session.flush()
    session.execute(
        insert(TestSetMember),
        [
            {
                "version_id": version.id,
                "selfie_id": member.selfie_id,
                "position": position,
                "tags": sorted(set(member.tags)),
            }
            for position, member in enumerate(members, start=1)
        ],
    )
    record(
        session,
        actor=actor,
        action="test_set.save",
        subject=f"test_set:{set_id}",
        reason=words or None,
        after={"version_id": version.id, "number": number, "selfies": len(members)},
    )
    session.flush()
    return version


def _check(session: Session, members: Sequence[Member]) -> None:
    if not 0 < len(members) <= MOST_SELFIES:
        raise InvalidInput(f"A test set has 1 to {MOST_SELFIES} selfies.")
    if twice := [each for each, times in Counter(m.selfie_id for m in members).items() if times > 1]:
        raise InvalidInput(f"Selfie {twice[0]} is in the set twice.")
    if unknown := sorted({tag for member in members for tag in member.tags} - KNOWN_TAGS):
        raise InvalidInput(f"There is no tag '{unknown[0]}'. Tags: {', '.join(sorted(KNOWN_TAGS))}.")
    if refused := refused_selfies(session, [member.selfie_id for member in members]):
        selfie_id, why = next(iter(refused.items()))
        raise InvalidInput(f"Selfie {selfie_id} cannot be in a test set. {why}")
