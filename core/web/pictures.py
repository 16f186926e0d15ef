"""Selfies and avatars for pages, by signed addresses, small or whole: no picture passes through Streamlit."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from core.foundation.database import LARGEST_ID
from core.foundation.errors import NotFound, OperatorError
from core.images.addresses import DOWNLOAD, Picture, Shown, Size, check_address
from core.services import Services, current
from core.web.private import has_it, no_picture, picture_answer
from core.web.stored import stored_picture


async def picture(request: Request) -> Response:
    """The picture of a signed address; 404 where there is none, 503 where it cannot be read now."""
    try:
        content, kind = await run_in_threadpool(
            _read, current(), **request.path_params, known=has_it(request)
        )
    except (NotFound, ValueError):
        return no_picture(404)
    except OperatorError:
        return no_picture(503)
    answer = picture_answer(content, kind)
    if DOWNLOAD in request.query_params:
        name = f"{request.path_params['picture']}-{request.path_params['number']}.{kind.rpartition('/')[2]}"
        answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _read(
    services: Services, picture: str, number: int, size: str, until: int, signature: str, *, known: bool
) -> tuple[bytes | None, str]:
    check_address(services.settings, picture, number, size, until, signature)
    shown = Shown(Picture(picture), min(number, LARGEST_ID))
    return stored_picture(services, shown, Size(size), known=known)
