"""Experiments whose images are real pictures in the store: whole, cut off, refused, under way or missing."""

import dataclasses
import functools
import hashlib
import io
import uuid
from collections.abc import Callable, Sequence
from decimal import Decimal

from PIL import Image, ImageEnhance
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.experiments.keys import image_key
from core.images.checks.service import check_generation
from core.images.thumbnails import thumbnail
from core.services import Services
from core.storage import keys
from core.tables.customers import Customer
from core.tables.experiments import Experiment, ExperimentCell, ExperimentVariant
from core.tables.generation import Avatar, Generation, RenderAttempt
from core.tables.images import StoredSelfie
from tests.support.factories import NOON, make_generation, make_selfie
from tests.support.framings import cut_off, whole
from tests.support.pictures import astronaut, encode
from tests.support.testsets import consenting, make_set

# A picture as a file, or how a cell without one stands.
Content = bytes | str
REFUSED, RUNNING, MISSING = "refused", "running", "missing"
TEMPLATE = "A full-body comic avatar of the person, ink and halftone, feet inside the frame. {extra}"


@dataclasses.dataclass(frozen=True)
class Drawn:
    """An experiment: its number, its variants and its selfies."""

    experiment_id: int
    variants: list[int]
    selfies: list[int]


def whole_figure(number: int) -> bytes:
    """A good one; few are drawn, because each takes a while."""
    return _png(number % 4, cut=False)


def cut_figure(number: int) -> bytes:
    """One that loses its head or feet."""
    return _png(number % 2, cut=True)


def figures(_variant: int, selfie: int, repeat: int) -> Content:
    """A good picture everywhere."""
    return whole_figure(selfie + repeat)


def drawn_grid(
    services: Services,
    actor: Actor,
    *,
    labels: Sequence[str],
    selfies: int,
    repeats: int = 1,
    content: Callable[[int, int, int], Content] = figures,
    extras: Sequence[str] = (),
    versions: Sequence[int | None] = (),
    small: Callable[[bytes], bytes] = thumbnail,
    checked: bool = True,
    state: str = "done",
) -> Drawn:
    """An experiment; `content` says what lies in a cell by the places of variant and selfie and the repeat.

    `extras` are the words in which prompts differ, `small` makes the thumbnails.
    """
    with services.database.transaction() as session:
        people = [consenting(session, actor, name=f"Person {number}") for number in range(selfies)]
        faces = [_face(session, services, person.id, number) for number, person in enumerate(people)]
        version = make_set(
            session,
            actor,
            [session.get_one(StoredSelfie, each) for each in faces],
            name=f"Faces {uuid.uuid4().hex[:6]}",
        )
        experiment = Experiment(
            name="Ink, paint or pencil?",
            test_set_version_id=version.id,
            selfie_ids=faces,
            repeats=repeats,
            budget_usd=Decimal(10),
            state=state,
            created_by=actor.id,
            started_by=actor.id,
            started_at=NOON,
            ended_at=None if state == "running" else NOON,
        )
        session.add(experiment)
        session.flush()
        variants = []
        for place, label in enumerate(labels):
            extra = extras[place] if extras else f"Style {place}."
            source = versions[place] if versions else None
            variants.append(_variant(session, experiment.id, place, label, extra, source))
        for repeat in range(1, repeats + 1):
            for row, face in enumerate(faces):
                for column, variant in enumerate(variants):
                    made = content(column, row, repeat)
                    _cell(session, services, experiment.id, variant, face, repeat, made, small, checked)
        return Drawn(experiment.id, variants, faces)


@functools.cache
def _png(number: int, *, cut: bool) -> bytes:
    buffer = io.BytesIO()
    (cut_off if cut else whole)(number).image.save(buffer, "PNG")
    return buffer.getvalue()


