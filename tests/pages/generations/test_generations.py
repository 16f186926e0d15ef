"""The Generations page: what it promises to the person at the desk."""

from typing import Any

import pytest
from sqlalchemy import func, select
from streamlit.testing.v1 import AppTest

import core.services
from core.foundation.errors import ServiceUnavailable
from core.ledger import moves as ledger
from core.services import Services
from core.storage.objects import ObjectStore
from core.tables.generation import Generation
from tests.pages.conftest import OpenPage
from tests.pages.looking import button, has_button, said
from tests.support.desk import TestDesk, wait_for, working
from tests.support.factories import make_customer, make_generation

PAGE = "pages/generations/page.py"


def make(services: Services, **columns: Any) -> int:
    with services.database.transaction() as session:
        return make_generation(session, **columns).id


def shown(at: AppTest) -> list[int]:
    """The numbers in the table, from the top."""
    return [int(number) for number in at.dataframe[0].value["id"]] if at.dataframe else []


def test_without_generations_it_leads_to_the_first(open_page: OpenPage) -> None:
    at = open_page(PAGE)
    assert "Nothing was generated yet" in said(at)
    assert "Draw the first avatar" in said(at)


def test_the_newest_come_first_with_customer_state_and_reason(
    open_page: OpenPage, services: Services
) -> None:
    with services.database.transaction() as session:
        mara = make_customer(session, name="Mara", reference="m-1")
        old = make_generation(session, customer=mara, state="failed", failure_class="auth").id
        new = make_generation(session, customer=mara, credits=0).id
    at = open_page(PAGE)
    assert shown(at) == [new, old]
    table = at.dataframe[0].value
    assert list(table["customer"]) == ["Mara", "Mara"]
    assert [list(state) for state in table["state"]] == [["Queued"], ["Failed"]]
    assert list(table["reason"]) == ["", "Provider refused our key"]
    assert list(table["credits"]) == ["Preview", "10"]


def test_filters_narrow_the_list_and_go_into_the_address(open_page: OpenPage, services: Services) -> None:
    noir = make(services, state="failed", prompt="noir shadows")
    make(services, state="failed", prompt="pop art")
    make(services, prompt="noir")
    at = open_page(PAGE)
    at.multiselect(key="generations_state").select("failed").run()
    at.text_input(key="generations_words").set_value("noir").run()
    assert shown(at) == [noir]
    assert at.query_params["state"] in ("failed", ["failed"])
    assert at.query_params["words"] in ("noir", ["noir"])


def test_the_address_alone_brings_the_same_list_back(open_page: OpenPage, services: Services) -> None:
    wanted = make(services, state="failed", failure_class="auth")
    make(services, state="failed")
    make(services)
    at = open_page(
        PAGE, query={"state": "failed", "class": "auth", "from": "2020-01-01", "purpose": "avatar"}
    )
    assert shown(at) == [wanted]
    assert str(at.date_input(key="generations_from").value) == "2020-01-01"


def test_nonsense_in_the_address_is_passed_over(open_page: OpenPage, services: Services) -> None:
    number = make(services)
    nonsense = {"state": "nope", "from": "yesterday", "older": "-1", "model": "x", "id": "abc", "class": "?"}
    assert shown(open_page(PAGE, query=nonsense)) == [number]


def test_no_match_says_so_and_one_click_shows_all_again(open_page: OpenPage, services: Services) -> None:
    number = make(services)
    at = open_page(PAGE, query={"customer": "nobody"})
    assert "No generation matches" in said(at)
    button(at, "Show all generations").click().run()
    assert shown(at) == [number]
    assert "customer" not in at.query_params


def test_older_and_newer_turn_the_pages_and_a_new_filter_starts_at_the_top(
    open_page: OpenPage, services: Services
) -> None:
    with services.database.transaction() as session:
        mara = make_customer(session, name="Mara")
        made = [make_generation(session, customer=mara).id for _ in range(60)]
    at = open_page(PAGE)
    assert shown(at) == made[:9:-1]
    assert button(at, "Newer").disabled
    button(at, "Older").click().run()
    assert shown(at) == made[9::-1]
    assert button(at, "Older").disabled
    at.text_input(key="generations_customer").set_value("mara").run()
    assert shown(at) == made[:9:-1]
    button(at, "Older").click().run()
    button(at, "Newer").click().run()
    assert shown(at) == made[:9:-1]


def test_a_click_on_a_row_opens_the_generation_that_was_shown_there(
    open_page: OpenPage, services: Services
) -> None:
    wanted = make(services, prompt="the one that was meant")
    at = open_page(PAGE)
    # One more comes in between, and pushes every row down.
    make(services)
    at.session_state["generations_table"] = {"selection": {"rows": [], "columns": [], "cells": [(0, "id")]}}
    at.run()
    assert f"Generation {wanted}" in [one.value for one in at.subheader]
    assert "the one that was meant" in [one.value for one in at.code]


