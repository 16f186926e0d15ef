"""What pages show of generations: the list by filters and pages, one opened, and the overview."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from core.classification.taxonomy import FailureClass
from core.desks.generations import filters
from core.desks.generations.detail import generation_detail
from core.desks.generations.filters import Cursor, Filter
from core.desks.generations.notices import Level, notices
from core.desks.generations.overview import Hour, overview
from core.desks.generations.timeline import Kind
from core.desks.generations.views import page_of_generations
from core.foundation.database import Database
from core.foundation.errors import NotFound
from core.generation.states import move
from core.images.addresses import Picture, Shown
from core.ledger import moves as ledger
from core.provider import budget
from core.settings import Settings
from core.tables.generation import Avatar, Generation, RenderAttempt, State, WorkerBeat
from pages.overview.figure import outcomes_per_hour
from tests.support.factories import make_customer, make_generation, make_staff

NOW = datetime.now(UTC)


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    with database.sessions() as session:
        yield session


def ids(session: Session, filter_: Filter, **options: Any) -> list[int]:
    return [row.id for row in page_of_generations(session, filter_, **options).rows]


def an_attempt(session: Session, generation: Generation, number: int = 1, **columns: Any) -> RenderAttempt:
    values: dict[str, Any] = {"status": "succeeded", "remote_id": uuid4().hex, "worker": "w"}
    attempt = RenderAttempt(
        generation_id=generation.id, number=number, client_ref=uuid4(), **(values | columns)
    )
    session.add(attempt)
    session.flush()
    return attempt


def an_avatar(session: Session, attempt: RenderAttempt) -> Avatar:
    avatar = Avatar(
        generation_id=attempt.generation_id,
        attempt_id=attempt.id,
        object_key="avatars/1.png",
        thumbnail_key="avatars/1.webp",
        content_type="image/png",
        sha256="ab" * 32,
        width=1024,
        height=1024,
        size_bytes=2_000,
    )
    session.add(avatar)
    session.flush()
    return avatar


def test_pages_lead_through_all_generations_once_and_back_again(session: Session) -> None:
    made = [make_generation(session).id for _ in range(7)]
    first = page_of_generations(session, Filter(), limit=3)
    second = page_of_generations(session, Filter(), after=first.next, limit=3)
    third = page_of_generations(session, Filter(), after=second.next, limit=3)
    assert [row.id for page in (first, second, third) for row in page.rows] == made[::-1]
    assert (first.previous, third.next) == (None, None)
    back = page_of_generations(session, Filter(), after=third.previous, limit=3)
    assert [row.id for row in back.rows] == [row.id for row in second.rows]
    assert back.next == second.next


def test_turning_back_to_the_top_shows_a_whole_page_with_what_came_meanwhile(session: Session) -> None:
    for _ in range(5):
        make_generation(session)
    second = page_of_generations(
        session, Filter(), after=page_of_generations(session, Filter(), limit=3).next, limit=3
    )
    newest = make_generation(session).id
    top = page_of_generations(session, Filter(), after=second.previous, limit=4)
    assert top.rows[0].id == newest
    assert (len(top.rows), top.previous) == (4, None)


def test_each_filter_finds_its_own_and_leaves_the_others(session: Session) -> None:
    ada = make_customer(session, name="Ada Byron", reference="c-100")
    old = NOW - timedelta(days=9)
    plain = make_generation(session)
    of_ada = make_generation(session, customer=ada)
    failed = make_generation(session, state="failed", failure_class="auth")
    aged = make_generation(session, created_at=old)
    preview = make_generation(session, credits=0)
    mini = make_generation(session, model="openai/gpt-image-1-mini")
    everything = {plain.id, of_ada.id, failed.id, aged.id, preview.id, mini.id}

    assert ids(session, Filter(customer="byron")) == [of_ada.id]
    assert ids(session, Filter(customer="C-10")) == [of_ada.id]
    assert ids(session, Filter(customer="100%")) == []
    assert ids(session, Filter(states=(State.FAILED,))) == [failed.id]
    assert set(ids(session, Filter(states=(State.FAILED, State.QUEUED)))) == everything
    assert ids(session, Filter(failure_classes=(FailureClass.AUTH,))) == [failed.id]
    assert ids(session, Filter(failure_classes=(FailureClass.TIMEOUT,))) == []
    assert ids(session, Filter(purpose="preview")) == [preview.id]
    assert ids(session, Filter(model="openai/gpt-image-1-mini")) == [mini.id]
    assert ids(session, Filter(until=NOW - timedelta(days=1))) == [aged.id]
    assert set(ids(session, Filter(since=NOW - timedelta(days=1)))) == everything - {aged.id}
    assert ids(session, Filter(since=old, until=old)) == []
    assert ids(session, Filter(states=(State.QUEUED,), customer="byron", purpose="preview")) == []


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("zeppelin", True),
        ("ZEPPELIN red", True),
        ("zepp", True),
        ("hat", True),
        ("eppelin", False),
        ("zeppelin green", False),
        ("'!:*&|()<->", False),
        ("three quarter", True),
        ("three-quarter!", True),
    ],
)
@pytest.mark.parametrize("state", ["queued", "succeeded"])
def test_prompts_are_found_by_words_and_their_beginnings(
    session: Session, asked: str, found: bool, state: str
) -> None:
    here = make_generation(session, state=state, prompt="A red/zeppelin, three-quarter view, hat_size:9")
    make_generation(session, state=state, prompt="Nothing of it")
    assert ids(session, Filter(prompt=asked)) == ([here.id] if found else [])


def test_words_are_found_beyond_the_newest_and_page_by_page(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.desks.generations.filters.NEWEST", 3)
    wanted = [
        make_generation(session, state="succeeded", prompt="rare" if number % 4 == 0 else "usual").id
        for number in range(16)
    ][::4]
    first = page_of_generations(session, Filter(prompt="rare"), limit=2)
    assert [row.id for row in first.rows] == wanted[:1:-1]
    second = page_of_generations(session, Filter(prompt="rare"), after=first.next, limit=2)
    assert [row.id for row in second.rows] == wanted[1::-1]
    back = page_of_generations(session, Filter(prompt="rare"), after=Cursor(wanted[1], newer=True), limit=1)
    assert [row.id for row in back.rows] == [wanted[2]]


def test_words_of_prompts_are_looked_up_in_their_index(session: Session) -> None:
    """By the plan: an expression that is not the index's own is slow only where there are many rows."""
    session.execute(text("SET LOCAL enable_seqscan = off"))
    query = filters._matching(Filter(prompt="noir"), ["noir"], None)
    sql = query.compile(session.get_bind(), compile_kwargs={"render_postcompile": True})
    plan = session.connection().exec_driver_sql(f"EXPLAIN {sql}", sql.params).scalars().all()
    assert any("generation_prompt_words" in line for line in plan)


