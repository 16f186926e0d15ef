"""Storing: fetch what was drawn before the provider deletes it, check it, keep it, capture the credits."""

import dataclasses
import functools
import logging
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.catalog.models import MODELS
from core.classification.overrides.in_force import overrides_in_force
from core.classification.taxonomy import FailureClass
from core.foundation.clock import NOW
from core.foundation.errors import ServiceUnavailable, StillKept
from core.generation.endings import known_trouble, retry_or_fail, succeed, trouble_with_provider
from core.generation.leases import Claim, claim_storing, count_due, release
from core.generation.patience import patiently
from core.images.output import Avatar as Picture
from core.images.output import AvatarRejected, check_and_decode
from core.images.thumbnails import thumbnail_of
from core.provider.errors import ProviderError
from core.services import Services
from core.settings import Settings
from core.storage import keys
from core.tables.generation import Avatar, Generation, KeptOutput, RenderAttempt, State

log = logging.getLogger(__name__)

# Fetching, checking and putting three objects may each take their time limit.
LEASE_FACTOR = 4
GONE = frozenset({401, 403, 404, 410})
MOST_TRIES_OF_GONE = 3
# With doubling waits this is some two minutes of a host that does not deliver.
MOST_TRIES = 7
FIRST_WAIT_SECONDS = 0.5


@dataclasses.dataclass(frozen=True)
class _Job:
    generation: Generation
    attempt: RenderAttempt
    kept: bytes | None
    expired: bool


def claim_to_store(services: Services, *, worker: str, free: int) -> list[Claim]:
    """Take drawn pictures, as many as threads are free; nearest deadline first."""
    with services.database.transaction() as session:
        if count_due(session, State.STORING, limit=1) == 0:
            return []
        seconds = services.settings.lease_seconds * LEASE_FACTOR
        return claim_storing(session, worker=worker, lease_seconds=seconds, limit=free)


def store(services: Services, claim: Claim) -> bool:
    """Store one claimed picture; False says that a newer owner fenced this worker off."""
    job = patiently(lambda: _load(services, claim))
    return patiently(_outcome(services, claim, job))


def _outcome(services: Services, claim: Claim, job: _Job) -> Callable[[], bool]:
    """Fetch, check and put the picture; what is then to be recorded."""
    try:
        content = job.kept or _fetch(services, job)
        picture, small = _check(job.generation, content)
    except ProviderError as exc:
        return functools.partial(_not_fetched, services, claim, job, exc)
    except AvatarRejected as exc:
        return functools.partial(_rejected, services, claim, str(exc))
    try:
        _put(services, claim.generation_id, picture, small)
    except ServiceUnavailable as exc:
        return functools.partial(_keep, services, claim, job, content, exc)
    return functools.partial(_deliver, services, claim, picture)


def _load(services: Services, claim: Claim) -> _Job:
    with services.database.transaction() as session:
        generation = session.get_one(Generation, claim.generation_id)
        attempt = session.get_one(RenderAttempt, claim.attempt_id)
        kept = session.get(KeptOutput, claim.generation_id)
        now: datetime = session.scalars(select(NOW)).one()
        expired = attempt.save_by is not None and attempt.save_by < now
        return _Job(generation, attempt, kept.content if kept else None, expired)


def _fetch(services: Services, job: _Job) -> bytes:
    return services.gateway.fetch_output(str((job.attempt.output or [""])[0]))


def _check(generation: Generation, content: bytes) -> tuple[Picture, bytes]:
    """The avatar and its thumbnail; decoded they take several times the room, and are let go of here."""
    model = MODELS[generation.model]
    formats = tuple(name.upper() for name in model.output_formats)
    picture, decoded = check_and_decode(
        content, formats=formats, size=model.output_size, convert=model.converts_output
    )
    return picture, thumbnail_of(decoded)


def _put(services: Services, generation_id: int, picture: Picture, small: bytes) -> None:
    key = keys.avatar(generation_id, picture.sha256, picture.extension)
    services.objects.put(key, picture.content, picture.content_type)
    services.objects.put(keys.avatar_thumbnail(generation_id, picture.sha256), small, "image/webp")


