"""The alert that automatic refunds are held back."""

import dataclasses
from datetime import UTC, datetime

from core.alerts.kinds import Kind
from core.alerts.machine import Sight
from core.alerts.measures import PRESENT, Question
from core.alerts.wording import sentence
from core.foundation.database import Database
from core.refunds import budgets
from core.refunds.policy import DEFAULT
from core.settings import Settings


def test_a_limit_that_is_reached_is_told_with_its_figures(database: Database) -> None:
    policy = dataclasses.replace(DEFAULT, breaker_floor=1)
    with database.transaction() as session:
        first = budgets.spend(session, policy, customer_id=1, amount=10)
        seen = PRESENT[Kind.REFUND_LIMIT](
            session, Settings(), Question(Kind.REFUND_LIMIT, {}), datetime.now(UTC)
        )
        assert first is None
        assert {each.sight for each in seen} == {Sight.GOOD}
        assert budgets.spend(session, policy, customer_id=2, amount=10) is not None
        seen = PRESENT[Kind.REFUND_LIMIT](
            session, Settings(), Question(Kind.REFUND_LIMIT, {}), datetime.now(UTC)
        )
    bad = [each for each in seen if each.sight is Sight.BAD]
    assert [each.subject for each in bad] == ["All customers"]
    assert sentence(Kind.REFUND_LIMIT, bad[0].facts).startswith(
        "1 of 1 automatic refund this hour (10 credits)"
    )