def test_a_row_says_what_the_attempts_cost_and_shows_the_thumbnail(session: Session) -> None:
    generation = make_generation(session, state="succeeded")
    an_attempt(session, generation, 1, status="failed", cost_usd=Decimal("0.0420"))
    an_avatar(session, an_attempt(session, generation, 2, cost_usd=Decimal("0.0410")))
    (row,) = page_of_generations(session, Filter()).rows
    assert (row.cost_usd, row.thumbnail_key) == (Decimal("0.0830"), "avatars/1.webp")


def test_a_detail_tells_the_story_in_order_with_attempts_times_and_credits(session: Session) -> None:
    customer = make_customer(session, name="Mara")
    ledger.grant(session, customer_id=customer.id, amount=50, reason="first", key="g", actor="Sam")
    asked = NOW - timedelta(seconds=60)
    generation = make_generation(session, customer=customer, credits=10, created_at=asked)
    ledger.charge(session, generation_id=generation.id, customer_id=customer.id, amount=10, actor="Sam")
    an_attempt(
        session,
        generation,
        1,
        status="failed",
        submitted_at=asked + timedelta(seconds=2),
        ended_at=asked + timedelta(seconds=3),
        failure_class="provider_outage",
        failure_detail="503",
        cost_usd=Decimal("0.05"),
    )
    move(session, generation.id, to=State.SUBMITTING)
    drawn = an_attempt(
        session,
        generation,
        2,
        submitted_at=asked + timedelta(seconds=10),
        accepted_at=asked + timedelta(seconds=10.5),
        started_at=asked + timedelta(seconds=11),
        completed_at=asked + timedelta(seconds=31),
        detected_at=asked + timedelta(seconds=32),
        detected_by="sweep",
        remote_status="succeeded",
        cost_usd=Decimal("0.05"),
    )
    move(session, generation.id, to=State.RENDERING)
    move(session, generation.id, to=State.STORING)
    avatar = an_avatar(session, drawn)
    avatar.stored_at = asked + timedelta(seconds=33)
    move(session, generation.id, to=State.SUCCEEDED, finished_at=asked + timedelta(seconds=33))

    detail = generation_detail(session, generation.id)
    assert [line.at for line in detail.timeline] == sorted(line.at for line in detail.timeline)
    titles = [line.title for line in detail.timeline]
    assert titles[0] == "Attempt 1 failed"
    assert titles.index("Attempt 2 accepted") < titles.index("Attempt 2 ended at the provider")
    assert detail.timeline[-1].kind is Kind.GOOD
    times = detail.timings
    assert times.queue == timedelta(seconds=2)
    assert times.submit == timedelta(seconds=0.5)
    assert times.render == timedelta(seconds=20)
    assert (times.detection, times.store) == (timedelta(seconds=1), timedelta(seconds=1))
    assert times.total == timedelta(seconds=33)
    assert (detail.cost_usd, detail.attempts[0].failure_detail) == (Decimal("0.10"), "503")
    assert [(line.kind, line.amount) for line in detail.ledger] == [("charge", 10)]
    assert detail.avatar is not None
    assert detail.avatar.shown == Shown(Picture.AVATAR, generation.id)


