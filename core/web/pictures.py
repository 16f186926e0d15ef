"""Selfies and avatars for pages that show many at once: by signed addresses, small or whole."""

import functools

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from core.errors import NotFound, OperatorError
from core.images.addresses import Picture, Size, check_address
from core.services import Services, current
from core.web.stored import stored_object

# Long enough for a look around; an erased person's picture should not lie in a browser's store for long.
HEADERS = {"Cache-Control": "private, max-age=600", "X-Content-Type-Options": "nosniff"}
LARGEST_NUMBER = 2**63 - 1


async def picture(request: Request) -> Response:
    """The picture of a signed address; 404 where there is none, 503 where it cannot be read now."""
    try:
        content, kind = await run_in_threadpool(_read, current(), **request.path_params)
    except (NotFound, ValueError):
        return Response(status_code=404, headers={"Cache-Control": "no-store"})
    except OperatorError:
        return Response(status_code=503, headers={"Cache-Control": "no-store"})
    return Response(content, media_type=kind, headers=HEADERS)


def _read(
    services: Services, picture: str, number: int, size: str, until: int, signature: str
) -> tuple[bytes, str]:
    check_address(services.settings, picture, number, size, until, signature)
    wanted = Size(size)
    # Asked each time, so that an erased person's picture is gone at once.
    with services.database.transaction() as session:
        key, kind = stored_object(session, Picture(picture), min(number, LARGEST_NUMBER), wanted)
    return (_small(services, key) if wanted is Size.SMALL else services.objects.get(key)), kind


@functools.lru_cache(maxsize=256)
def _small(services: Services, key: str) -> bytes:
    return services.objects.get(key)
