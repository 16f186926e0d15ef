"""What is different, and times by dimension, on the Errors page."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session
from streamlit.testing.v1 import AppTest

from core.monitoring.differences import what_differs
from core.monitoring.rollups import Slice
from core.rollups.absorb import absorb
from core.services import Services
from core.tables.generation import State
from pages.errors.links import list_query
from tests.pages.conftest import OpenPage
from tests.pages.looking import button, said
from tests.support.factories import make_customer, make_generation, make_generations
from tests.support.failures import make_attempt

PAGE = "pages/errors/page.py"
LIST = "pages/generations/page.py"
NOON = datetime(2026, 2, 3, 12, tzinfo=UTC)
DAY = {"view": "different", "range": "custom", "from": "2026-02-03", "to": "2026-02-03", "bars": "hour"}
HOUR = timedelta(hours=1)


def ended(services: Services, at: datetime, failed: int, good: int, **columns: Any) -> None:
    with services.database.transaction() as session:
        states = ["failed"] * failed + ["succeeded"] * good
        each = [{"state": state, "finished_at": at, **columns} for state in states]
        make_generations(session, each, customer=make_customer(session))
    absorb(services.database)


def spiky(services: Services) -> None:
    """A quiet day, and one hour in which the noir prompt fails."""
    for hour in (-3, -2, -1, 1):
        for template in ("A hero", "A noir hero"):
            ended(services, NOON + hour * HOUR, 2, 30, template=template)
    ended(services, NOON, 2, 30, template="A hero")
    ended(services, NOON, 28, 12, template="A noir hero")


def lines(at: AppTest) -> list[dict[str, Any]]:
    return [dict(row) for _, row in at.dataframe[0].value.iterrows()] if at.dataframe else []


def test_the_worst_hour_is_looked_at_first_and_its_cause_is_named(
    open_page: OpenPage, services: Services
) -> None:
    spiky(services)
    at = open_page(PAGE, query=DAY)
    assert "30 of 72 failed" in said(at)
    assert "otherwise 16 of 256" in said(at)
    (line,) = lines(at)
    assert (line["dimension"], line["failed"], line["rate"]) == ("Prompt", 28, "70.0% of 40")
    assert line["value"].endswith("A noir hero")
    assert line["difference"].startswith("+64 points (")
    assert (line["share"], line["novelty"]) == ("93%, otherwise few", "Yes")


def test_the_list_behind_a_line_holds_as_many_as_it_says(open_page: OpenPage, services: Services) -> None:
    spiky(services)
    with services.database.transaction() as session:
        (top,) = what_differs(session, (NOON, NOON + HOUR), (NOON - HOUR, NOON)).standouts
    only = Slice(top.dimension, top.value)
    query = list_query(State.FAILED, NOON, NOON + HOUR, only=only)
    at = open_page(LIST, query={name: str(value) for name, value in query.items()})
    assert len(at.dataframe[0].value) == top.rate.hits == 28


def test_the_time_and_the_baseline_live_in_the_address(open_page: OpenPage, services: Services) -> None:
    spiky(services)
    at = open_page(PAGE, query=DAY)
    quiet = next(each for each in at.selectbox(key="errors_spike").options if "11:00 to 12:00" in each)
    at.selectbox(key="errors_spike").select_index(at.selectbox(key="errors_spike").options.index(quiet)).run()
    at.segmented_control(key="errors_against").set_value("before").run()
    assert "4 of 64 failed" in said(at)
    assert "otherwise 4 of 64" in said(at)
    assert "Nothing stands out: of 2 values compared, none failed certainly more" in at.info[0].value
    address = {name: at.query_params[name] for name in at.query_params}
    again = open_page(
        PAGE, query={name: each if isinstance(each, str) else each[0] for name, each in address.items()}
    )
    assert lines(again) == lines(at)
    assert "4 of 64 failed" in said(again)
    assert again.segmented_control(key="errors_against").value == "before"


def test_the_whole_range_is_held_against_the_time_before_it(open_page: OpenPage, services: Services) -> None:
    spiky(services)
    ended(services, NOON - timedelta(days=1), 3, 60)
    at = open_page(PAGE, query={**DAY, "spike": "range"})
    assert "46 of 328 failed" in said(at)
    assert "otherwise 3 of 63" in said(at)
    assert at.segmented_control(key="errors_against").disabled


def test_an_interval_drawn_in_the_chart_is_looked_at(open_page: OpenPage, services: Services) -> None:
    spiky(services)
    at = open_page(PAGE, query=DAY | {"view": "groups"})
    points = [{"point_index": hour, "curve_number": 1} for hour in (11, 12)]
    chosen = {"points": points, "point_indices": [11, 12], "box": [{"x": [10.6, 12.4]}], "lasso": []}
    at.session_state["errors_chart"] = {"selection": chosen}
    at.run()
    assert "34 of 136 failed" in said(at)
    button(at, "What is different?").click().run()
    assert "**34 of 136 failed**, 25.0%" in said(at)
    assert (
        at.selectbox(key="errors_spike").value == f"{(NOON - HOUR).isoformat()}/{(NOON + HOUR).isoformat()}"
    )
    assert at.query_params["view"] in ("different", ["different"])


def test_nonsense_for_the_time_is_passed_over(open_page: OpenPage, services: Services) -> None:
    spiky(services)
    for spike in ("x", "x/y", "2026-02-03T12:07:00+00:00/2026-02-03T13:00:00+00:00", "2026-02-03/2020-01-01"):
        at = open_page(PAGE, query={**DAY, "spike": spike, "against": "nobody"})
        assert "30 of 72 failed" in said(at), spike


def test_a_chosen_reason_counts_and_a_chosen_value_is_told_not_to(
    open_page: OpenPage, services: Services
) -> None:
    spiky(services)
    at = open_page(PAGE, query={**DAY, "class": "auth", "dimension": "quality", "value": "low"})
    assert "0 of 328 failed" in said(at)
    assert "what is chosen under Only does not count here" in said(at)


def test_without_anything_it_says_so(open_page: OpenPage) -> None:
    at = open_page(PAGE, query=DAY)
    assert "Nothing stands out: only 0 generations ended" in at.info[0].value


def drawn(session: Session, quality: str, seconds: float, count: int) -> None:
    for n in range(count):
        generation = make_generation(
            session, state="succeeded", finished_at=NOON, parameters={"quality": quality}, created_at=NOON
        )
        make_attempt(
            session,
            generation,
            worker=f"w-{n % 2}",
            submitted_at=NOON + timedelta(seconds=2),
            predict_seconds=seconds,
        )


def test_times_are_told_by_every_dimension_and_too_few_are_not_enough(
    open_page: OpenPage, services: Services
) -> None:
    with services.database.transaction() as session:
        drawn(session, "low", 20, 30)
        drawn(session, "high", 60, 24)
        drawn(session, "auto", 40, 5)
    absorb(services.database)
    at = open_page(PAGE, query={**DAY, "view": "times"})
    assert list(at.table[0].value["p50"][:2]) == ["2.03", "20.1"]
    at.segmented_control(key="errors_times_by").set_value("quality").run()
    queue, render, detection, store = (table.value.set_index("Quality") for table in at.table)
    assert list(render["p95"]) == ["20.1", "58.8", "—"]
    assert list(render["p50"]) == ["20.1", "58.8", "Not enough data"]
    assert list(render["Generations"]) == ["30", "24", "5"]
    assert list(queue.index) == ["low", "high", "auto"]
    assert list(detection["p50"]) == list(store["p50"]) == ["—", "—", "—"]
    at.segmented_control(key="errors_times_by").set_value("worker").run()
    assert list(at.table[1].value["Worker host"]) == ["w-0", "w-1"]
