"""The worker is this list."""

from core.settings import Settings
from jobs.alerts import evaluate_alerts
from jobs.books import LOOK_SECONDS, SEAL_SECONDS, check_the_books, seal_the_ledger
from jobs.checks import check_avatars
from jobs.deletions import LOOK_SECONDS as DELETION_SECONDS
from jobs.deletions import finish_open_deletions
from jobs.experiments import feed_experiments
from jobs.guard import guard_promotion
from jobs.heartbeat import beat_heart
from jobs.imports import LOOK_SECONDS as IMPORT_SECONDS
from jobs.imports import clear_left_imports
from jobs.notify import send_notifications
from jobs.proof import prove_object_store
from jobs.refunds import carry_out_decisions, decide_batches, give_back_left_cases, lapse_cases
from jobs.retries import make_retries
from jobs.rollup import roll_up
from jobs.stages import carry_on_stages
from jobs.store import store_avatars
from jobs.stragglers import ask_for_stragglers, end_overdue_generations, stop_unwanted_predictions
from jobs.submit import submit_generations
from jobs.sweep import sweep_provider
from jobs.ticker import Tick

# The object store is asked seldom: the proof costs three requests.
BEATS_BETWEEN_PROOFS = 3


def ticks(settings: Settings) -> list[tuple[Tick, float]]:
    """Every tick and its seconds."""
    return [
        (submit_generations, settings.tick_seconds),
        (store_avatars, settings.tick_seconds),
        (sweep_provider, settings.sweep_interval_seconds),
        (stop_unwanted_predictions, settings.sweep_interval_seconds),
        (end_overdue_generations, settings.sweep_interval_seconds),
        (ask_for_stragglers, settings.straggler_interval_seconds),
        (feed_experiments, settings.sweep_interval_seconds),
        (guard_promotion, settings.sweep_interval_seconds),
        (carry_on_stages, settings.rollup_interval_seconds),
        (make_retries, settings.sweep_interval_seconds),
        (check_avatars, settings.rollup_interval_seconds),
        (roll_up, settings.rollup_interval_seconds),
        (evaluate_alerts, settings.alert_interval_seconds),
        (send_notifications, settings.tick_seconds),
        (carry_out_decisions, settings.tick_seconds),
        (decide_batches, settings.tick_seconds),
        (lapse_cases, settings.alert_interval_seconds),
        (give_back_left_cases, settings.alert_interval_seconds),
        (clear_left_imports, IMPORT_SECONDS),
        (finish_open_deletions, DELETION_SECONDS),
        (seal_the_ledger, SEAL_SECONDS),
        (check_the_books, LOOK_SECONDS),
        (beat_heart, settings.heartbeat_seconds),
        (prove_object_store, settings.heartbeat_seconds * BEATS_BETWEEN_PROOFS),
    ]
