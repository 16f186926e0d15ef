"""What a browser gets from the routes beside the pages."""

import asyncio
from collections.abc import Mapping

import httpx
from starlette.applications import Starlette

from core.web.routes import routes


def get(path: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
    """The answer of the desk that is installed now."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=Starlette(routes=routes()))
        async with httpx.AsyncClient(transport=transport, base_url="http://desk.test") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(ask())