def _face(session: Session, services: Services, customer_id: int, number: int) -> int:
    """A portrait that is higher than wide, so that stretching or cropping would show."""
    portrait = astronaut(480).crop((60, 0, 420, 480))
    # Behind its end a JPEG may bear anything, so no two are the same.
    content = encode(ImageEnhance.Brightness(portrait).enhance(1 - number % 12 * 0.04), "JPEG")
    content += bytes([number])
    digest = hashlib.sha256(content).hexdigest()
    large = keys.selfie(customer_id, digest, "jpg")
    small = keys.selfie_thumbnail(customer_id, digest)
    services.objects.put(large, content, "image/jpeg")
    services.objects.put(small, thumbnail(content), "image/webp")
    return make_selfie(
        session,
        customer=session.get_one(Customer, customer_id),
        sha256=digest,
        object_key=large,
        thumbnail_key=small,
        content_type="image/jpeg",
    ).id


def _variant(
    session: Session, experiment_id: int, place: int, label: str, extra: str, version_id: int | None
) -> int:
    prompt = TEMPLATE.format(extra=extra)
    variant = ExperimentVariant(
        experiment_id=experiment_id,
        position=place + 1,
        version_id=version_id,
        template=prompt,
        template_hash=hashlib.md5(prompt.encode(), usedforsecurity=False).hexdigest(),
        filled_in={},
        prompt=prompt,
        model="openai/gpt-image-1",
        parameters={"quality": "medium" if place % 3 == 2 else "low", "background": "opaque"},
        label_text=label,
        price_usd=Decimal("0.053"),
        price_published=True,
    )
    session.add(variant)
    session.flush()
    return variant.id


def _cell(
    session: Session,
    services: Services,
    experiment_id: int,
    variant: int,
    face: int,
    repeat: int,
    content: Content,
    small: Callable[[bytes], bytes],
    checked: bool,
) -> None:
    generation = None
    selfie, column = session.get_one(StoredSelfie, face), session.get_one(ExperimentVariant, variant)
    if content != MISSING:
        customer = session.get_one(Customer, selfie.customer_id)
        generation = make_generation(
            session, state=_state(content), credits=0, selfie=selfie, customer=customer, purpose="experiment"
        )
        if content == REFUSED:
            generation.failure_class = "content_policy"
            generation.failure_detail = "Flagged as sensitive (E005). Try another prompt."
        if isinstance(content, bytes):
            deliver(session, services, generation, content, small)
            if checked:
                check_generation(session, services.objects, generation.id)
    session.add(
        ExperimentCell(
            experiment_id=experiment_id,
            variant_id=variant,
            selfie_id=face,
            repeat=repeat,
            generation_id=generation.id if generation else None,
            key=image_key(
                prompt=column.prompt,
                selfie_sha256=selfie.sha256,
                model=column.model,
                parameters=column.parameters,
                repeat=repeat,
            ),
        )
    )
    session.flush()


def deliver(
    session: Session,
    services: Services,
    generation: Generation,
    content: bytes,
    small: Callable[[bytes], bytes] = thumbnail,
) -> None:
    """Let a generation have this picture."""
    width, height = Image.open(io.BytesIO(content)).size
    # No two generations bring the same bytes: behind its end a PNG may bear anything.
    content += str(generation.id).encode()
    digest = hashlib.sha256(content).hexdigest()
    attempt = RenderAttempt(
        generation_id=generation.id,
        number=1,
        client_ref=uuid.uuid4(),
        status="succeeded",
        remote_id=uuid.uuid4().hex,
        worker="w",
        submitted_at=NOON,
        completed_at=NOON.replace(second=21),
        detected_at=NOON.replace(second=21),
        cost_usd=Decimal("0.053"),
    )
    session.add(attempt)
    session.flush()
    large, little = keys.avatar(generation.id, digest, "png"), keys.avatar_thumbnail(generation.id, digest)
    services.objects.put(large, content, "image/png")
    services.objects.put(little, small(content), "image/webp")
    session.add(
        Avatar(
            generation_id=generation.id,
            attempt_id=attempt.id,
            object_key=large,
            thumbnail_key=little,
            content_type="image/png",
            sha256=digest,
            width=width,
            height=height,
            size_bytes=len(content),
        )
    )
    session.flush()


def _state(content: Content) -> str:
    if isinstance(content, bytes):
        return "succeeded"
    return "failed" if content == REFUSED else "rendering"
