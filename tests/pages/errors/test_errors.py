"""The Errors page: what it promises to the person at the desk."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from core.classification.events import Failure, note_failure
from core.foundation.statistics.rates import Rate
from core.monitoring.rollups import EVERYTHING, Slice, counts_over_time
from core.monitoring.stacks import stacks
from core.rollups.absorb import absorb
from core.rollups.bins import Grain, bins
from core.services import Services
from core.tables.failures import ErrorGroup
from core.tables.generation import Generation
from pages.errors.chart import query_of_point
from pages.errors.filters import Question
from pages.errors.rates import compared
from tests.pages.conftest import OpenPage
from tests.pages.looking import button, has_button, said
from tests.support.factories import make_customer, make_generations
from tests.support.failures import fail_once
from tests.support.prompts import edit, make_actor, make_prompt

PAGE = "pages/errors/page.py"
LIST = "pages/generations/page.py"


def fail(services: Services, count: int = 1, *, failure_class: str = "timeout", **columns: Any) -> str:
    """So many generations that failed a minute ago; the fingerprint of their group."""
    with services.database.transaction() as session:
        customer = make_customer(session, name="Mara")
        at = columns.pop("finished_at", datetime.now(UTC) - timedelta(minutes=1))
        common = {"state": "failed", "finished_at": at, "failure_class": failure_class, **columns}
        each = [{**common, "failure_detail": f"It took {n} seconds <b>"} for n in range(count)]
        for generation in make_generations(session, each, customer=customer):
            name = note_failure(
                session,
                Failure(
                    generation_id=generation.id,
                    customer_id=customer.id,
                    failure_class=failure_class,
                    detail=str(generation.failure_detail),
                    template_hash="t",
                    rule="slow",
                    credits=10,
                ),
                at=at,
            )
    absorb(services.database)
    return name


def succeed(services: Services, count: int, **columns: Any) -> None:
    at = columns.pop("finished_at", datetime.now(UTC) - timedelta(minutes=1))
    with services.database.transaction() as session:
        each = {"state": "succeeded", "finished_at": at, **columns}
        make_generations(session, [each] * count, customer=make_customer(session))
    absorb(services.database)


def figures(at: AppTest) -> dict[str, str]:
    return {metric.label: str(metric.value) for metric in at.metric}


def state_of(services: Services, name: str) -> str:
    with services.database.transaction() as session:
        return session.get_one(ErrorGroup, name).state


def listed(at: AppTest) -> list[int]:
    return [int(number) for number in at.dataframe[0].value["id"]] if at.dataframe else []


def test_an_empty_desk_says_so_in_every_view(open_page: OpenPage) -> None:
    for view, words in (
        ("groups", "No error group here"),
        ("rates", "Nothing ended in this time"),
        ("different", "Nothing stands out"),
        ("times", "How long the stages took"),
        ("try", "The rule that matches appears here"),
    ):
        at = open_page(PAGE, query={"view": view})
        assert words in said(at)
        assert figures(at)["95 % interval"] == "Not enough data"


def test_the_figures_of_the_range_carry_their_interval(open_page: OpenPage, services: Services) -> None:
    fail(services, 10)
    succeed(services, 30)
    shown = figures(open_page(PAGE))
    assert (shown["Failed"], shown["Failure rate"]) == ("10", "25.0%")
    assert shown["95 % interval"] == "14.2% to 40.2%"
    assert shown["Groups to look at"] == "1"


def test_what_is_asked_for_lives_in_the_address(open_page: OpenPage, services: Services) -> None:
    fail(services, 2)
    fail(services, failure_class="auth")
    at = open_page(PAGE)
    at.multiselect(key="errors_class").select("auth").run()
    at.selectbox(key="errors_dimension").select("quality").run()
    at.selectbox(key="errors_value").select("low").run()
    assert figures(at)["Failed"] == "1"
    again = open_page(PAGE, query=flat({name: at.query_params[name] for name in at.query_params}))
    assert figures(again) == figures(at)
    assert again.selectbox(key="errors_value").value == "low"


def test_nonsense_in_the_address_is_passed_over(open_page: OpenPage, services: Services) -> None:
    fail(services)
    nonsense = {"range": "ever", "bars": "x", "class": "?", "from": "z", "dimension": "d", "view": "v"}
    assert figures(open_page(PAGE, query=nonsense))["Failed"] == "1"
    custom = {"range": "custom", "from": "1999-01-01", "to": "nope"}
    assert figures(open_page(PAGE, query=custom))["Failed"] == "1"


def test_a_custom_range_shows_only_its_days(open_page: OpenPage, services: Services) -> None:
    fail(services, 3, finished_at=datetime(2026, 2, 3, 12, tzinfo=UTC))
    fail(services, 1, finished_at=datetime(2026, 2, 5, 12, tzinfo=UTC))
    query = {"range": "custom", "from": "2026-02-02", "to": "2026-02-04"}
    assert figures(open_page(PAGE, query=query))["Failed"] == "3"


def test_the_list_behind_every_bar_and_class_holds_as_many_as_the_bar(
    open_page: OpenPage, services: Services
) -> None:
    start = datetime(2026, 2, 3, 9, tzinfo=UTC)
    for hour, failure_class, count in (
        (0, "timeout", 3),
        (0, "auth", 1),
        (1, "timeout", 2),
        (1, "network", 1),
    ):
        fail(services, count, failure_class=failure_class, finished_at=start + timedelta(hours=hour))
    # The edges belong to one bar each.
    fail(services, 1, finished_at=start + timedelta(hours=1) - timedelta(microseconds=1))
    succeed(services, 2, finished_at=start)
    chosen = bins(start, start + timedelta(hours=2), Grain.HOUR, UTC)
    asked = Question(chosen, Grain.HOUR, (), EVERYTHING, live=False)
    with services.database.transaction() as session:
        counts = counts_over_time(session, chosen)
    shown = stacks(counts)
    for place in range(len(counts)):
        for trace, stack in enumerate(shown, start=1):
            query = query_of_point({"point_index": place, "curve_number": trace}, counts, shown, asked)
            assert query is not None
            at = open_page(LIST, query=flat(query))
            assert len(listed(at)) == stack.counts[place]
    line = query_of_point({"point_index": 0, "curve_number": 0}, counts, shown, asked)
    assert line is not None
    assert len(listed(open_page(LIST, query=flat(line)))) == 2


def flat(query: dict[str, Any]) -> dict[str, str]:
    return {name: value[0] if isinstance(value, list) else value for name, value in query.items()}


def test_the_list_of_one_value_of_a_dimension_holds_its_own(open_page: OpenPage, services: Services) -> None:
    fail(services, 2, parameters={"quality": "high"})
    fail(services, 1)
    with services.database.transaction() as session:
        template = session.scalars(select(Generation.template)).first()
    assert template == "A comic hero"
    for dimension, value, count in (
        ("quality", "high", 2),
        ("quality", "low", 1),
        ("worker", "", 3),
        ("selfie", "no doubts", 3),
        ("faces", "one", 3),
        ("shape", "square", 3),
        ("size", "512 to 767 px", 3),
        ("nonsense", "x", 0),
    ):
        at = open_page(LIST, query={"state": "failed", "dimension": dimension, "value": value})
        assert len(listed(at)) == count, dimension


def test_a_mark_says_what_the_chart_asked_for_and_one_click_forgets_it(
    open_page: OpenPage, services: Services
) -> None:
    name = fail(services)
    fail(services, failure_class="auth")
    at = open_page(LIST, query={"group": name})
    assert len(listed(at)) == 1
    button(at, "Error group").click().run()
    assert len(listed(at)) == 2
    assert "group" not in at.query_params


def test_a_click_on_a_group_opens_it_with_samples_customers_and_history(
    open_page: OpenPage, services: Services
) -> None:
    name = fail(services, 3)
    at = open_page(PAGE)
    assert list(at.dataframe[0].value["generations"]) == [3]
    at.session_state["errors_groups_table"] = {
        "selection": {"rows": [], "columns": [], "cells": [(0, "state")]}
    }
    at.run()
    assert "Timed out" in [one.value for one in at.subheader]
    assert "It took 2 seconds <b>" in [one.value for one in at.code]
    assert "Mara" in "\n".join(table.value.to_string() for table in at.table)
    assert figures(at)["Generations lost"] == "3"
    assert "was seen first" in said(at)
    button(at, "All groups").click().run()
    assert list(at.dataframe[0].value["generations"]) == [3]
    assert name not in at.query_params.get("group", "")


def test_acknowledge_mute_reopen_and_resolve_from_the_page(open_page: OpenPage, services: Services) -> None:
    name = fail(services)
    at = open_page(PAGE, persona="operator", query={"group": name})
    at.text_input(key="errors_acknowledge_note").set_value("I look at it")
    button(at, "I am on it").click().run()
    assert state_of(services, name) == "acknowledged"
    assert "I look at it" in said(at)
    assert not has_button(at, "I am on it")
    button(at, "Mute it").click().run()
    assert state_of(services, name) == "muted"
    button(at, "Reopen").click().run()
    assert state_of(services, name) == "ongoing"
    button(at, "Resolve it").click().run()
    assert state_of(services, name) == "resolved"
    assert "resolved it" in said(at)


def test_a_group_is_assigned_and_noted(open_page: OpenPage, services: Services) -> None:
    name = fail(services)
    at = open_page(PAGE, query={"group": name})
    names = {str(option): n for n, option in enumerate(at.selectbox(key=f"errors_assign_{name}").options)}
    at.selectbox(key=f"errors_assign_{name}").select_index(names["Sue (support reviewer)"])
    at.text_area(key=f"errors_note_{name}").set_value("Ask the provider")
    button(at, "Save").click().run()
    assert "With Sue" in said(at)
    assert at.info[0].value == "Ask the provider"


def test_two_pages_acknowledge_and_the_second_reads_who_was_first(
    open_page: OpenPage, services: Services
) -> None:
    name = fail(services)
    first = open_page(PAGE, persona="operator", query={"group": name})
    second = open_page(PAGE, persona="support", query={"group": name})
    button(first, "I am on it").click().run()
    button(second, "I am on it").click().run()
    assert "by Olga (operator)" in said(second)
    assert not has_button(second, "I am on it")
    with services.database.transaction() as session:
        assert session.get_one(ErrorGroup, name).acknowledged_by == "Olga (operator)"


@pytest.mark.parametrize("persona", ["viewer", "approver"])
def test_who_only_looks_changes_nothing(open_page: OpenPage, services: Services, persona: str) -> None:
    name = fail(services)
    at = open_page(PAGE, persona=persona, query={"group": name})
    button(at, "Resolve it").click().run()
    assert "may not acknowledge, mute, resolve" in at.error[0].value
    assert state_of(services, name) == "new"


def test_a_group_that_is_not_there_is_told(open_page: OpenPage) -> None:
    at = open_page(PAGE, query={"group": "v1:none"})
    assert "no such error group" in at.warning[0].value
    assert has_button(at, "All groups")


def test_resolved_groups_leave_the_to_do_and_are_found_among_all(
    open_page: OpenPage, services: Services
) -> None:
    name = fail(services)
    at = open_page(PAGE, query={"group": name})
    button(at, "Resolve it").click().run()
    button(at, "All groups").click().run()
    assert "No error group here" in said(at)
    at.segmented_control(key="errors_group_states").set_value("resolved").run()
    assert list(at.dataframe[0].value["generations"]) == [1]


def test_rates_show_interval_and_verdict_and_too_few_say_so(open_page: OpenPage, services: Services) -> None:
    for template, failed, good in (("bad words", 45, 55), ("good words", 5, 95), ("rare words", 3, 0)):
        fail(services, failed, template=template)
        succeed(services, good, template=template)
    at = open_page(PAGE, query={"view": "rates"})
    table = at.dataframe[0].value.set_index("value")
    by_words = {name.split(" ", 1)[1]: row for name, row in table.iterrows()}
    assert by_words["bad words"]["verdict"].startswith("Worse by")
    assert by_words["good words"]["verdict"].startswith("Better by")
    assert by_words["rare words"]["verdict"] == "Not enough data"
    assert by_words["rare words"]["interval"] == "Not enough data"
    assert "Worse by" in said(at)


def test_two_versions_are_compared_in_a_sentence() -> None:
    assert compared(Rate(9, 40), Rate(3, 40)).startswith("**No difference shown.** 22.5% against 7.5%")
    assert compared(Rate(90, 400), Rate(30, 400)).startswith("**Worse by 10 to 20 points.**")
    assert compared(Rate(1, 5), Rate(30, 400)).startswith("Not enough data")


def test_a_message_is_tried_without_anything_happening(open_page: OpenPage, services: Services) -> None:
    at = open_page(PAGE, query={"view": "try"})
    at.text_area(key="errors_try_text").set_value("E005 flagged as sensitive").run()
    at.number_input(key="errors_try_status").set_value(None)
    assert "Refused content" in [one.value for one in at.subheader]
    assert "Rule `" in said(at)
    with services.database.transaction() as session:
        assert session.scalars(select(ErrorGroup)).all() == []


def test_only_is_everything_until_a_value_is_chosen(open_page: OpenPage, services: Services) -> None:
    fail(services, 2)
    at = open_page(PAGE, query={"dimension": "quality"})
    assert figures(at)["Failed"] == "2"
    gone = open_page(PAGE, query={"dimension": "quality", "value": "of old"})
    assert figures(gone)["Failed"] == "0"
    assert Slice() == EVERYTHING


def test_a_group_is_resolved_in_a_version_the_newest_offered_first(
    open_page: OpenPage, services: Services
) -> None:
    with services.database.transaction() as session:
        tom = make_actor(session)
        first = make_prompt(session, tom, "A hero", name="Woodcut")
        second = edit(session, tom, first, "A tall hero")
        name = fail_once(session, template_hash=first.template_hash)
    at = open_page(PAGE, query={"group": name})

    chosen = at.selectbox(key="errors_resolve_template")
    assert chosen.options == ["Everything", "Woodcut v2", "Woodcut v1"]
    chosen.set_value(second.template_hash)
    button(at, "Resolve it").click().run()

    assert "in Woodcut v2" in said(at)
    with services.database.transaction() as session:
        assert session.get_one(ErrorGroup, name).resolved_template == second.template_hash
