"""What a comparison shows beyond the images: how each came out, sums of versions, orders, and differences."""

import dataclasses
import enum
import functools
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from statistics import fmean

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.classification.taxonomy import FailureClass
from core.experiments.grids import CellView, RowView, VariantView, grid
from core.images.checks.verdicts import Check, Verdict
from core.prompts.diff import Change, Piece, diff_parameters, diff_words
from core.prompts.labels import PRODUCTION
from core.tables.prompts import PromptLabel, PromptVersion
from core.votes.ratings import RatedImage, ratings
from core.votes.results import refuse_in_the_middle

# A version and a selfie: what names a cell.
Place = tuple[int, int]


class Gate(enum.StrEnum):
    """How an image came out, the worst first; what is still to come counts nowhere."""

    LOST = "lost"  # no image: it failed or was canceled
    BAD = "bad"  # a check failed
    DOUBT = "doubt"  # a check cannot tell, or was not made yet
    GOOD = "good"
    COMING = "coming"


# What one image counts against its version.
WEIGHTS = {Gate.LOST: 1.0, Gate.BAD: 1.0, Gate.DOUBT: 0.5, Gate.GOOD: 0.0}


@dataclasses.dataclass(frozen=True)
class Sample:
    """One image of a cell: its gate, the checks behind it, and how many of its raters would ship it."""

    cell: CellView
    gate: Gate
    failed: tuple[Check, ...] = ()
    ships: int = 0
    raters: int = 0

    @property
    def settled(self) -> bool:
        return self.gate is not Gate.COMING

    @property
    def shipped(self) -> float:
        """The share of raters who would ship it; one half where nobody said."""
        return self.ships / self.raters if self.raters else 0.5


@dataclasses.dataclass(frozen=True)
class Said:
    """How many people rated an image, and how many of them would ship it."""

    ships: int
    raters: int


@dataclasses.dataclass(frozen=True)
class Sums:
    """A version in numbers. `failed` includes the refused; `mean_cost` is of the images that came."""

    done: int
    failed: int
    refused: int
    coming: int
    bad: int
    doubt: int
    mean_cost: Decimal | None


UNSAID = Said(0, 0)


@dataclasses.dataclass(frozen=True)
class Difference:
    """The way from the baseline to a version: words of the text that is sent, and parameters."""

    pieces: Sequence[Piece]
    changes: Sequence[Change]


@dataclasses.dataclass(frozen=True)
class Column:
    """One version. `production` says that customers get it now."""

    variant: VariantView
    production: bool
    sums: Sums
    difference: Difference


@dataclasses.dataclass(frozen=True)
class Comparison:
    """All that a compare grid is drawn from.

    `cells` holds the samples of a place in the order in which they were bought, `worst` the same, the worst
    first. Orders are of ids: columns as chosen or by the best gate, rows by the set, by how far versions
    differ, or by the worst gate.
    """

    baseline: int
    columns: Sequence[Column]
    rows: Sequence[RowView]
    cells: Mapping[Place, Sequence[Sample]]
    worst: Mapping[Place, Sequence[Sample]]
    column_orders: Mapping[str, Sequence[int]]
    row_orders: Mapping[str, Sequence[int]]


def compare(session: Session, *, actor: Actor, experiment_id: int, baseline: int | None = None) -> Comparison:
    """The experiment's images, compared with `baseline`: else what bears `production`, else the first.

    Raises NotAllowed, NotFound, and Conflict while this actor is in the middle of a blind vote on them.
    """
    require(actor, Permission.LOOK)
    found = grid(session, experiment_id)
    refuse_in_the_middle(session, actor, experiment_id)
    said = said_of(found.cells, ratings(session, experiment_id=experiment_id))
    return comparison(
        found.variants, found.selfies, judged(found.cells, said), baseline=baseline, live=_live(session)
    )


def comparison(
    variants: Sequence[VariantView],
    rows: Sequence[RowView],
    cells: Mapping[Place, Sequence[Sample]],
    *,
    baseline: int | None,
    live: PromptVersion | None = None,
) -> Comparison:
    """Judged images, compared with `baseline`; `live` is what customers get now."""
    base = _baseline(variants, baseline, live)
    return Comparison(
        baseline=base.id,
        columns=[
            Column(
                variant=each,
                production=live is not None and each.version_id == live.id,
                sums=sums([one for place, many in cells.items() if place[0] == each.id for one in many]),
                difference=difference(base, each),
            )
            for each in variants
        ],
        rows=rows,
        cells=cells,
        worst={place: worst_first(many) for place, many in cells.items()},
        column_orders=column_orders([each.id for each in variants], cells),
        row_orders=row_orders([each.id for each in rows], cells),
    )


def said_of(found: Sequence[CellView], rated: Sequence[RatedImage]) -> dict[int, Said]:
    """What was said of each cell's image, by the cells' numbers."""
    words: dict[int | None, list[bool]] = {}
    for word in rated:
        words.setdefault(word.generation_id, []).append(word.shippable)
    return {
        each.id: Said(sum(words[each.generation_id]), len(words[each.generation_id]))
        for each in found
        if each.generation_id in words
    }


def judged(found: Sequence[CellView], said: Mapping[int, Said]) -> dict[Place, list[Sample]]:
    """Every place's samples in the order in which they were bought; `said` is by the cells' numbers."""
    cells: dict[Place, list[Sample]] = {}
    for each in sorted(found, key=lambda cell: cell.repeat):
        gate, failed = judge(each)
        words = said.get(each.id, UNSAID)
        sample = Sample(each, gate, failed, ships=words.ships, raters=words.raters)
        cells.setdefault((each.variant_id, each.selfie_id), []).append(sample)
    return cells


