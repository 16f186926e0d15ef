"""An outage of the provider as staff live through it: charted, told of, acknowledged, and over."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import func, select

from core.alerts.rules import rules, save_rule
from core.foundation.leases import NamedLease
from core.notifications.channels import add_channel
from core.sandbox.server import RunningSandbox
from core.tables.alerts import Alert, AlertHistory, AlertRule
from core.tables.generation import Generation
from core.tables.notifications import ChannelKind
from tests.support.desk import TestDesk, wait_for
from tests.support.running.run import quick_folder
from tests.support.servers.app import RunningApp, settings_of
from tests.support.servers.receivers import Receiver, receiving

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

# One model is out, the other one goes on; so many generations of each.
WELL, OUT = "openai/gpt-image-1", "openai/gpt-image-1-mini"
EACH = 20
QUICK = {
    "INKDESK_SANDBOX_TIME_SCALE": "0.01",
    "INKDESK_TICK_SECONDS": "0.1",
    "INKDESK_SWEEP_INTERVAL_SECONDS": "0.2",
    "INKDESK_BACKOFF_FACTOR": "0.01",
    "INKDESK_ROLLUP_INTERVAL_SECONDS": "1",
    "INKDESK_ALERT_INTERVAL_SECONDS": "1",
    "INKDESK_NOTIFY_PRIVATE": "true",
}
# The sum of each trace, by its name, as Plotly draws it.
TRACES = """
plot => Object.fromEntries(plot.data.filter(trace => trace.type === 'bar').map(
    trace => [trace.name, Array.from(trace.y).reduce((sum, n) => sum + n, 0)]))
"""


@pytest.fixture
def app() -> Iterator[RunningApp]:
    """An application of this test alone, with quick clocks."""
    with (
        quick_folder() as folder,
        RunningApp(folder / "home", **QUICK) as running,
    ):
        yield running


@pytest.fixture
def desk(app: RunningApp) -> Iterator[TestDesk]:
    """The application's own database and stores; its sandbox is asked by HTTP."""
    with contextlib.closing(TestDesk.open(settings_of(app.home), RunningSandbox())) as opened:
        yield opened


def test_an_outage_is_charted_fires_is_acknowledged_and_resolves(
    app: RunningApp, desk: TestDesk, page: Page
) -> None:
    with receiving() as receiver:
        configure(desk, receiver)
        run(desk, WELL)
        with app.failing("e004", model=OUT):
            run(desk, OUT)
            wait_for_two_rollups(desk)
            page.goto(f"{app.url}/errors")
            assert charted(page) == failed_by_class(desk) == {"Provider trouble": EACH}
            hover_last_bar(page)
            expect(page.locator(".hoverlayer")).to_contain_text(f"{EACH} Provider trouble")

            page.goto(f"{app.url}/alerts")
            card = page.locator(f".st-key-alert_card_{alert_id(desk)}")
            expect(card).to_contain_text("Firing")
            expect(card).to_contain_text("High failure rate")
            wait_for(lambda: len(told(receiver)) == 1)
            check_fired(told(receiver)[0], f"{app.url}/alerts?alert={alert_id(desk)}")
            acknowledge(card, page, "Moving to the other model")
        run(desk, OUT)
        expect(card).to_be_hidden()
        # It stays for a while before it is over, longer or shorter than the page takes to look again.
        assert passed(desk) == ["pending", "firing", "recovering", "resolved"]
        page.goto(f"{app.url}/alerts?alert={alert_id(desk)}")
        expect(page.get_by_test_id("stMarkdown").filter(has_text="over after")).to_contain_text("Resolved")
        wait_for(lambda: len(told(receiver)) == 2)
        check_resolved(told(receiver)[1])


