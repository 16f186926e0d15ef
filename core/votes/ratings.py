"""Ratings of single images, per rater: its faults, and whether they would ship it. They change no check."""

import dataclasses
import random
from collections.abc import Sequence

from sqlalchemy import exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.foundation.errors import InvalidInput, NotFound
from core.foundation.statistics.agreement import Agreement, agreement
from core.tables.access import Staff
from core.tables.experiments import ExperimentCell
from core.tables.generation import Avatar
from core.tables.votes import Rating
from core.votes.batches import shown_images
from core.votes.images import generation_tokens, selfie_tokens
from core.votes.samples import Sample, Shipping, shipping

TAGS = ("cropped feet", "wrong hair", "not comic", "extra limb", "text in image", "wrong likeness")


@dataclasses.dataclass(frozen=True)
class Unrated:
    """An image that a rater has not rated yet, and how many of the experiment's they have."""

    generation_id: int
    avatar: str
    selfie: str
    done: int
    total: int


@dataclasses.dataclass(frozen=True)
class RatedImage:
    """What one rater said of one image."""

    generation_id: int
    variant_id: int
    selfie_id: int
    repeat: int
    rater: str
    tags: tuple[str, ...]
    shippable: bool


def rate(
    session: Session, *, actor: Actor, generation_id: int, shippable: bool, tags: Sequence[str] = ()
) -> None:
    """Keep this rater's word on an image; a second one replaces their first, and no one else's.

    Raises NotAllowed, NotFound, InvalidInput.
    """
    require(actor, Permission.RATE)
    if unknown := sorted(set(tags) - set(TAGS)):
        raise InvalidInput(f"There is no fault '{unknown[0]}'. Faults: {', '.join(TAGS)}.")
    if session.get(Avatar, generation_id) is None:
        raise NotFound(f"Generation {generation_id} has no avatar to rate.")
    said = {"tags": [tag for tag in TAGS if tag in tags], "shippable": shippable}
    made = insert(Rating).values(generation_id=generation_id, rater_id=actor.id, **said)
    session.execute(
        made.on_conflict_do_update(
            index_elements=["generation_id", "rater_id"], set_={**said, "at": func.clock_timestamp()}
        )
    )


def next_unrated(session: Session, *, actor: Actor, experiment_id: int) -> Unrated | None:
    """An image of the experiment that this rater has not rated, in an order of their own; None at the end."""
    require(actor, Permission.RATE)
    mine = exists().where(Rating.generation_id == ExperimentCell.generation_id, Rating.rater_id == actor.id)
    query = shown_images().where(ExperimentCell.experiment_id == experiment_id).add_columns(mine)
    rows = {cell.generation_id: (cell, rated) for cell, rated in session.execute(query).all()}
    left = sorted(each for each, (_, rated) in rows.items() if not rated)
    if not left:
        return None
    # Stable from look to look, but not the order in which the versions stand.
    chosen = random.Random(actor.id * 1_000_003 + experiment_id).sample(sorted(rows), len(rows))  # noqa: S311
    generation_id = next(each for each in chosen if each in set(left))
    selfie_id = rows[generation_id][0].selfie_id
    return Unrated(
        generation_id,
        generation_tokens(session, [generation_id])[generation_id],
        selfie_tokens(session, [selfie_id])[selfie_id],
        len(rows) - len(left),
        len(rows),
    )


def ratings(
    session: Session, *, experiment_id: int, tag: str | None = None, variant_id: int | None = None
) -> list[RatedImage]:
    """What raters said of an experiment's images; only those with a fault or of a variant where asked."""
    query = (
        select(ExperimentCell, Rating, Staff.name)
        .join(Rating, Rating.generation_id == ExperimentCell.generation_id)
        .join(Staff, Staff.id == Rating.rater_id)
        .where(ExperimentCell.experiment_id == experiment_id)
        .order_by(ExperimentCell.id, Rating.rater_id)
    )
    if tag is not None:
        query = query.where(Rating.tags.contains([tag]))
    if variant_id is not None:
        query = query.where(ExperimentCell.variant_id == variant_id)
    return [
        RatedImage(
            rating.generation_id,
            cell.variant_id,
            cell.selfie_id,
            cell.repeat,
            name,
            tuple(rating.tags),
            rating.shippable,
        )
        for cell, rating, name in session.execute(query)
    ]


def shipping_of(rated: Sequence[RatedImage]) -> Shipping:
    """Share of samples that raters would ship, and of selfies where even the worst would be."""
    samples: dict[tuple[int, int], list[bool]] = {}
    for each in rated:
        samples.setdefault((each.selfie_id, each.repeat), []).append(each.shippable)
    return shipping([Sample(selfie_id, answers) for (selfie_id, _), answers in samples.items()])


def rating_agreement(rated: Sequence[RatedImage]) -> Agreement | None:
    """How far raters agree on what they would ship."""
    items: dict[tuple[int, int], list[str]] = {}
    for each in rated:
        items.setdefault((each.variant_id, each.generation_id), []).append(str(each.shippable))
    return agreement(list(items.values()))
