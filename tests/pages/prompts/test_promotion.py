"""Promotion on the pages: the gate below a verdict, the watch, the way back, and the limits."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from core.promotion.gate import promote
from core.promotion.guard import look
from core.promotion.limits import in_force
from core.promotion.views import promotions
from core.prompts.labels import history, labelled, labels
from core.tables.promotion import Promotion, PromotionGuard
from tests.pages.conftest import OpenPage
from tests.pages.looking import button, has_button, said
from tests.support.desk import TestDesk
from tests.support.promotion import Proven, framed, jobs, proven

PROMPTS, VOTES = "pages/prompts/page.py", "pages/votes/page.py"
VIEW = {"view": "promotion"}


@pytest.fixture
def made(desk: TestDesk) -> Proven:
    with desk.database.transaction() as session:
        seen = labels(session)[0].moves
        return proven(session, desk.admin, seen=seen)


def verdict_of(made: Proven) -> dict[str, str]:
    return {"view": "verdict", "experiment": str(made.experiment_id)}


def production(desk: TestDesk) -> int:
    with desk.database.transaction() as session:
        return labelled(session).id


def promoted(desk: TestDesk, made: Proven, *, automatic: bool = True) -> int:
    with desk.database.transaction() as session:
        past = datetime.now(UTC) - timedelta(days=1)
        jobs(session, made.production, ["content_policy"] * 5 + ["succeeded"] * 195, at=past)
    with desk.database.transaction() as session:
        seen = labels(session)[0].moves
        return promote(
            session,
            actor=desk.admin,
            version_id=made.candidate.id,
            seen_moves=seen,
            automatic=automatic,
        ).id


def refused(desk: TestDesk, made: Proven, count: int) -> None:
    with desk.database.transaction() as session:
        jobs(session, made.candidate, ["content_policy"] * count, at=datetime.now(UTC))


def test_a_verdict_shows_every_condition_and_promotes_with_the_switch_as_it_stands(
    open_page: OpenPage, desk: TestDesk, made: Proven
) -> None:
    at = open_page(VOTES, persona="tuner", query=verdict_of(made))
    text = said(at)
    for title in ("Compared with production", "Enough selfies", "Enough decided votes", "Not lost"):
        assert f"**{title}**" in text
    for title in ("Refusal rate", "Cropped avatars", "Cost per avatar"):
        assert f"**{title}**" in text
    assert text.count(":green[:material/check_circle:]") == 7
    assert "Not met" not in text
    at.text_input(key=f"promotion_{made.candidate.id}_why").set_value("clearly better").run()
    at.toggle(key=f"promotion_{made.candidate.id}_automatic").set_value(False).run()

    button(at, "Promote Woodcut v2").click().run()

    assert not at.exception
    assert not at.error
    assert production(desk) == made.candidate.id
    with desk.database.transaction() as session:
        latest = promotions(session)[0]
    assert (latest.who, latest.reason, latest.automatic) == ("Tom (prompt tuner)", "clearly better", False)
    assert latest.experiment_id == made.experiment_id
    assert not has_button(at, "Promote Woodcut v2")


def test_a_condition_that_is_not_met_is_named_and_wants_a_reason(
    open_page: OpenPage, desk: TestDesk, made: Proven
) -> None:
    with desk.database.transaction() as session:
        framed(session, made.variant_ids[1], ["failed"] * 6)
    at = open_page(VOTES, persona="operator", query=verdict_of(made))
    assert "6 of 24 judged avatars cropped (25.0 %)" in said(at)
    assert "1 condition not met" in said(at)

    button(at, "Promote Woodcut v2 all the same").click().run()
    assert "Say why it is promoted although a condition is not met" in at.error[0].value
    at.text_input(key=f"promotion_{made.candidate.id}_why").set_value("feet are cut by design").run()
    button(at, "Promote Woodcut v2 all the same").click().run()

    assert production(desk) == made.candidate.id
    at = open_page(PROMPTS, query=VIEW)
    assert "Gate overridden" in said(at)
    assert "feet are cut by design" in said(at)


def test_support_sees_the_gate_and_cannot_promote(open_page: OpenPage, desk: TestDesk, made: Proven) -> None:
    at = open_page(VOTES, persona="support", query=verdict_of(made))
    assert "**Enough selfies**" in said(at)
    assert button(at, "Promote Woodcut v2").disabled
    at = open_page(PROMPTS, persona="viewer", query={"version": str(made.candidate.id)})
    assert button(at, "Promote").disabled


def test_the_prompts_page_shows_the_same_gate_by_the_best_evidence(
    open_page: OpenPage, desk: TestDesk, made: Proven
) -> None:
    at = open_page(PROMPTS, persona="tuner", query={"version": str(made.candidate.id)})
    assert "**Enough selfies**" not in said(at)
    button(at, "Promote").click().run()
    assert "drawn for 12 selfies" in said(at)
    assert "by the verdict of experiment “Trial”" in said(at)

    at.button(key=f"promotion_{made.candidate.id}_go").click().run()

    assert not at.error
    assert production(desk) == made.candidate.id
    with desk.database.transaction() as session:
        assert history(session, "production")[0].reason == "passed the gate with experiment “Trial”"


def test_the_watch_shows_both_versions_figures_and_rolls_back_in_one_click(
    open_page: OpenPage, desk: TestDesk, made: Proven
) -> None:
    promotion_id = promoted(desk, made)
    with desk.database.transaction() as session:
        jobs(session, made.candidate, ["succeeded"] * 9 + ["timeout", "content_policy"], at=datetime.now(UTC))

    at = open_page(PROMPTS, persona="tuner", query=VIEW)

    rows = at.dataframe[0].value
    assert list(rows["Version"]) == ["Woodcut v2", "Woodcut v1, before"]
    assert list(rows["Jobs"]) == [10, 200]
    assert list(rows["Refused"]) == ["1 of 10 (2 to 40 %)", "5 of 200 (1 to 6 %)"]
    assert list(rows["Failed, not its fault"]) == [1, 0]
    at.toggle(key=f"promotion_automatic_{promotion_id}").set_value(False).run()
    with desk.database.transaction() as session:
        assert not session.get_one(PromotionGuard, promotion_id).automatic
    button(at, "Roll back to Woodcut v1").click().run()

    assert not at.error
    assert production(desk) == made.production.id
    assert "Rolled back" in said(at)
    assert "Nothing is watched" in said(at)


def test_what_does_worse_is_a_banner_with_one_click_on_every_view(
    open_page: OpenPage, desk: TestDesk, made: Proven
) -> None:
    promoted(desk, made, automatic=False)
    refused(desk, made, 4)
    assert look(desk.database) == "regressed"

    for query in ({}, VIEW, {"version": str(made.production.id)}):
        at = open_page(PROMPTS, persona="viewer", query=query)
        assert "Woodcut v2 does worse. 3 of the first 3 customer jobs" in at.error[0].value
    assert at.button(key="promotion_back_banner_" + str(promotion_of(desk))).disabled
    at = open_page(PROMPTS, persona="operator")
    at.button(key="promotion_back_banner_" + str(promotion_of(desk))).click().run()

    assert not at.error
    assert production(desk) == made.production.id


def test_what_inkdesk_rolled_back_is_told_until_somebody_moves_production(
    open_page: OpenPage, desk: TestDesk, made: Proven
) -> None:
    promoted(desk, made)
    refused(desk, made, 4)
    assert look(desk.database) == "rolled_back"

    at = open_page(PROMPTS)
    assert "Inkdesk rolled production back to Woodcut v1" in at.warning[0].value
    assert "Inkdesk: **Woodcut v2 → Woodcut v1**" in said(at)
    button(at, "Roll back to Woodcut v2").click().run()

    assert not at.warning
    assert production(desk) == made.candidate.id


def test_limits_are_changed_with_a_reason_and_a_stale_form_is_refused(
    open_page: OpenPage, desk: TestDesk
) -> None:
    at = open_page(PROMPTS, persona="tuner", query=VIEW)
    with desk.database.transaction() as session:
        number, _ = in_force(session)
    key = f"promotion_limits_{number}"
    at.number_input(key=f"{key}_votes").set_value(40).run()
    button(at, "Save limits").click().run()
    assert "why the limits are changed" in at.error[0].value
    stale = open_page(PROMPTS, persona="operator", query=VIEW)
    at.text_input(key=f"{key}_why").set_value("more votes").run()
    button(at, "Save limits").click().run()

    assert not at.error
    assert "Decided votes, at least: 20 → 40" in said(at)
    with desk.database.transaction() as session:
        assert in_force(session)[1].votes == 40
    stale.number_input(key=f"{key}_votes").set_value(5)
    stale.text_input(key=f"{key}_why").set_value("fewer")
    button(stale, "Save limits").click().run()
    assert "Somebody changed the limits meanwhile" in stale.error[0].value


def test_a_viewer_changes_no_limits(open_page: OpenPage, desk: TestDesk) -> None:
    at = open_page(PROMPTS, persona="viewer", query=VIEW)
    assert button(at, "Save limits").disabled
    assert all(each.disabled for each in at.number_input)


def promotion_of(desk: TestDesk) -> int:
    with desk.database.transaction() as session:
        return session.scalars(select(func.max(Promotion.id))).one()
