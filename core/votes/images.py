"""Images under random tokens: what a rater's browser asks for tells nothing of where an image came from."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.foundation.errors import NotFound
from core.images.thumbnails import thumbnail
from core.storage.objects import ObjectStore
from core.tables.customers import Customer
from core.tables.generation import Avatar, Generation
from core.tables.images import StoredSelfie
from core.tables.votes import BlindImage

PATH = "/blind"
# Two of them and the selfie fit a screen of 1440 x 900 at this size or smaller.
SIDE = 768


def generation_tokens(session: Session, generation_ids: Iterable[int]) -> dict[int, str]:
    """The token of each generation's avatar; made where there is none yet."""
    wanted = sorted(set(generation_ids))
    if not wanted:
        return {}
    rows = [{"generation_id": each} for each in wanted]
    session.execute(insert(BlindImage).on_conflict_do_nothing(), rows)
    query = select(BlindImage).where(BlindImage.generation_id.in_(wanted))
    return {each.generation_id: each.token for each in session.scalars(query) if each.generation_id}


def selfie_tokens(session: Session, selfie_ids: Iterable[int]) -> dict[int, str]:
    """The token of each selfie; made where there is none yet."""
    wanted = sorted(set(selfie_ids))
    if not wanted:
        return {}
    session.execute(insert(BlindImage).on_conflict_do_nothing(), [{"selfie_id": each} for each in wanted])
    query = select(BlindImage).where(BlindImage.selfie_id.in_(wanted))
    return {each.selfie_id: each.token for each in session.scalars(query) if each.selfie_id}


def address(token: str) -> str:
    """Where a browser finds the image of a token."""
    return f"{PATH}/{token}"


def object_key(session: Session, token: str) -> str:
    """Where the image of a token lies. Raises NotFound where none is, or its person was erased."""
    of_avatar = (
        select(Avatar.object_key)
        .join(BlindImage, BlindImage.generation_id == Avatar.generation_id)
        .join(Generation, Generation.id == Avatar.generation_id)
        .join(Customer, Customer.id == Generation.customer_id)
    )
    of_selfie = (
        select(StoredSelfie.object_key)
        .join(BlindImage, BlindImage.selfie_id == StoredSelfie.id)
        .join(Customer, Customer.id == StoredSelfie.customer_id)
    )
    for query in (of_avatar, of_selfie):
        kept = query.where(BlindImage.token == token, Customer.erased_at.is_(None))
        if (key := session.scalar(kept)) is not None:
            return key
    raise NotFound("There is no such picture.")


def blind_picture(objects: ObjectStore, key: str) -> bytes:
    """The picture as WEBP of at most SIDE pixels, written anew: nothing but what is seen is left in it."""
    return thumbnail(objects.get(key), SIDE)