def _deliver(services: Services, claim: Claim, picture: Picture) -> bool:
    object_key = keys.avatar(claim.generation_id, picture.sha256, picture.extension)
    thumbnail_key = keys.avatar_thumbnail(claim.generation_id, picture.sha256)
    with services.database.transaction() as session:
        generation = session.get_one(Generation, claim.generation_id, with_for_update=True)
        delivered = succeed(session, generation, token=claim.token)
        if delivered:
            session.add(
                Avatar(
                    generation_id=claim.generation_id,
                    attempt_id=claim.attempt_id,
                    object_key=object_key,
                    thumbnail_key=thumbnail_key,
                    content_type=picture.content_type,
                    sha256=picture.sha256,
                    width=picture.width,
                    height=picture.height,
                    size_bytes=len(picture.content),
                )
            )
            _drop_data_uris(session, claim)
        wanted = delivered or generation.state in (State.STORING, State.SUCCEEDED)
    if not wanted:
        # Canceled while it was stored: a face that nobody asked to keep is not kept.
        try:
            services.objects.delete(object_key, thumbnail_key)
        except StillKept as exc:
            log.warning(
                "generation %s was canceled and its picture is still there: %s", claim.generation_id, exc
            )
    return delivered


def _drop_data_uris(session: Session, claim: Claim) -> None:
    """A picture that came inside its address is stored by now; the row need not carry it on."""
    attempt = session.get_one(RenderAttempt, claim.attempt_id)
    if any(str(uri).startswith("data:") for uri in attempt.output or []):
        attempt.output = None


def _not_fetched(services: Services, claim: Claim, job: _Job, exc: ProviderError) -> bool:
    """Try again while the provider keeps it; what is gone there, or no picture, ends the attempt."""
    settings = services.settings
    with services.database.transaction() as session:
        generation, attempt = _held(session, claim)
        if generation is None or attempt is None:
            return False
        overrides = overrides_in_force(session)
        found = trouble_with_provider(exc, model=generation.model, overrides=overrides)
        attempt.store_tries += 1
        gone = exc.status in GONE and attempt.store_tries >= MOST_TRIES_OF_GONE
        hopeless = exc.status not in GONE and not found.retryable
        if gone or hopeless or job.expired or attempt.store_tries >= MOST_TRIES:
            again = dataclasses.replace(found, retryable=True)
            return retry_or_fail(session, settings, generation, attempt, again, token=claim.token)
        attempt.failure_detail = exc.text
        return release(session, claim, wait_seconds=_wait(settings, attempt))


def _rejected(services: Services, claim: Claim, sentence: str) -> bool:
    with services.database.transaction() as session:
        generation, attempt = _held(session, claim)
        if generation is None or attempt is None:
            return False
        found = known_trouble(FailureClass.ASSET_INVALID, sentence, retryable=True)
        return retry_or_fail(session, services.settings, generation, attempt, found, token=claim.token)


def _keep(services: Services, claim: Claim, job: _Job, content: bytes, exc: ServiceUnavailable) -> bool:
    """The object store is away: keep the picture in the database, where the provider cannot delete it."""
    log.warning("generation %s is drawn but cannot be stored yet: %s", claim.generation_id, exc)
    with services.database.transaction() as session:
        generation, attempt = _held(session, claim)
        if generation is None or attempt is None:
            return False
        if job.kept is None:
            row = {"generation_id": claim.generation_id, "content": content}
            session.execute(insert(KeptOutput).values(row).on_conflict_do_nothing())
        attempt.store_tries += 1
        return release(session, claim, wait_seconds=_wait(services.settings, attempt))


def _wait(settings: Settings, attempt: RenderAttempt) -> float:
    """Seconds until the next try: doubling from half a second."""
    doubled: float = FIRST_WAIT_SECONDS * 2.0 ** min(attempt.store_tries, 10)
    return min(doubled, settings.backoff_max_seconds)


def _held(session: Session, claim: Claim) -> tuple[Generation | None, RenderAttempt | None]:
    """The locked rows, if this claim still holds them."""
    generation = session.get_one(Generation, claim.generation_id, with_for_update=True)
    if generation.lease_token != claim.token or generation.state != State.STORING:
        return None, None
    return generation, session.get_one(RenderAttempt, claim.attempt_id)
