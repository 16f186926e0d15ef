"""Images for raters, under a random token: the address is all that a browser gets to know of them."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from core.foundation.errors import NotFound, OperatorError
from core.images.kept import KeptPictures, erasure_number
from core.images.output import AvatarRejected
from core.services import Services, current
from core.storage.objects import ObjectStore
from core.votes.images import blind_picture, object_key
from core.web.private import has_it, no_picture, picture_answer

LONGEST_TOKEN = 64

_encoded: KeptPictures[tuple[ObjectStore, str], bytes] = KeptPictures(128)


async def blind_image(request: Request) -> Response:
    """The picture of a token as WEBP; 404 where there is none, 503 where it cannot be read now."""
    token = str(request.path_params["token"])[:LONGEST_TOKEN]
    try:
        content = await run_in_threadpool(_read, current(), token, known=has_it(request))
    except (NotFound, AvatarRejected):
        return no_picture(404)
    except OperatorError:
        return no_picture(503)
    return picture_answer(content, "image/webp")


def _read(services: Services, token: str, *, known: bool) -> bytes | None:
    """Its bytes; None where they are `known`."""
    # Asked each time, so that an erased person's picture is gone at once.
    with services.database.transaction() as session:
        number = erasure_number(session)
        key = object_key(session, token)
    objects = services.objects
    if known:
        return None
    return _encoded.get((objects, key), lambda: blind_picture(objects, key), number=number)
