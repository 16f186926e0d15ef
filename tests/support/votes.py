"""An experiment that is drawn, as rows; where a store is given, its images lie there too."""

import dataclasses
import hashlib
import io
import uuid
from collections.abc import Sequence
from decimal import Decimal

from PIL import Image, PngImagePlugin
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.storage.objects import ObjectStore
from core.tables.experiments import Experiment, ExperimentCell, ExperimentVariant
from core.tables.generation import Avatar, Generation, RenderAttempt
from core.tables.prompts import PromptVersion
from core.tables.votes import VotePair
from core.votes.batches import Answer, BlindPair
from tests.support.factories import NOON, make_generation, make_selfie
from tests.support.testsets import consenting, make_set


@dataclasses.dataclass(frozen=True)
class Drawn:
    """An experiment: its number, its variants' names by number, and its selfies."""

    experiment_id: int
    variants: dict[int, str]
    selfie_ids: list[int]


def drawn_experiment(
    session: Session,
    actor: Actor,
    *,
    names: Sequence[str] = ("Secret v6", "Secret v7"),
    selfies: int = 6,
    repeats: int = 1,
    objects: ObjectStore | None = None,
    ends: Sequence[str] = ("succeeded",),
    versions: Sequence[PromptVersion | None] = (),
) -> Drawn:
    """An experiment that is done; its generations end in turn as `ends` says, `versions` as saved."""
    people = [consenting(session, actor, name=f"Person {n}") for n in range(selfies)]
    faces = [
        make_selfie(session, customer=person, **_stored(objects, f"selfies/{uuid.uuid4().hex}", n, 256))
        for n, person in enumerate(people)
    ]
    face_set = make_set(session, actor, faces, name=f"Faces {uuid.uuid4().hex}")
    experiment = Experiment(
        name="Trial",
        test_set_version_id=face_set.id,
        selfie_ids=[each.id for each in faces],
        repeats=repeats,
        budget_usd=Decimal(10),
        state="done",
        created_by=actor.id,
        started_by=actor.id,
        started_at=NOON,
        ended_at=NOON,
    )
    session.add(experiment)
    session.flush()
    variants: dict[int, str] = {}
    number = 0
    for position, name in enumerate(names, start=1):
        version = versions[position - 1] if versions else None
        variant = _variant(session, experiment.id, position, name, version)
        variants[variant.id] = name
        for face in faces:
            for repeat in range(1, repeats + 1):
                generation = make_generation(
                    session, state=ends[number % len(ends)], credits=0, selfie=face, customer=people[0]
                )
                number += 1
                if generation.state == "succeeded":
                    _draw(session, generation, objects, number)
                session.add(
                    ExperimentCell(
                        experiment_id=experiment.id,
                        variant_id=variant.id,
                        selfie_id=face.id,
                        repeat=repeat,
                        key=uuid.uuid4().hex,
                        generation_id=generation.id,
                    )
                )
    session.flush()
    return Drawn(experiment.id, variants, [each.id for each in faces])


def answer_for(session: Session, pair: BlindPair, variant_id: int) -> Answer:
    """Which side a variant stands on, as only a test may look it up."""
    return "left" if session.get_one(VotePair, pair.id).left_variant_id == variant_id else "right"


def _variant(
    session: Session, experiment_id: int, position: int, name: str, version: PromptVersion | None
) -> ExperimentVariant:
    template = f"A hero of {name}" if version is None else version.resolved
    variant = ExperimentVariant(
        experiment_id=experiment_id,
        position=position,
        version_id=None if version is None else version.id,
        template=template,
        template_hash=hashlib.md5(template.encode(), usedforsecurity=False).hexdigest(),
        filled_in={},
        prompt=template,
        model="openai/gpt-image-1",
        parameters={"quality": "low"} if version is None else version.parameters,
        label_text=name,
        price_usd=Decimal("0.011"),
        price_published=True,
    )
    session.add(variant)
    session.flush()
    return variant


def _draw(session: Session, generation: Generation, objects: ObjectStore | None, number: int) -> None:
    attempt = RenderAttempt(
        generation_id=generation.id,
        number=1,
        client_ref=uuid.uuid4(),
        status="succeeded",
        remote_id=f"r{generation.id}",
        worker="w",
        submitted_at=NOON,
        completed_at=NOON.replace(second=20),
        cost_usd=Decimal("0.011"),
    )
    session.add(attempt)
    session.flush()
    kept = _stored(objects, f"avatars/{generation.id}/secret-v{number}", number, 1024)
    session.add(
        Avatar(generation_id=generation.id, attempt_id=attempt.id, **{"width": 1024, "height": 1024, **kept})
    )
    session.flush()


def _stored(objects: ObjectStore | None, stem: str, number: int, side: int) -> dict[str, object]:
    """The columns of a picture, and the picture with telling metadata where there is a store."""
    content = b""
    if objects is not None:
        picture = Image.new("RGB", (side, side), (number * 37 % 200 + 20, number * 71 % 200, 90))
        picture.paste((250, 250, 250), (side // 3, side // 8, side // 2, side - side // 8))
        told = PngImagePlugin.PngInfo()
        told.add_text("prompt", "Secret v6 or Secret v7")
        buffer = io.BytesIO()
        picture.save(buffer, "PNG", pnginfo=told)
        content = buffer.getvalue()
        objects.put(f"{stem}.png", content, "image/png")
    return {
        "object_key": f"{stem}.png",
        "thumbnail_key": f"{stem}.webp",
        "content_type": "image/png",
        "sha256": hashlib.sha256(content or stem.encode()).hexdigest(),
        "size_bytes": len(content),
    }
