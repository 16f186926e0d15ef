"""The whole path of a generation, from the click to its end, over real sockets."""

from collections import Counter

from sqlalchemy import func, select

from core.generation.store import MOST_TRIES
from core.ledger.books import check_books
from core.ledger.views import lines_of_generation
from core.refunds.policy import DEFAULT
from core.tables.generation import Avatar, GenerationEvent, KeptOutput, State
from core.tables.refund_states import CaseState
from core.tables.refunds import CompensationCase
from tests.support.desk import UNHURRIED, TestDesk, opened, wait_for, working


def test_a_generation_becomes_a_stored_avatar_and_its_credits_revenue(desk: TestDesk) -> None:
    generation_id = desk.ask()
    assert desk.wallet() == 990
    with working(desk):
        wait_for(desk.all_ended)
    with desk.database.transaction() as session:
        avatar = session.get_one(Avatar, generation_id)
        lines = lines_of_generation(session, generation_id)
        states = session.scalars(
            select(GenerationEvent.to_state)
            .where(GenerationEvent.generation_id == generation_id)
            .order_by(GenerationEvent.id)
        ).all()
        assert check_books(session) == []
    picture = opened(desk.services.objects.get(avatar.object_key))
    small = opened(desk.services.objects.get(avatar.thumbnail_key))
    assert (picture.size, picture.format) == ((1024, 1024), "PNG")
    assert (small.size, small.format) == ((384, 384), "WEBP")
    assert [line.kind for line in lines] == ["charge", "capture"]
    assert states == ["queued", "submitting", "rendering", "storing", "succeeded"]
    [attempt] = desk.attempts(generation_id)
    # A busy machine may ask for the one before it asks for the list.
    assert attempt.detected_by in ("sweep", "get")
    assert attempt.cost_usd is not None
    assert attempt.detected_at is not None


def test_a_preview_costs_the_customer_nothing(desk: TestDesk) -> None:
    generation_id = desk.ask(charged=False)
    with working(desk):
        wait_for(desk.all_ended)
    assert desk.generation(generation_id).state == State.SUCCEEDED
    assert desk.wallet() == 1000
    with desk.database.transaction() as session:
        assert lines_of_generation(session, generation_id) == []


# What each fault of the provider leads to: the end, the class it is told under, and the attempts it took.
OUTCOMES: dict[str, tuple[str, str | None, int]] = {
    # The prediction was made, only its answer went wrong: adopted, never sent twice.
    **dict.fromkeys(("answer_lost", "answer_slow", "answer_hangs", "answer_500"), ("succeeded", None, 1)),
    "answer_garbled": ("succeeded", None, 1),
    "create_slow": ("succeeded", None, 1),
    # Nothing was made: sent again once the provider's list has shown that.
    **dict.fromkeys(("cut_before", "create_hangs", "http_500", "http_502"), ("succeeded", None, 2)),
    "http_503": ("succeeded", None, 2),
    # The provider failed: another attempt.
    **dict.fromkeys(("e003", "e004", "e1000", "e6716", "e8765"), ("succeeded", None, 2)),
    **dict.fromkeys(("canceled", "aborted", "never_starts", "never_ends"), ("succeeded", None, 2)),
    # The picture cannot be had or is none: another attempt.
    **dict.fromkeys(("output_404", "output_403", "output_html", "output_redirect"), ("succeeded", None, 2)),
    **dict.fromkeys(("output_tiny", "output_oversized", "output_truncated"), ("succeeded", None, 2)),
    **dict.fromkeys(("output_wrong_size", "output_null", "output_empty"), ("succeeded", None, 2)),
    "output_blank": ("succeeded", None, 2),
    # Odd, but a picture: taken.
    **dict.fromkeys(("output_flaky", "output_data_uri", "output_string"), ("succeeded", None, 1)),
    "output_wrong_format": ("succeeded", None, 1),
    # Trying again would not help: failed at once, credits back.
    **dict.fromkeys(("moderation", "moderation_verbatim"), ("failed", "content_policy", 1)),
    **dict.fromkeys(("moderation_output", "moderation_old"), ("failed", "content_policy", 1)),
    "invalid_input": ("failed", "invalid_input", 1),
    "invalid_image": ("failed", "invalid_image", 1),
    **dict.fromkeys(("auth", "e002", "incorrect_key", "org_not_verified"), ("failed", "auth", 1)),
    **dict.fromkeys(("billing", "e001", "insufficient_quota", "billing_limit"), ("failed", "billing", 1)),
    **dict.fromkeys(("model_gone", "model_not_found"), ("failed", "model_unavailable", 1)),
    **dict.fromkeys(("unknown", "leaky_error"), ("failed", "unknown", 1)),
}


