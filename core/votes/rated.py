"""Images of an experiment by what was found wrong with them: raters' faults, the crop check, and version."""

import dataclasses
from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, exists, not_, select
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.images.addresses import Picture, Shown
from core.tables.experiments import ExperimentCell, ExperimentVariant
from core.tables.image_checks import ImageCheck
from core.tables.votes import Rating
from core.votes.batches import shown_images
from core.votes.ratings import RatedImage, ratings
from core.votes.results import refuse_in_the_middle


@dataclasses.dataclass(frozen=True)
class Filter:
    """What is looked for. Empty parts ask for nothing; several `faults` have to be there all together."""

    variant_id: int | None = None
    faults: Sequence[str] = ()
    cropped: bool = False
    not_shippable: bool = False


@dataclasses.dataclass(frozen=True)
class FoundImage:
    """An image, its version and what each rater said of it."""

    generation_id: int
    version: str
    selfie_id: int
    repeat: int
    picture: Shown
    cropped: bool
    said: tuple[RatedImage, ...]


def find_images(
    session: Session, *, actor: Actor, experiment_id: int, wanted: Filter, limit: int = 60
) -> tuple[list[FoundImage], int]:
    """The images that fit, in the order of the grid: at most `limit` of them, and how many there are.

    A fault counts where any rater saw it. Raises Conflict while this actor is in the middle of a blind vote.
    """
    refuse_in_the_middle(session, actor, experiment_id)
    rows = session.execute(
        shown_images()
        .join(ExperimentVariant, ExperimentVariant.id == ExperimentCell.variant_id)
        .outerjoin(ImageCheck, ImageCheck.generation_id == ExperimentCell.generation_id)
        .add_columns(ExperimentVariant.label_text, ImageCheck.framing)
        .where(ExperimentCell.experiment_id == experiment_id, *_conditions(wanted))
        .order_by(ExperimentCell.id)
    ).all()
    said: dict[tuple[int, int], list[RatedImage]] = {}
    for each in ratings(session, experiment_id=experiment_id):
        said.setdefault((each.variant_id, each.generation_id), []).append(each)
    found = [
        FoundImage(
            generation_id=cell.generation_id,
            version=label,
            selfie_id=cell.selfie_id,
            repeat=cell.repeat,
            picture=Shown(Picture.AVATAR, cell.generation_id),
            cropped=framing == "failed",
            said=tuple(said.get((cell.variant_id, cell.generation_id), ())),
        )
        for cell, label, framing in rows[:limit]
    ]
    return found, len(rows)


def versions_of(session: Session, experiment_id: int) -> dict[int, str]:
    """The versions that can be asked for, in their order."""
    query = select(ExperimentVariant.id, ExperimentVariant.label_text)
    of_it = query.where(ExperimentVariant.experiment_id == experiment_id)
    return dict(session.execute(of_it.order_by(ExperimentVariant.position)).all())


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    of_it = Rating.generation_id == ExperimentCell.generation_id
    conditions = [exists().where(of_it, Rating.tags.contains([fault])) for fault in wanted.faults]
    found: list[ColumnElement[bool]] = [*conditions]
    if wanted.variant_id is not None:
        found.append(ExperimentCell.variant_id == wanted.variant_id)
    if wanted.cropped:
        found.append(ImageCheck.framing == "failed")
    if wanted.not_shippable:
        found.append(exists().where(and_(of_it, not_(Rating.shippable))))
    return found
