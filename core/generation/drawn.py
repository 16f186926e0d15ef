"""A picture that the provider has drawn: noted for storing, in time or after its generation had ended."""

from datetime import datetime, timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from core.catalog.prices import price_usd
from core.foundation.clock import NOW
from core.generation.states import move
from core.provider.reports import ProviderReport, RemoteStatus
from core.refunds.clock import withdraw
from core.rollups.absorb import take_back
from core.settings import Settings
from core.tables.customers import Customer
from core.tables.generation import Generation, RenderAttempt, State

LATE = "the picture came after all"
EXPERIMENT = "experiment"


def note_drawn(
    session: Session,
    settings: Settings,
    generation: Generation,
    attempt: RenderAttempt,
    report: ProviderReport,
) -> None:
    """Note what an attempt has led to, what it costs, and until when the provider keeps it."""
    attempt.status = "succeeded"
    attempt.output = list(report.output)
    attempt.cost_usd = price_usd(generation.model, generation.parameters, own_key=settings.own_openai_key)
    now: datetime = session.scalars(select(NOW)).one()
    # By our clock, as far as the provider's is known: where it is not, at least not outside of what can be.
    completed = max(min(report.completed_at or now, now), attempt.submitted_at)
    attempt.save_by = completed + timedelta(seconds=settings.provider_retention_seconds)
    session.flush()


def deliver_late(
    session: Session,
    settings: Settings,
    generation: Generation,
    attempt: RenderAttempt,
    report: ProviderReport,
) -> bool:
    """Go on with a generation that ended and whose picture came after all; says whether it does.

    A customer's only while a person still decides on its credits: that case is withdrawn, and the customer
    gets the avatar for them. What was paid back, asked for again or erased meanwhile stays as it is.
    An experiment's always, because the picture is paid for: nobody shall buy it again.
    """
    drawn = report.status is RemoteStatus.SUCCEEDED and report.output and not report.output_problem
    if not drawn or report.data_removed or not _wanted(session, generation, attempt):
        return False
    for_test = generation.purpose == EXPERIMENT
    if not for_test and not withdraw(session, generation_id=generation.id, note=LATE):
        return False
    take_back(session, generation.id)
    note_drawn(session, settings, generation, attempt, report)
    attempt.detected_at = session.scalar(select(NOW))
    return move(
        session,
        generation.id,
        to=State.STORING,
        note=LATE if for_test else f"{LATE}; its case is withdrawn",
        due_at=NOW,
        finished_at=None,
        canceled_by=None,
        failure_class=None,
        failure_rule=None,
        failure_message=None,
        failure_detail=None,
        fingerprint=None,
    )


def _wanted(session: Session, generation: Generation, attempt: RenderAttempt) -> bool:
    ended = attempt.status in ("failed", "lost", "canceled")
    if not ended or generation.state not in _late_states(generation):
        return False
    again = aliased(Generation)
    asked_again = session.scalar(select(exists().where(again.retry_of == generation.id)))
    # Locked, so that nobody is erased between this look and the move: an erasure waits for what is drawn.
    customer = session.get_one(
        Customer,
        generation.customer_id,
        with_for_update={"read": True, "key_share": True},
        populate_existing=True,
    )
    return not asked_again and customer.erased_at is None


def _late_states(generation: Generation) -> tuple[State, ...]:
    return (State.FAILED, State.CANCELED) if generation.purpose == EXPERIMENT else (State.FAILED,)
