"""Downloads that were prepared on a page: by a token that only that page knows, for some minutes."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from core.access.permissions import Permission, require
from core.access.staff import actor_by_id
from core.exports.shelf import Prepared, shelf
from core.foundation.errors import NotAllowed, NotFound, OperatorError
from core.images.kept import erasure_number
from core.services import Services, current

NO_STORE = {"Cache-Control": "no-store"}


async def shared_file(request: Request) -> Response:
    """The prepared file, piece by piece; 410 where its time is over, 503 where nobody can say who asks."""
    token = str(request.path_params["token"])
    try:
        found = await run_in_threadpool(_found, current(), token)
    except (NotFound, NotAllowed) as exc:
        return Response(str(exc), status_code=410, headers=NO_STORE, media_type="text/plain")
    except OperatorError as exc:
        return Response(str(exc), status_code=503, headers=NO_STORE, media_type="text/plain")
    headers = {
        "Content-Disposition": f'attachment; filename="{found.name}"',
        "Content-Length": str(found.size),
        "X-Content-Type-Options": "nosniff",
        **NO_STORE,
    }
    return StreamingResponse(found.chunks(), media_type=found.media_type, headers=headers)


def _found(services: Services, token: str) -> Prepared:
    # A role that was taken away since counts at once, and who was erased since is in no file.
    with services.database.transaction() as session:
        erasure_number(session)
        found = shelf.get(token)
        require(actor_by_id(session, found.staff_id), Permission.RUN_EXPERIMENTS)
    return found
