"""The Refunds page: one decision for many cases."""

import pytest
from sqlalchemy import select

from core.desks.refunds import bulk
from core.services import Services
from core.tables.refund_states import CaseState
from core.tables.refunds import CompensationCase
from tests.pages.conftest import OpenPage
from tests.pages.looking import button, has_button, said
from tests.pages.refunding import PAGE, SUE, case, get, no_pause, persona
from tests.support.cases import failed_case, work_off

__all__ = ["no_pause"]
pytestmark = pytest.mark.usefixtures("no_pause")


def incident(services: Services, count: int = 5) -> None:
    with services.database.transaction() as session:
        for _ in range(count):
            failed_case(session)


def test_an_incident_is_one_entry_and_one_decision_for_all_of_it(
    open_page: OpenPage, services: Services
) -> None:
    incident(services)
    alone = case(services, name="Bea", minutes=2_000)
    at = open_page(PAGE, persona=SUE)
    next(one for one in at.button if "5 cases" in one.label).click().run()
    assert "5 cases, 50 credits" in said(at)
    button(at, "Decide all 5").click().run()
    figures = {metric.label: metric.value for metric in at.metric}
    assert (figures["Cases"], figures["Credits"], figures["Customers"]) == ("5", "50", "5")
    assert not has_button(at, "Deny")
    button(at, "Approve 5 cases, 50 credits").click().run()
    assert not at.exception
    assert "1 case, 10 credits" in said(at)
    work_off(services.database)
    with services.database.transaction() as session:
        states = session.scalars(select(CompensationCase.state)).all()
    assert sorted(states) == ["approved"] * 5 + ["pending"]
    assert get(services, alone).state == CaseState.PENDING


def test_batches_tell_what_became_of_each_case(open_page: OpenPage, services: Services) -> None:
    incident(services, 3)
    with services.database.transaction() as session:
        from core.desks.refunds.queue_filters import QueueFilter

        bulk.start_batch(
            session,
            actor=persona(services.database, SUE),
            filter_=QueueFilter(),
            decision="deny",
            reason_code="refused_content",
            note="spam",
            cases=3,
            total=30,
            key="k",
        )
    at = open_page(PAGE, persona=SUE, query={"view": "batches"})
    assert has_button(at, "Stop")
    work_off(services.database)
    at = open_page(PAGE, persona=SUE, query={"view": "batches"})
    at.toggle(key="refunds_items_1").set_value(True).run()
    assert list(at.dataframe[0].value["Outcome"]) == ["Done"] * 3
    assert not has_button(at, "Stop")
