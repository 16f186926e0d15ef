"""How often a rule would have fired in the last 30 days, by the very code that evaluates it."""

import dataclasses
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from core.alerts.kinds import KINDS
from core.alerts.machine import Sight, Standing, step
from core.alerts.measures import Question, Reading, measure
from core.alerts.rules import RuleSpec
from core.settings import Settings
from core.tables.alerts import AlertState

DAYS = 30
# A look every so often; a wait shorter than that cannot be told from none.
PACES = (timedelta(minutes=1), timedelta(hours=1))
ANSWER_WITHIN_MS = 20_000
SHOWN = 20


@dataclasses.dataclass(frozen=True)
class Backtest:
    """`times` it would have fired, the latest of them first in `latest` with what each was about.

    `pace` is the time between two looks.
    """

    times: int
    latest: tuple[tuple[datetime, str], ...]
    pace: timedelta


def backtest(
    session: Session, settings: Settings, spec: RuleSpec, *, now: datetime, days: int = DAYS
) -> Backtest | None:
    """Try a rule on the past; None where what it measures is not kept. Raises InvalidInput."""
    checked = spec.checked()
    if not KINDS[checked.kind].historic:
        return None
    question = Question(checked.kind, checked.parameters)
    pace = min(max(question.window / 3, PACES[0]), PACES[1])
    steps = int(timedelta(days=days) / pace)
    moments = [now - n * pace for n in range(steps, -1, -1)]
    with session.begin_nested():
        session.execute(text(f"SET LOCAL statement_timeout = {ANSWER_WITHIN_MS}"))
        seen = measure(session, settings, question, moments)
        session.execute(text("SET LOCAL statement_timeout = 0"))
    fired = _fired(checked, moments, seen)
    return Backtest(len(fired), tuple(reversed(fired[-SHOWN:])), pace)


def _fired(spec: RuleSpec, moments: list[datetime], seen: list[list[Reading]]) -> list[tuple[datetime, str]]:
    """When it would have fired for the first time in each episode, and of what."""
    standings: dict[str, Standing] = {}
    live: set[str] = set()
    fired = []
    for at, readings in zip(moments, seen, strict=True):
        by_subject = {reading.subject: reading for reading in readings}
        for subject in {**standings, **by_subject}:
            reading = by_subject.get(subject)
            sight = reading.sight if reading else Sight.GOOD
            after = step(standings.get(subject), sight, spec.timing, at)
            if after is None or after.state is AlertState.RESOLVED:
                standings.pop(subject, None)
                live.discard(subject)
                continue
            standings[subject] = after
            if after.state is AlertState.FIRING and subject not in live:
                live.add(subject)
                fired.append((at, reading.title if reading else subject))
    return fired