def test_an_opened_generation_shows_pictures_story_credits_and_what_was_received(
    open_page: OpenPage, desk: TestDesk
) -> None:
    with working(desk):
        number = desk.ask()
        wait_for(lambda: desk.generation(number).state == "succeeded")
    at = open_page(PAGE, query={"id": str(number)})
    assert len(at.image) == 2
    assert "1024 x 1024" in said(at)
    assert "Avatar stored" in said(at)
    tables = "\n".join(table.value.to_string() for table in at.table)
    assert "Capture" in tables
    assert "Succeeded" in tables
    assert not has_button(at, "Try again")
    button(at, "All generations").click().run()
    assert number in shown(at)


def test_a_failed_generation_says_why_to_staff_and_what_the_customer_reads(
    open_page: OpenPage, services: Services
) -> None:
    number = make(
        services,
        state="failed",
        failure_class="auth",
        failure_message="We are on it.",
        failure_detail="401 <b>",
    )
    at = open_page(PAGE, query={"id": str(number)})
    assert "Check the API keys" in at.error[0].value
    assert "We are on it" in at.error[0].value
    assert "401 <b>" in [one.value for one in at.code]


def failed_for_money(desk: TestDesk) -> int:
    with desk.database.transaction() as session:
        customer = make_customer(session, name="Ben")
        ledger.grant(session, customer_id=customer.id, amount=100, reason="first", key="g-ben", actor="Ada")
        return make_generation(session, customer=customer, state="failed", prompt="Ben as a hero").id


def retries(services: Services, number: int) -> list[int]:
    with services.database.transaction() as session:
        return list(session.scalars(select(Generation.id).where(Generation.retry_of == number)))


def test_a_retry_is_one_generation_and_is_opened(
    open_page: OpenPage, desk: TestDesk, services: Services
) -> None:
    number = failed_for_money(desk)
    first, second = (open_page(PAGE, query={"id": str(number)}) for _ in range(2))
    button(first, "Try again, 10 credits").click().run()
    button(second, "Try again, 10 credits").click().run()
    (again,) = retries(services, number)
    assert f"Generation {again}" in [one.value for one in first.subheader]
    assert not has_button(second, "Try again")
    button(second, f"Tried again as generation {again}").click().run()
    assert f"Generation {again}" in [one.value for one in second.subheader]


def test_a_retry_without_credits_says_who_is_short(open_page: OpenPage, services: Services) -> None:
    number = make(services, state="failed")
    at = open_page(PAGE, query={"id": str(number)})
    button(at, "Try again").click().run()
    assert "needs 10" in at.error[-1].value
    assert retries(services, number) == []


@pytest.mark.parametrize(("persona", "allowed"), [("viewer", False), ("tuner", False), ("operator", True)])
def test_only_who_may_cancel_can(open_page: OpenPage, desk: TestDesk, persona: str, allowed: bool) -> None:
    number = desk.ask()
    at = open_page(PAGE, persona=persona, query={"id": str(number)})
    cancel = button(at, "Cancel the generation")
    if allowed:
        cancel.click().run()
        assert "Canceled by" in at.warning[0].value
        assert "10 credits came back" in at.warning[0].value
    assert desk.generation(number).state == ("canceled" if allowed else "queued")
    if not allowed:
        cancel.click().run()
        assert desk.generation(number).state == "queued"
        assert "may not cancel" in at.error[0].value


def test_a_viewer_cannot_retry_and_reads_who_can(open_page: OpenPage, services: Services) -> None:
    number = make(services, state="failed")
    retry = button(open_page(PAGE, persona="viewer", query={"id": str(number)}), "Try again")
    assert retry.disabled
    assert "operator" in retry.help


def test_a_number_that_is_not_there_is_told(open_page: OpenPage) -> None:
    for number in ("999999", "9" * 40):
        at = open_page(PAGE, query={"id": number})
        assert f"There is no generation {number}" in at.warning[0].value
        assert has_button(at, "All generations")


def test_the_list_stands_without_the_object_store(
    open_page: OpenPage, desk: TestDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with working(desk):
        number = desk.ask()
        wait_for(lambda: desk.generation(number).state == "succeeded")
    monkeypatch.setattr(ObjectStore, "get", unavailable)
    at = open_page(PAGE)
    assert shown(at) == [number]
    opened = open_page(PAGE, query={"id": str(number)})
    assert "object store" in said(opened)
    assert "Avatar stored" in said(opened)


def unavailable(*_: object) -> bytes:
    raise ServiceUnavailable("The object store cannot be used. Nothing was lost.")


def test_looking_writes_nothing(open_page: OpenPage, services: Services) -> None:
    number = make(services, state="failed")
    open_page(PAGE, persona="viewer")
    open_page(PAGE, persona="viewer", query={"id": str(number)})
    with core.services.current().database.transaction() as session:
        assert session.scalar(select(func.count()).select_from(Generation)) == 1
