"""The grid's own scripts and styles, by plain HTTP beside the pages."""

import hashlib
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FOLDER = Path(__file__).parent / "browser"
KINDS = {".js": "text/javascript", ".css": "text/css"}
FILES = {path.name: path.read_bytes() for path in sorted(FOLDER.iterdir()) if path.suffix in KINDS}
# The address changes with the content, so that a browser may keep the files for good.
EDITION = hashlib.sha256(b"".join(name.encode() + content for name, content in FILES.items())).hexdigest()[
    :16
]
PATH = f"/compare-grid/{EDITION}"
HEADERS = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}


def file_route() -> Route:
    """The route of all of them; modules find each other beside themselves."""
    return Route("/compare-grid/{edition}/{name}", _file, methods=["GET"])


async def _file(request: Request) -> Response:
    name = request.path_params["name"]
    if request.path_params["edition"] != EDITION or name not in FILES:
        return Response(status_code=404, headers={"Cache-Control": "no-store"})
    return Response(FILES[name], media_type=KINDS[Path(name).suffix], headers=HEADERS)
