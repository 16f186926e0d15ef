"""Images for raters, under a random token: the address is all that a browser gets to know of them."""

import functools

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from core.errors import NotFound, OperatorError
from core.images.output import AvatarRejected
from core.prompts.votes.images import blind_picture, object_key
from core.services import Services, current

# A rater comes back to a pair after an undo; for long nobody should find it in a browser's store.
HEADERS = {"Cache-Control": "private, max-age=600", "X-Content-Type-Options": "nosniff"}
LONGEST_TOKEN = 64


async def blind_image(request: Request) -> Response:
    """The picture of a token as WEBP; 404 where there is none, 503 where it cannot be read now."""
    token = str(request.path_params["token"])[:LONGEST_TOKEN]
    try:
        content = await run_in_threadpool(_read, current(), token)
    except (NotFound, AvatarRejected):
        return Response(status_code=404, headers={"Cache-Control": "no-store"})
    except OperatorError:
        return Response(status_code=503, headers={"Cache-Control": "no-store"})
    return Response(content, media_type="image/webp", headers=HEADERS)


def _read(services: Services, token: str) -> bytes:
    # Asked each time, so that an erased person's picture is gone at once.
    with services.database.transaction() as session:
        key = object_key(session, token)
    return _encoded(services, key)


@functools.lru_cache(maxsize=128)
def _encoded(services: Services, key: str) -> bytes:
    return blind_picture(services.objects, key)
