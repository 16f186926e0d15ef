"""The operators' rules on the Errors page: tried before they are saved, kept in versions."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from core.access.staff import active_staff
from core.classification.events import Failure, Source, note_failure
from core.classification.overrides.matching import Conditions
from core.classification.overrides.records import Spec, add_override, change_override, history, list_overrides
from core.classification.taxonomy import FailureClass
from core.services import Services
from tests.pages.conftest import OpenPage
from tests.pages.looking import button, has_button, said
from tests.support.factories import make_generation

PAGE = "pages/errors/page.py"
STUDIO = Spec(Conditions("studio is full"), FailureClass.RATE_LIMITED)


def fail(services: Services, words: str, times: int, failure_class: str, rule: str) -> None:
    """So many generations lost two days ago, classified so."""
    with services.database.transaction() as session:
        for _ in range(times):
            generation = make_generation(session, state="failed", failure_detail=words)
            failure = Failure(
                generation_id=generation.id,
                customer_id=generation.customer_id,
                failure_class=failure_class,
                detail=words,
                template_hash="t",
                rule=rule,
                source=Source("prediction"),
            )
            note_failure(session, failure, at=datetime.now(UTC) - timedelta(days=2))


def add(services: Services, spec: Spec = STUDIO) -> int:
    with services.database.transaction() as session:
        return add_override(session, actor=active_staff(session)[0], spec=spec, reason="their word")


def change(services: Services, number: int, seen: int, spec: Spec, reason: str) -> None:
    with services.database.transaction() as session:
        actor = active_staff(session)[0]
        change_override(session, actor=actor, override_id=number, seen_version=seen, spec=spec, reason=reason)


def versions(services: Services, number: int) -> list[tuple[int, str, str]]:
    with services.database.transaction() as session:
        found = history(session, number)
    return [(each.version, each.spec.conditions.pattern, each.reason) for each in found]


def fill(at: AppTest, **values: Any) -> None:
    """Fill in widgets of the form by the ends of their keys."""
    for name, value in values.items():
        [widget] = [
            one
            for kind in (at.text_area, at.text_input, at.selectbox, at.toggle, at.number_input, at.checkbox)
            for one in kind
            if str(one.key).startswith("override_") and str(one.key).endswith(f"_{name}")
        ]
        widget.set_value(value)
    at.run()
    assert not at.exception


def open_rule(open_page: OpenPage, number: int, persona: str = "operator") -> AppTest:
    return open_page(PAGE, persona=persona, query={"view": "rules", "override": str(number)})


def test_without_rules_the_page_says_so_and_offers_one(open_page: OpenPage) -> None:
    at = open_page(PAGE, persona="operator", query={"view": "rules"})
    assert "no rules of your own yet" in said(at)
    button(at, "New rule").click().run()
    assert "once its class is chosen" in said(at)
    assert button(at, "Save").disabled
    fill(at, **{"class": FailureClass.AUTH})
    assert "at least 3 letters" in said(at)
    button(at, "All rules").click().run()
    assert "no rules of your own yet" in said(at)


def test_a_rule_is_tried_on_the_past_and_saved(open_page: OpenPage, services: Services) -> None:
    fail(services, "The studio is full", 3, "unknown", "no_rule")
    fail(services, "Overloaded, the studio is closed", 2, "provider_outage", "trouble_words")
    fail(services, "Something else", 30, "unknown", "no_rule")
    at = open_page(PAGE, persona="operator", query={"view": "rules"})
    button(at, "New rule").click().run()
    fill(at, pattern="the STUDIO is", **{"class": FailureClass.RATE_LIMITED})
    assert "moved 5 events of 2 groups: 3 from Unknown, 2 from Provider trouble" in said(at)
    assert "The studio is full" in [one.value for one in at.code]
    assert "old failures stay in their groups" in said(at)
    button(at, "Save").click().run()
    assert "Say why" in at.error[0].value
    fill(at, why="their word for a full queue")
    button(at, "Save").click().run()
    assert "The rule is in force" in said(at)
    assert "the STUDIO is" in said(at)
    assert "Version 1 by Olga (operator)" in said(at)
    with services.database.transaction() as session:
        [rule] = list_overrides(session)
    assert rule.spec == Spec(Conditions("the STUDIO is"), FailureClass.RATE_LIMITED)


def test_a_broad_rule_or_one_over_a_surer_one_is_saved_only_after_its_warnings_are_read(
    open_page: OpenPage, services: Services
) -> None:
    fail(services, "The studio refused it (E005) (abc)", 8, "content_policy", "replicate_e005")
    fail(services, "Something else", 2, "unknown", "no_rule")
    at = open_page(PAGE, persona="operator", query={"override": "new"})
    fill(at, pattern="studio", why="why", **{"class": FailureClass.AUTH})
    warnings = "\n".join(one.value for one in at.warning)
    assert "matches 80% of all failures" in warnings
    assert "8 events would leave Refused content" in warnings
    assert button(at, "Save").disabled
    fill(at, sure=True)
    button(at, "Save").click().run()
    assert "The rule is in force" in said(at)


def test_switching_off_and_restoring_are_versions(open_page: OpenPage, services: Services) -> None:
    number = add(services)
    at = open_rule(open_page, number)
    fill(at, enabled=False, why="not needed")
    button(at, "Save").click().run()
    assert "The rule is off" in said(at)
    fill(at, pattern="studio", enabled=True, why="shorter")
    button(at, "Save").click().run()
    at.button(key=f"override_restore_{number}_1").click().run()
    assert "Filled in from version 1" in said(at)
    button(at, "Save").click().run()
    assert versions(services, number) == [
        (4, "studio is full", "Version 1 restored"),
        (3, "studio", "shorter"),
        (2, "studio is full", "not needed"),
        (1, "studio is full", "their word"),
    ]


def test_a_rule_that_somebody_else_changed_is_not_overwritten(
    open_page: OpenPage, services: Services
) -> None:
    number = add(services)
    at = open_rule(open_page, number)
    change(services, number, 1, Spec(Conditions("studio full"), FailureClass.AUTH), "Ada's idea")
    fill(at, pattern="mine", why="my idea")
    button(at, "Save").click().run()
    assert "Ada (admin) has saved version 2 meanwhile" in at.error[0].value
    assert "Ada (admin) has saved version 2 meanwhile: Ada's idea" in at.warning[0].value
    button(at, "Open version 2").click().run()
    assert [one.value for one in at.text_area] == ["studio full"]
    assert [number for number, *_ in versions(services, number)] == [2, 1]


@pytest.mark.parametrize("persona", ["viewer", "support"])
def test_who_may_not_change_rules_reads_them(open_page: OpenPage, services: Services, persona: str) -> None:
    number = add(services)
    at = open_page(PAGE, persona=persona, query={"view": "rules"})
    assert button(at, "New rule").disabled
    button(at, "Open").click().run()
    assert not has_button(at, "Save")
    assert "may not change the rules that classify failures" in said(at)
    assert versions(services, number)


def test_a_role_taken_away_meanwhile_is_refused(open_page: OpenPage, services: Services) -> None:
    number = add(services)
    at = open_rule(open_page, number)
    fill(at, pattern="studio", why="why")
    with services.database.transaction() as session:
        session.execute(text("UPDATE staff SET roles = '{viewer}' WHERE 'operator' = ANY(roles)"))
    button(at, "Save").click().run()
    assert "may not change the rules" in said(at)
    assert len(versions(services, number)) == 1


def test_a_rule_that_is_not_there_is_told(open_page: OpenPage) -> None:
    for which in ("77", "x", "9" * 30):
        at = open_page(PAGE, query={"override": which})
        assert "There is no such rule" in at.error[0].value
        assert has_button(at, "All rules")


def test_try_a_message_says_which_rule_decides_and_what_would_without_it(
    open_page: OpenPage, services: Services
) -> None:
    number = add(services)
    at = open_page(PAGE, persona="operator", query={"view": "try"})
    at.text_area(key="errors_try_text").set_value("Out of memory. The studio is full").run()
    assert "Your own" in said(at)
    assert f"override:{number}.v1" in said(at)
    assert "Without it: **Provider trouble**" in said(at)
    button(at, "Open the rule").click().run()
    assert [one.value for one in at.text_area] == ["studio is full"]
    button(at, "All rules").click().run()
    assert "studio is full" in said(at)


def test_a_rule_is_made_of_a_message_with_stars_for_what_differs(
    open_page: OpenPage, services: Services
) -> None:
    at = open_page(PAGE, persona="operator", query={"view": "try"})
    at.text_area(key="errors_try_text").set_value("No studio for 12 seconds, ticket 9931").run()
    assert "Built in" in said(at)
    button(at, "Make a rule of this message").click().run()
    assert [one.value for one in at.text_area] == ["no studio for *, ticket *"]