@pytest.mark.parametrize("number", [0, 77, 10**30])
def test_a_generation_that_is_not_there_is_told_so(session: Session, number: int) -> None:
    with pytest.raises(NotFound, match=f"no generation {number}"):
        generation_detail(session, number)


def test_a_detail_names_its_retries(session: Session) -> None:
    former = make_generation(session, state="failed")
    again = make_generation(session, retry_of=former.id)
    assert generation_detail(session, former.id).retried_as == [again.id]
    assert generation_detail(session, again.id).retry_of == former.id


def test_the_overview_counts_states_now_and_outcomes_of_the_operators_day(session: Session) -> None:
    # A place where it is about noon, so that no midnight comes between.
    zone = timezone(timedelta(hours=12 - datetime.now(UTC).hour))
    now = datetime.now(zone)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    make_generation(session, state_since=now - timedelta(hours=2))
    make_generation(session)
    make_generation(session, state="rendering")
    ended: list[tuple[str, dict[str, Any]]] = [
        ("succeeded", {}),
        ("succeeded", {}),
        ("succeeded", {}),
        ("failed", {"failure_class": "auth"}),
        ("canceled", {}),
    ]
    for state, columns in ended:
        make_generation(session, state=state, finished_at=midnight, **columns)
    make_generation(session, state="failed", finished_at=midnight - timedelta(microseconds=1))

    seen = overview(session, Settings(), zone=zone)
    assert (seen.queued, seen.in_flight) == (2, 1)
    oldest = next(each.oldest for each in seen.standings if each.state is State.QUEUED)
    assert oldest is not None
    assert timedelta(hours=2) <= oldest < timedelta(hours=3)
    assert (seen.today.succeeded, seen.today.failed, seen.today.canceled) == (3, 1, 1)
    assert seen.today.success_rate == 0.75
    assert [(each.failure_class, each.count) for each in seen.today.classes] == [(FailureClass.AUTH, 1)]