def configure(desk: TestDesk, receiver: Receiver) -> None:
    """The rule with short waits, and the receiver as a channel."""
    with desk.database.transaction() as session:
        rule = next(each for each in rules(session) if each.slug == "failure-rate")
        spec = replace(rule.spec, every_seconds=1.0, for_seconds=1.0, keep_seconds=8.0)
        spec = replace(spec, parameters={**spec.parameters, "threshold_percent": 30.0})
        save_rule(
            session, actor=desk.admin, rule_id=rule.id, seen_version=rule.version, spec=spec, reason="a drill"
        )
        add_channel(
            session,
            actor=desk.admin,
            name="On call",
            kind=ChannelKind.WEBHOOK,
            address=receiver.url,
            min_severity="info",
        )


def run(desk: TestDesk, model: str) -> None:
    """Ask for generations and wait for the end of all."""
    for _ in range(EACH):
        desk.ask(model=model)
    wait_for(desk.all_ended)


def wait_for_two_rollups(desk: TestDesk) -> None:
    """Wait until the next tick has counted: the one after it has begun by then."""

    def ticks() -> int:
        with desk.database.transaction() as session:
            return session.scalars(select(NamedLease.token).where(NamedLease.name == "rollup")).one()

    reached = ticks() + 2
    wait_for(lambda: ticks() >= reached)


def charted(page: Page) -> dict[str, int]:
    """What the bars show, class by class."""
    plot = page.locator(".js-plotly-plot")
    expect(plot).to_be_visible()
    found: dict[str, int] = plot.evaluate(TRACES)
    return found


def hover_last_bar(page: Page) -> None:
    page.locator(".js-plotly-plot .barlayer .point path").last.hover(force=True)


def failed_by_class(desk: TestDesk) -> dict[str, int]:
    """What the generations themselves say."""
    titles = {"provider_outage": "Provider trouble"}
    query = (
        select(Generation.failure_class, func.count())
        .where(Generation.state == "failed")
        .group_by(Generation.failure_class)
    )
    with desk.database.transaction() as session:
        return {titles[str(name)]: n for name, n in session.execute(query)}


def alert_id(desk: TestDesk) -> int:
    """The one alert of the failure rate; there must never be another."""
    query = select(Alert.id).join(AlertRule, AlertRule.id == Alert.rule_id)
    with desk.database.transaction() as session:
        return session.scalars(query.where(AlertRule.slug == "failure-rate")).one()


def passed(desk: TestDesk) -> list[str]:
    """The states that the alert has been in."""
    query = select(AlertHistory.to_state).where(AlertHistory.alert_id == alert_id(desk))
    with desk.database.transaction() as session:
        states = session.scalars(query.order_by(AlertHistory.id)).all()
    return list(dict.fromkeys(states))


def acknowledge(card: Locator, page: Page, why: str) -> None:
    card.get_by_role("button", name="Acknowledge").click()
    box = page.get_by_test_id("stPopoverBody")
    box.get_by_label("Why").fill(why)
    box.get_by_label("Until").click()
    page.get_by_role("option", name="1 hour").click()
    box.get_by_role("button", name="Acknowledge").click()
    expect(card).to_contain_text("Acknowledged by Ada (admin) until")
    expect(card).to_contain_text(why)


def told(receiver: Receiver) -> list[str]:
    """What the receiver was told of the failure rate, each message once."""
    texts = {each["key"]: each["body"]["text"] for each in receiver.requests}
    assert len(texts) == len(receiver.requests)
    return [text for text in texts.values() if "High failure rate" in text]


def check_fired(text: str, link: str) -> None:
    assert text.startswith("*Firing: High failure rate*")
    for words in (
        "50.0% (95 % interval 35.2% to 64.8%), 20 of 40 failed within 15 min",
        "Mostly Provider trouble (20)",
        f"Differs most: Model {OUT}, 100 points above the rest in the last hour",
        f"<{link}|Open in Inkdesk>",
    ):
        assert words in text


def check_resolved(text: str) -> None:
    assert text.startswith("*Resolved: High failure rate*")
    assert "over after" in text
