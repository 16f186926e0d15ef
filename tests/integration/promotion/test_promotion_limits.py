"""The limits of the gate: changed with a reason, kept with who and why, never impossible."""

import dataclasses

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.foundation.errors import Conflict, InvalidInput
from core.promotion.conditions import Name
from core.promotion.limits import in_force, save_limits
from core.promotion.views import limits_history
from core.tables.access import AuditEvent
from tests.support.promotion import proven, standing, tom

__all__ = ["tom"]


def test_changed_limits_count_for_the_next_gate_and_are_kept_with_who_and_why(
    session: Session, tom: Actor
) -> None:
    made = proven(session, tom)
    number, limits = in_force(session)
    stricter = dataclasses.replace(limits, votes=30, refused_percent=5.0)

    saved = save_limits(session, actor=tom, limits=stricter, reason="more care", seen=number)

    found = standing(session, tom, made)
    assert [each.name for each in found.blocked] == [Name.VOTES, Name.REFUSED]
    assert found.limits_version == saved
    latest, first = limits_history(session)
    assert (latest.who, latest.reason) == ("Tom", "more care")
    assert list(latest.changes) == [("votes", 20, 30), ("refused_percent", 15.0, 5.0)]
    assert first.who is None
    assert not first.changes
    trail = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc()).limit(1)).one()
    assert trail.action == "promotion_limits.change"
    assert ((trail.before or {})["votes"], (trail.after or {})["votes"]) == (20, 30)
    with pytest.raises(Conflict, match="Somebody changed the limits meanwhile"):
        save_limits(session, actor=tom, limits=limits, reason="back", seen=number)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"votes": -1}, "Decided votes, at least: from 0 to 10,000"),
        ({"refused_percent": 101.0}, "from 0.1 to 100"),
        ({"guard_jobs": 5}, "Watched for, jobs: from 20 to 2,000"),
        ({"selfies": 2.5}, "a whole number"),
    ],
)
def test_impossible_limits_are_told(
    session: Session, tom: Actor, changes: dict[str, object], said: str
) -> None:
    number, limits = in_force(session)
    with pytest.raises(InvalidInput, match=said):
        save_limits(
            session,
            actor=tom,
            limits=dataclasses.replace(limits, **changes),  # type: ignore[arg-type]
            reason="x",
            seen=number,
        )
    with pytest.raises(InvalidInput, match="why the limits are changed"):
        save_limits(session, actor=tom, limits=dataclasses.replace(limits, votes=1), reason=" ", seen=number)
