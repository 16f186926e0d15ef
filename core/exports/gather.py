"""An experiment of this desk as a document, with the places of its pictures in our store."""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.experiments.grids import CellView, Grid, grid
from core.experiments.runs import get_experiment
from core.exports.document import (
    About,
    Cell,
    CellState,
    Checks,
    Document,
    Facts,
    Image,
    ImageType,
    Ratings,
    Selfie,
    Source,
    Variant,
    Votes,
    hash_of,
    money,
)
from core.tables.customers import Customer
from core.tables.experiments import Experiment, ExperimentCell, ExperimentVariant
from core.tables.generation import Avatar, State
from core.tables.images import StoredSelfie
from core.tables.testsets import TestSet, TestSetVersion
from core.tables.votes import Vote, VoteBatch, VotePair
from core.votes.ratings import RatedImage, ratings
from core.votes.results import results

# A hash of nothing, until the whole is there to be hashed.
UNHASHED = "0" * 64


@dataclasses.dataclass(frozen=True)
class Picture:
    """Where a picture lies in our store, whole and small."""

    object_key: str
    thumbnail_key: str


@dataclasses.dataclass(frozen=True)
class Shared:
    """A document and the pictures of it that are here.

    `selfies` by position, `images` by the selfie's position and their own sha256; `gone` are the positions of
    people who were deleted here.
    """

    document: Document
    selfies: Mapping[int, Picture]
    images: Mapping[tuple[int, str], Picture]
    gone: frozenset[int] = frozenset()

    def image_of(self, cell: Cell) -> Picture | None:
        """The picture of a cell; None where it has none, or it is not here."""
        return None if cell.image is None else self.images.get((cell.selfie, cell.image.sha256))


def gather(session: Session, *, actor: Actor, experiment_id: int, desk: str | None) -> Shared:
    """The experiment as it stands. `desk` is the address that the file tells as its origin.

    Raises NotFound, and Conflict while this actor is in the middle of a blind vote on it: names are told.
    """
    experiment = get_experiment(session, experiment_id)
    judged = results(session, actor=actor, experiment_id=experiment_id)
    found = grid(session, experiment_id)
    hashes, erased = _selfie_facts(session, found)
    places = {selfie.id: number for number, selfie in enumerate(found.selfies, start=1)}
    images = _avatars(session, found)
    document = Document(
        hash=UNHASHED,
        source=Source(desk=desk, experiment=experiment.id, exported_at=_now(session)),
        experiment=_about(session, experiment),
        verdict=judged.verdict.sentence if judged.votes else None,
        variants=_variants(session, experiment),
        selfies=_selfies(found, hashes),
        cells=_cells(session, experiment, found, places, images),
    )
    keys = {
        (places[cell.selfie_id], images[cell.generation_id].sha256): _picture(images[cell.generation_id])
        for cell in found.cells
        if cell.generation_id in images and cell.selfie_id not in erased
    }
    return Shared(
        document.model_copy(update={"hash": hash_of(document)}),
        {
            places[each.id]: Picture(each.object_key, each.thumbnail_key)
            for each in found.selfies
            if each.object_key is not None and each.thumbnail_key is not None
        },
        keys,
        frozenset(places[each] for each in erased),
    )


def _now(session: Session) -> datetime:
    now: datetime = session.scalars(select(func.clock_timestamp())).one()
    return now.astimezone(UTC)


def _about(session: Session, experiment: Experiment) -> About:
    name, number = session.execute(
        select(TestSet.name, TestSetVersion.number)
        .join(TestSetVersion, TestSetVersion.test_set_id == TestSet.id)
        .where(TestSetVersion.id == experiment.test_set_version_id)
    ).one()
    return About(
        name=experiment.name,
        test_set=name,
        set_version=number,
        repeats=experiment.repeats,
        state=experiment.state,
        created_at=experiment.created_at,
        started_at=experiment.started_at,
        ended_at=experiment.ended_at,
    )


def _variants(session: Session, experiment: Experiment) -> list[Variant]:
    of_it = ExperimentVariant.experiment_id == experiment.id
    rows = session.scalars(select(ExperimentVariant).where(of_it).order_by(ExperimentVariant.position))
    return [
        Variant(
            position=number,
            label=row.label_text,
            template=row.template,
            template_hash=row.template_hash,
            filled_in={name: str(value) for name, value in row.filled_in.items()},
            prompt=row.prompt,
            model=row.model,
            parameters={name: str(value) for name, value in row.parameters.items()},
            price_usd=f"{row.price_usd:.4f}",
            price_published=row.price_published,
        )
        for number, row in enumerate(rows, start=1)
    ]


def _selfie_facts(session: Session, found: Grid) -> tuple[dict[int, str], set[int]]:
    """The sha256 of every selfie, and those whose person was deleted."""
    rows = session.execute(
        select(StoredSelfie.id, StoredSelfie.sha256, Customer.erased_at)
        .join(Customer, Customer.id == StoredSelfie.customer_id)
        .where(StoredSelfie.id.in_([each.id for each in found.selfies]))
    ).all()
    return {row[0]: row[1] for row in rows}, {row[0] for row in rows if row[2] is not None}


