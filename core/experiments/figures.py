"""What an experiment really took: money and time by column, run and person, and results by selfie tag.

A purchase is counted once, where it was made: its column, its run, who had started it. So all sums are those
of the purchases, whatever became of the cells since.
"""

import dataclasses
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from core.classification.taxonomy import FailureClass
from core.experiments.grids import CellView, Grid, grid
from core.experiments.money import money_by_purchase
from core.experiments.runs import get_experiment
from core.foundation.statistics.rates import Rate
from core.tables.access import AuditEvent, Staff
from core.tables.experiments import ExperimentVariant
from core.tables.generation import OPEN, State
from core.votes.ratings import RatedImage, ratings

# Fewer images of a tag say nothing of it: 0 of 10 still allows 28 %.
FEWEST_OF_TAG = 10
Key = TypeVar("Key", bound=Hashable)


@dataclasses.dataclass(frozen=True)
class Ends:
    """How the purchases ended; `open` ones have not yet."""

    succeeded: int = 0
    refused: int = 0
    failed: int = 0
    canceled: int = 0
    open: int = 0

    @property
    def asked(self) -> int:
        return self.succeeded + self.refused + self.failed + self.canceled + self.open


@dataclasses.dataclass(frozen=True)
class Times:
    """The median and the 95th percentile of `count` times; None without any."""

    count: int
    median: timedelta | None
    late: timedelta | None


@dataclasses.dataclass(frozen=True)
class Line:
    """Some purchases together. Dollars; `per_image` is what one image that came has cost, failures included.

    `queue` is from the wish until it was sent to the provider, `render` how long that drew.
    """

    name: str
    ends: Ends
    spent: Decimal
    in_flight: Decimal
    queue: Times
    render: Times

    @property
    def per_image(self) -> Decimal | None:
        return self.spent / self.ends.succeeded if self.ends.succeeded else None


@dataclasses.dataclass(frozen=True)
class Run:
    """One start: what it was thought to take and what it took, until its last image had ended.

    `line` is named after who started it. A forecast is None where none was kept, `took` while it runs.
    """

    started_at: datetime
    line: Line
    forecast_images: int | None
    forecast_usd: Decimal | None
    forecast_time: timedelta | None
    took: timedelta | None


@dataclasses.dataclass(frozen=True)
class TagLine:
    """The images of selfies with one tag, whoever paid. `cropped` is of those whose framing could be told."""

    tag: str
    refused: Rate
    failed: Rate
    cropped: Rate
    would_ship: Rate

    @property
    def enough(self) -> bool:
        """Whether there are enough images to speak of rates."""
        return self.refused.cases >= FEWEST_OF_TAG


@dataclasses.dataclass(frozen=True)
class Figures:
    """All figures of an experiment. `shared` images were bought by others and cost it nothing."""

    total: Line
    columns: Sequence[Line]
    people: Sequence[Line]
    runs: Sequence[Run]
    tags: Sequence[TagLine]
    shared: int


@dataclasses.dataclass(frozen=True)
class _Purchase:
    variant_id: int
    person: str
    bought_at: datetime
    finished_at: datetime | None
    state: str
    refused: bool
    spent: Decimal
    in_flight: Decimal
    queue: float | None
    render: float | None


# The same times as on the Errors page: until the attempt that counts was sent, and what it took to draw.
_PURCHASES = text("""
SELECT p.generation_id, v.id AS variant_id, s.name AS person, p.bought_at, g.finished_at, g.state,
    g.state = 'failed' AND coalesce(g.failure_class, '') = :refused AS refused,
    extract(epoch FROM t.submitted_at - g.created_at)::float8 AS queue,
    extract(epoch FROM coalesce(make_interval(secs => t.predict_seconds),
        coalesce(t.completed_at, t.detected_at) - coalesce(t.started_at, t.accepted_at)))::float8 AS render
FROM experiment_purchase p
JOIN generation g ON g.id = p.generation_id
JOIN staff s ON s.id = g.requested_by
JOIN LATERAL (
    SELECT c.variant_id AS id FROM experiment_cell c
    WHERE c.experiment_id = p.experiment_id AND c.key = p.key LIMIT 1
) v ON true
LEFT JOIN LATERAL (
    SELECT * FROM render_attempt t WHERE t.generation_id = g.id AND t.status = 'succeeded'
    ORDER BY t.number DESC LIMIT 1
) t ON true
WHERE p.experiment_id = :id
ORDER BY p.bought_at, p.generation_id
""")


def figures(session: Session, experiment_id: int) -> Figures:
    """The figures of an experiment as it stands. Raises NotFound."""
    get_experiment(session, experiment_id)
    bought = _purchases(session, experiment_id)
    names = _variant_names(session, experiment_id)
    found = grid(session, experiment_id)
    columns = _grouped(bought, lambda each: each.variant_id)
    people = _grouped(bought, lambda each: each.person)
    return Figures(
        total=_line("All", bought),
        columns=[_line(name, columns.get(variant_id, [])) for variant_id, name in names.items()],
        people=[_line(name, people[name]) for name in sorted(people)],
        runs=_runs(session, experiment_id, bought),
        tags=tag_lines(found, ratings(session, experiment_id=experiment_id)),
        shared=sum(cell.shared for cell in found.cells),
    )


