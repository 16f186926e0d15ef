"""Plain HTTP beside the pages, on the same port: health, the provider's webhook, pictures and downloads."""

import functools
import logging
import time

from sqlalchemy.dialects.postgresql import insert
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.exports import shelf
from core.foundation.database import answers
from core.foundation.errors import OperatorError, ServiceUnavailable
from core.generation.clock import provider_time
from core.generation.reports import apply_provider_report
from core.images import addresses
from core.provider.errors import ProviderError, WebhookRejected
from core.services import Services, current
from core.tables.provider import WebhookInbox
from core.votes.images import PATH
from core.web.blind import blind_image
from core.web.pictures import picture
from core.web.shared import shared_file

log = logging.getLogger(__name__)

# A prediction object with inputs inside stays well below; more is not the provider's.
LARGEST_BODY = 8 * 1024 * 1024


def routes() -> list[Route]:
    """The routes of the app beside the pages."""
    return [
        Route("/healthz", health, methods=["GET"]),
        Route("/hooks/replicate", replicate_webhook, methods=["POST"]),
        Route(f"{PATH}/{{token}}", blind_image, methods=["GET"]),
        Route(
            f"{addresses.PATH}/{{picture}}/{{number:int}}/{{size}}/{{until:int}}/{{signature}}",
            picture,
            methods=["GET"],
        ),
        Route(f"{shelf.PATH}/{{token}}/{{name}}", shared_file, methods=["GET"]),
    ]


async def health(_request: Request) -> JSONResponse:
    """200 when database and object store answer, else 503 and which one does not."""
    try:
        services = current()
    except OperatorError:
        return JSONResponse({"status": "starting"}, status_code=503)
    parts = {
        "database": await run_in_threadpool(answers, services.database),
        "object_store": await run_in_threadpool(services.objects.answers),
    }
    healthy = all(parts.values())
    return JSONResponse(
        {"status": "ok" if healthy else "degraded", **parts}, status_code=200 if healthy else 503
    )


async def replicate_webhook(request: Request) -> Response:
    """Take the provider's word about one prediction: signed, fresh and not seen before."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            return Response(status_code=413)
    headers = dict(request.headers)
    try:
        return Response(status_code=await run_in_threadpool(receive, current(), headers, body))
    except ServiceUnavailable:
        return Response(status_code=503)


def receive(services: Services, headers: dict[str, str], body: bytes) -> int:
    """Check and apply one webhook; the answer's HTTP status. A repeated one is acknowledged, not applied."""
    try:
        payload = services.gateway.verify_webhook(
            headers, body, webhook_secret(services), now=functools.partial(_their_time, services)
        )
        report = services.gateway.parse_report(payload)
    except WebhookRejected as exc:
        log.warning("a webhook was refused: %s", exc)
        return 401
    except ProviderError as exc:
        log.warning("a webhook could not be checked: %s", exc)
        return 503 if exc.status is None else 400
    with services.database.transaction() as session:
        fresh = session.scalar(
            insert(WebhookInbox)
            .values(webhook_id=headers["webhook-id"])
            .on_conflict_do_nothing()
            .returning(WebhookInbox.webhook_id)
        )
        if fresh is not None:
            apply_provider_report(session, services.settings, report, detected_by="webhook")
    return 200


def _their_time(services: Services) -> float:
    """The provider's time as it is known, in seconds since 1970: it is what webhooks are stamped with."""
    with services.database.transaction() as session:
        known = provider_time(session)
    return known.timestamp() if known else time.time()


@functools.lru_cache(maxsize=4)
def webhook_secret(services: Services) -> str:
    """The provider's signing secret, asked for once a process. Raises ProviderError."""
    return services.gateway.webhook_secret()