def _selfies(found: Grid, hashes: Mapping[int, str]) -> list[Selfie]:
    people: dict[int, int] = {}
    return [
        Selfie(
            position=position,
            sha256=hashes[each.id],
            person=people.setdefault(each.customer_id, len(people) + 1),
            tags=list(each.tags),
        )
        for position, each in enumerate(found.selfies, start=1)
    ]


def _avatars(session: Session, found: Grid) -> dict[int | None, Avatar]:
    wanted = [cell.generation_id for cell in found.cells if cell.state == "done"]
    rows = session.scalars(select(Avatar).where(Avatar.generation_id.in_(wanted)))
    return {row.generation_id: row for row in rows}


def _picture(avatar: Avatar) -> Picture:
    return Picture(avatar.object_key, avatar.thumbnail_key)


def _cells(
    session: Session,
    experiment: Experiment,
    found: Grid,
    places: Mapping[int, int],
    images: Mapping[int | None, Avatar],
) -> list[Cell]:
    columns = {variant.id: number for number, variant in enumerate(found.variants, start=1)}
    rated = _rated(ratings(session, experiment_id=experiment.id))
    voted = _voted(session, experiment.id)
    keys = _keys(session, experiment.id)
    cells = [
        _cell(
            each,
            key=keys[each.id],
            place=(columns[each.variant_id], places[each.selfie_id]),
            avatar=images.get(each.generation_id),
            rated=rated.get((each.variant_id, each.generation_id), Ratings()),
            voted=voted.get((each.variant_id, each.generation_id), Votes()),
        )
        for each in found.cells
    ]
    return sorted(cells, key=lambda cell: cell.place)


def _cell(
    seen: CellView, *, key: str, place: tuple[int, int], avatar: Avatar | None, rated: Ratings, voted: Votes
) -> Cell:
    done = avatar is not None
    return Cell(
        variant=place[0],
        selfie=place[1],
        repeat=seen.repeat,
        key=key,
        state=_state(seen),
        failure_class=seen.failure_class,
        failure_title=seen.failure_title,
        image=_image(avatar) if avatar is not None else None,
        cost_usd=money(seen.cost_usd),
        seconds=None if seen.seconds is None else round(max(seen.seconds, 0.0), 3),
        shared=seen.shared,
        checks=_checks(seen) if done else None,
        ratings=rated,
        votes=voted,
    )


def _state(seen: CellView) -> CellState:
    # What failed bears no sentence: it may name a person.
    if seen.state != "failed":
        return cast(CellState, seen.state)
    if seen.stage is None:
        return "not_asked"
    return "canceled" if seen.stage is State.CANCELED else "failed"


def _image(avatar: Avatar) -> Image:
    return Image(
        sha256=avatar.sha256,
        content_type=cast(ImageType, avatar.content_type),
        width=avatar.width,
        height=avatar.height,
        size_bytes=avatar.size_bytes,
    )


def _checks(seen: CellView) -> Checks | None:
    if seen.checks is None:
        return None
    told = {name: value for name, value in seen.checks["facts"].items() if name in Facts.model_fields}
    return Checks(
        version=seen.checks["version"],
        framing=seen.checks["framing"],
        verdicts=seen.checks["verdicts"],
        facts=Facts.model_validate(told, strict=False),
    )


def _keys(session: Session, experiment_id: int) -> dict[int, str]:
    query = select(ExperimentCell.id, ExperimentCell.key).where(ExperimentCell.experiment_id == experiment_id)
    return dict(session.execute(query).all())


def _rated(said: Sequence[RatedImage]) -> dict[tuple[int, int | None], Ratings]:
    groups: dict[tuple[int, int | None], list[RatedImage]] = {}
    for each in said:
        groups.setdefault((each.variant_id, each.generation_id), []).append(each)
    return {
        place: Ratings(
            raters=len(many),
            would_ship=sum(each.shippable for each in many),
            faults=dict(sorted(Counter(tag for each in many for tag in each.tags).items())),
        )
        for place, many in groups.items()
    }


def _voted(session: Session, experiment_id: int) -> dict[tuple[int, int | None], Votes]:
    """What blind votes said, by variant and generation; a vote that was taken back counts nowhere."""
    counts: dict[tuple[int, int | None], Counter[str]] = {}
    query = (
        select(VotePair, Vote.answer)
        .join(Vote, Vote.pair_id == VotePair.id)
        .join(VoteBatch, VoteBatch.id == VotePair.batch_id)
        .where(VoteBatch.experiment_id == experiment_id, Vote.undone_at.is_(None))
    )
    for pair, answer in session.execute(query):
        for side, variant_id, generation_id in (
            ("left", pair.left_variant_id, pair.left_generation_id),
            ("right", pair.right_variant_id, pair.right_generation_id),
        ):
            word = answer if answer not in ("left", "right") else ("won" if answer == side else "lost")
            counts.setdefault((variant_id, generation_id), Counter())[word] += 1
    return {place: Votes(**said) for place, said in counts.items()}