def test_a_prediction_that_the_list_garbles_is_asked_for_alone(desk: TestDesk) -> None:
    asked = [desk.ask(f"A hero [sandbox:{name} x1]") for name in ("item_malformed", "item_null")]
    with working(desk):
        wait_for(desk.all_ended)
    assert {desk.generation(generation_id).state for generation_id in asked} == {State.SUCCEEDED}
    assert [len(desk.attempts(generation_id)) for generation_id in asked] == [1, 1]
    assert desk.attempts(asked[1])[0].detected_by == "get"


def test_what_an_unreadable_list_may_hide_is_not_sent_again(desk: TestDesk) -> None:
    hidden = desk.ask("A hero [sandbox:item_null x1]")
    lost = desk.ask("A hero [sandbox:create_hangs x1]")
    desk.ask("A hero [sandbox:never_ends x1] [sandbox:item_null x1]")
    with working(desk):
        wait_for(lambda: desk.generation(lost).state == State.FAILED)
    assert desk.generation(lost).failure_class == "submission_unconfirmed"
    assert len(desk.attempts(lost)) == 1
    assert desk.generation(hidden).state == State.SUCCEEDED


def test_an_endless_picture_is_given_up_after_some_tries(desk: TestDesk) -> None:
    hasty = desk.with_settings(transfer_timeout_seconds=1.5, backoff_max_seconds=0.05)
    generation_id = hasty.ask("A hero [sandbox:output_endless x1]")
    with working(hasty):
        wait_for(hasty.all_ended)
    first, second = hasty.attempts(generation_id)
    assert (first.status, first.failure_class, first.store_tries) == (
        "failed",
        "asset_unavailable",
        MOST_TRIES,
    )
    assert second.status == "succeeded"


def test_every_fault_of_the_provider_ends_as_it_should(desk: TestDesk) -> None:
    desk = desk.with_settings(**UNHURRIED)
    asked = {name: desk.ask(f"A hero [sandbox:{name} x1]") for name in OUTCOMES}
    with working(desk):
        wait_for(desk.all_ended)
    found = {}
    for name, generation_id in asked.items():
        generation = desk.generation(generation_id)
        tries = len(desk.attempts(generation_id))
        found[name] = (str(generation.state), generation.failure_class, tries)
    assert found == OUTCOMES
    assert set(desk.creations().values()) == {1}
    failed = sum(1 for end, _, _ in OUTCOMES.values() if end == "failed")
    # Beyond the limit of one customer and day a person decides, as of what was the customer's doing.
    paid = DEFAULT.customer_day.refunds
    assert desk.wallet() == 1000 - 10 * (len(OUTCOMES) - paid)
    with desk.database.transaction() as session:
        assert check_books(session) == []
        assert session.scalar(select(func.count()).select_from(KeptOutput)) == 0
        states = Counter(session.scalars(select(CompensationCase.state)))
    assert states == {CaseState.AUTO_APPROVED: paid, CaseState.PENDING: failed - paid}
    secret = desk.services.settings.replicate_api_token
    assert secret is not None
    leaked = desk.generation(asked["leaky_error"]).failure_detail or ""
    assert secret.get_secret_value() not in leaked
    assert "sk-sandbox" not in leaked