def tag_lines(found: Grid, rated: Iterable[RatedImage]) -> list[TagLine]:
    """Results by selfie tag, by name; a selfie with several tags counts in each."""
    said: dict[tuple[int, int], list[bool]] = {}
    for each in rated:
        said.setdefault((each.variant_id, each.generation_id), []).append(each.shippable)
    tags = sorted({tag for selfie in found.selfies for tag in selfie.tags})
    members = {tag: {selfie.id for selfie in found.selfies if tag in selfie.tags} for tag in tags}
    return [
        _tag_line(tag, [cell for cell in found.cells if cell.selfie_id in members[tag]], said) for tag in tags
    ]


def _tag_line(tag: str, cells: Sequence[CellView], said: Mapping[tuple[int, int], Sequence[bool]]) -> TagLine:
    ended = [cell for cell in cells if cell.stage in (State.SUCCEEDED, State.FAILED)]
    lost = [cell for cell in ended if cell.stage is State.FAILED]
    refused = sum(cell.failure_class == FailureClass.CONTENT_POLICY for cell in lost)
    framing = [cell.checks["framing"] for cell in ended if cell.checks]
    told = [word for word in framing if word in ("passed", "failed")]
    answers = [word for cell in ended for word in said.get((cell.variant_id, cell.generation_id or 0), ())]
    return TagLine(
        tag=tag,
        refused=Rate(refused, len(ended)),
        failed=Rate(len(lost) - refused, len(ended)),
        cropped=Rate(told.count("failed"), len(told)),
        would_ship=Rate(sum(answers), len(answers)),
    )


def _purchases(session: Session, experiment_id: int) -> list[_Purchase]:
    money = money_by_purchase(session, experiment_id)
    rows = session.execute(_PURCHASES, {"id": experiment_id, "refused": FailureClass.CONTENT_POLICY})
    return [
        _Purchase(
            row.variant_id,
            row.person,
            row.bought_at,
            row.finished_at,
            row.state,
            row.refused,
            money[row.generation_id].spent,
            money[row.generation_id].in_flight,
            row.queue,
            row.render,
        )
        for row in rows
    ]


def _variant_names(session: Session, experiment_id: int) -> dict[int, str]:
    query = select(ExperimentVariant.id, ExperimentVariant.label_text)
    of_it = query.where(ExperimentVariant.experiment_id == experiment_id)
    return dict(session.execute(of_it.order_by(ExperimentVariant.position)).all())


def _grouped(bought: Iterable[_Purchase], by: Callable[[_Purchase], Key]) -> dict[Key, list[_Purchase]]:
    groups: dict[Key, list[_Purchase]] = {}
    for each in bought:
        groups.setdefault(by(each), []).append(each)
    return groups


def _line(name: str, bought: Sequence[_Purchase]) -> Line:
    counts = Counter("refused" if each.refused else _end(each.state) for each in bought)
    return Line(
        name=name,
        ends=Ends(**counts),
        spent=sum((each.spent for each in bought), Decimal(0)),
        in_flight=sum((each.in_flight for each in bought), Decimal(0)),
        queue=_times([each.queue for each in bought]),
        render=_times([each.render for each in bought]),
    )


def _end(state: str) -> str:
    return "open" if state in OPEN else state


def _times(seconds: Iterable[float | None]) -> Times:
    """Of what was drawn; between two neighbours the percentile lies in proportion."""
    known = sorted(max(each, 0.0) for each in seconds if each is not None)
    return Times(len(known), _percentile(known, 0.5), _percentile(known, 0.95))


def _percentile(known: Sequence[float], share: float) -> timedelta | None:
    if not known:
        return None
    at = share * (len(known) - 1)
    low = int(at)
    high = min(low + 1, len(known) - 1)
    return timedelta(seconds=known[low] + (at - low) * (known[high] - known[low]))


def _runs(session: Session, experiment_id: int, bought: Sequence[_Purchase]) -> list[Run]:
    """Every start with what it bought: all until the next one. The forecast is what was confirmed."""
    query = (
        select(AuditEvent.at, AuditEvent.after, Staff.name)
        .join(Staff, Staff.id == AuditEvent.staff_id)
        .where(AuditEvent.subject == f"experiment:{experiment_id}", AuditEvent.action == "experiment.start")
        .order_by(AuditEvent.id)
    )
    starts: Sequence[tuple[datetime, dict[str, Any] | None, str]] = [
        (row[0], row[1], row[2]) for row in session.execute(query)
    ]
    edges = [at for at, _, _ in starts[1:]] + [session.scalars(select(func.clock_timestamp())).one()]
    runs = []
    for place, (at, told, name) in enumerate(starts):
        # What came before the first start we know of is counted with it, so that nothing is lost.
        mine = [
            each for each in bought if (not place or each.bought_at >= at) and each.bought_at < edges[place]
        ]
        runs.append(_run(at, told or {}, _line(name, mine), mine))
    return runs


def _run(at: datetime, told: Mapping[str, Any], line: Line, bought: Sequence[_Purchase]) -> Run:
    ends = [each.finished_at for each in bought if each.finished_at is not None]
    over = len(ends) == len(bought)
    return Run(
        started_at=at,
        line=line,
        forecast_images=told.get("new"),
        forecast_usd=Decimal(told["usd"]) if "usd" in told else None,
        forecast_time=timedelta(seconds=told["seconds"]) if told.get("seconds") is not None else None,
        took=max(ends) - at if ends and over else None,
    )