def judge(cell: CellView) -> tuple[Gate, tuple[Check, ...]]:
    """How an image came out, and which checks failed."""
    if cell.state == "failed":
        return Gate.LOST, ()
    if cell.state != "done":
        return Gate.COMING, ()
    verdicts = (cell.checks or {}).get("verdicts", {})
    # A check that is younger than the row was not made.
    told = {check: verdicts.get(check, Verdict.UNKNOWN) for check in Check}
    if failed := tuple(check for check, verdict in told.items() if verdict == Verdict.FAILED):
        return Gate.BAD, failed
    return (Gate.DOUBT if Verdict.UNKNOWN in told.values() else Gate.GOOD), ()


def worst_first(samples: Sequence[Sample]) -> list[Sample]:
    """Failed before doubtful before good; within these by ratings, and where they are equal as they stand."""
    gates = list(Gate)
    return sorted(samples, key=lambda each: (gates.index(each.gate), each.shipped))


def sums(samples: Sequence[Sample]) -> Sums:
    """One version's images in numbers."""
    gates = [each.gate for each in samples]
    costs = [each.cell.cost_usd for each in samples if each.cell.state == "done"]
    known = [cost for cost in costs if cost is not None]
    return Sums(
        done=sum(each.cell.state == "done" for each in samples),
        failed=gates.count(Gate.LOST),
        refused=sum(each.cell.failure_class == FailureClass.CONTENT_POLICY for each in samples),
        coming=gates.count(Gate.COMING),
        bad=gates.count(Gate.BAD),
        doubt=gates.count(Gate.DOUBT),
        mean_cost=sum(known, Decimal(0)) / len(known) if known else None,
    )


def column_orders(variants: Sequence[int], cells: Mapping[Place, Sequence[Sample]]) -> dict[str, list[int]]:
    """`set`: as they were chosen. `gate`: the best first; what has no image yet comes last."""

    def burden(variant_id: int) -> tuple[float, float]:
        mine = [many for (variant, _), many in cells.items() if variant == variant_id]
        worst = [max(weights) for many in mine if (weights := _weights(many))]
        every = [weight for many in mine for weight in _weights(many)]
        # A version is worth what its images are worth, and where that is equal, what its worst of k are.
        return (fmean(every), fmean(worst)) if every else (2.0, 2.0)

    return {"set": list(variants), "gate": sorted(variants, key=burden)}


def row_orders(selfies: Sequence[int], cells: Mapping[Place, Sequence[Sample]]) -> dict[str, list[int]]:
    """`set`: as in the test set; `disagreement`: where versions differ most; `gate`: the worst first."""
    rows = {each: [many for (_, selfie), many in cells.items() if selfie == each] for each in selfies}
    apart = {each: disagreement(many) for each, many in rows.items()}
    heavy = {each: _worst_and_mean(many) for each, many in rows.items()}
    return {
        "set": list(selfies),
        "disagreement": sorted(selfies, key=lambda each: -apart[each]),
        "gate": sorted(selfies, key=lambda each: tuple(-part for part in heavy[each])),
    }


def disagreement(row: Sequence[Sequence[Sample]]) -> float:
    """How far the versions of one row are apart, 0 to 3: in failures, in checks, and in ratings."""
    drawn = [[each for each in many if each.gate not in (Gate.LOST, Gate.COMING)] for many in row]
    parts: list[tuple[Sequence[Sequence[Sample]], Callable[[Sample], float]]] = [
        ([[each for each in many if each.settled] for many in row], lambda each: each.gate is Gate.LOST),
        (drawn, lambda each: WEIGHTS[each.gate]),
        ([[each for each in many if each.raters] for many in drawn], lambda each: each.shipped),
    ]
    return sum(_spread([fmean(map(of, many)) for many in cells if many]) for cells, of in parts)


def difference(before: VariantView, after: VariantView) -> Difference:
    """What `after` says differently from `before`."""
    return Difference(
        _pieces(before.prompt, after.prompt), diff_parameters(_settings(before), _settings(after))
    )


@functools.lru_cache(maxsize=256)
def _pieces(before: str, after: str) -> tuple[Piece, ...]:
    """Kept, because a grid that is followed asks for the same again and again."""
    return tuple(diff_words(before, after))


def _settings(variant: VariantView) -> dict[str, str]:
    return {"model": variant.model, **variant.parameters}


def _live(session: Session) -> PromptVersion | None:
    query = select(PromptVersion).join(PromptLabel, PromptLabel.version_id == PromptVersion.id)
    return session.scalars(query.where(PromptLabel.name == PRODUCTION)).one_or_none()


def _baseline(variants: Sequence[VariantView], wanted: int | None, live: PromptVersion | None) -> VariantView:
    chosen = [each for each in variants if each.id == wanted]
    shipped = [each for each in variants if live is not None and each.version_id == live.id]
    saved = {name: str(value) for name, value in live.parameters.items()} if live else {}
    # Drawn in several qualities, the one that customers get comes first.
    shipped.sort(key=lambda each: dict(each.parameters) != saved)
    return [*chosen, *shipped, *variants][0]


def _weights(samples: Sequence[Sample]) -> list[float]:
    return [WEIGHTS[each.gate] for each in samples if each.settled]


def _worst_and_mean(row: Sequence[Sequence[Sample]]) -> tuple[float, float]:
    """How bad the worst version's images of a row are, and all of them; both 0 to 1."""
    shares = [fmean(weights) for many in row if (weights := _weights(many))]
    return (max(shares), fmean(shares)) if shares else (0.0, 0.0)


def _spread(values: Sequence[float]) -> float:
    return max(values) - min(values) if len(values) > 1 else 0.0