def test_the_overview_of_an_empty_desk_is_complete(session: Session) -> None:
    seen = overview(session, Settings(), zone=UTC)
    assert seen.fresh
    assert (seen.queued, seen.in_flight, seen.today.ended, seen.today.success_rate) == (0, 0, 0, None)
    assert [hour.succeeded for hour in seen.hours] == [0] * 24


def test_each_hour_holds_what_ended_in_it(session: Session) -> None:
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    for ended in (start, start - timedelta(microseconds=1), start - timedelta(hours=1)):
        make_generation(session, state="succeeded", finished_at=ended)
    make_generation(session, state="failed", finished_at=start - timedelta(hours=23))
    make_generation(session, state="failed", finished_at=start - timedelta(hours=24))
    hours = overview(session, Settings(), zone=UTC).hours
    # An hour may begin between the two looks at the clock.
    found = {hour.start: (hour.succeeded, hour.failed) for hour in hours}
    assert found[start] == (1, 0)
    assert found[start - timedelta(hours=1)] == (2, 0)
    assert sum(hour.failed for hour in hours) <= 1
    assert len(hours) == 24


def test_a_silent_worker_is_not_alive_and_an_old_one_is_forgotten(session: Session) -> None:
    settings = Settings()
    for name, ago in (("here", 0.0), ("gone", 4 * settings.heartbeat_seconds), ("old", 7_200.0)):
        beat = WorkerBeat(id=name, host="h", pid=1, version="1", ticks={})
        beat.beat_at = datetime.now(UTC) - timedelta(seconds=ago)
        session.add(beat)
    session.flush()
    seen = overview(session, settings, zone=UTC)
    assert {worker.id: worker.state for worker in seen.workers} == {"here": "alive", "gone": "silent"}
    assert seen.workers_alive == 1


def test_a_pause_of_the_provider_is_shown_while_it_lasts(session: Session) -> None:
    assert overview(session, Settings(), zone=UTC).pauses == []
    budget.pause(session, "create", 60)
    (pause,) = overview(session, Settings(), zone=UTC).pauses
    assert pause.kind == "create"
    assert timedelta(0) < pause.left <= timedelta(seconds=60)


def test_notices_name_what_is_not_set_up() -> None:
    day = datetime(2026, 1, 10, tzinfo=UTC).date()
    practice = Settings().model_copy(update={"sandboxed": True})
    assert "REPLICATE_API_TOKEN" in [notice.setting for notice in notices(practice, day)]
    ended = {"sandboxed": False, "model": "openai/gpt-image-1"}
    real = Settings().model_copy(update=ended)
    assert "INKDESK_PUBLIC_URL" in [notice.setting for notice in notices(real, day)]
    public = real.model_copy(update={"public_url": "https://desk.example"})
    assert [notice.setting for notice in notices(public, day)] == ["INKDESK_MODEL"]
    living = public.model_copy(update={"model": "openai/gpt-image-2"})
    assert notices(living, day) == []


def test_a_near_retirement_warns_first_and_a_far_one_informs() -> None:
    real = Settings().model_copy(update={"sandboxed": False, "model": "openai/gpt-image-1"})
    (far,) = [
        each for each in notices(real, datetime(2026, 1, 10, tzinfo=UTC).date()) if "retired" in each.title
    ]
    near = notices(real, datetime(2026, 10, 1, tzinfo=UTC).date())[0]
    assert (far.level, near.level, near.setting) == (Level.INFO, Level.WARNING, "INKDESK_MODEL")


def test_the_chart_stacks_the_outcomes_of_every_hour() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    figure = outcomes_per_hour([Hour(start, 3, 1, 0), Hour(start + timedelta(hours=1), 0, 0, 2)])
    assert figure.layout.barmode == "stack"
    bars = {bar.name: list(bar.y) for bar in figure.data}
    assert bars == {"Succeeded": [3, 0], "Failed": [1, 0], "Canceled": [0, 2]}
    assert len({bar.marker.color for bar in figure.data}) == 3


def test_who_asked_is_named(session: Session) -> None:
    generation = make_generation(session, staff=make_staff(session, name="Olga"))
    assert generation_detail(session, generation.id).requested_by == "Olga"
