"""The Files API."""

import hashlib
import json
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import Response

from core.sandbox.answers import JSON
from core.sandbox.faults import Stage
from core.sandbox.identifiers import new_id, stamp
from core.sandbox.problems import (
    Problem,
    file_not_found,
    invalid_input,
    invalid_request,
    server_error,
    too_large,
)
from core.sandbox.state import SandboxState, StoredFile
from core.sandbox.validation import Complaint

# What a multipart body needs beside its file.
OVERHEAD = 1_000_000
LONGEST_NAME = 255


async def upload(request: Request) -> Response:
    """`POST /v1/files`"""
    state: SandboxState = request.app.state.sandbox
    if state.faults.at(Stage.UPLOAD):
        await request.body()
        return server_error()
    if int(request.headers.get("content-length", 0)) > state.options.file_limit + OVERHEAD:
        # The rest is read and forgotten: a client that is still sending would not see the answer.
        async for _ in request.stream():
            pass
        return too_large()
    try:
        async with request.form() as form:
            file = await _file(state, form)
    except MultiPartException as exc:
        return invalid_request(exc.message)
    state.files[file.id] = file
    return JSON(_document(state, file), 201)


async def _file(state: SandboxState, form: FormData) -> StoredFile:
    content = form.get("content")
    if not isinstance(content, UploadFile):
        missing: Complaint = {"type": "required", "field": "", "description": "content is required"}
        raise Problem(invalid_input([missing]))
    data = await content.read()
    if len(data) > state.options.file_limit:
        raise Problem(too_large())
    given = {name: value for name, value in form.items() if isinstance(value, str)}
    name = given.get("filename") or content.filename or "file"
    if len(name.encode()) > LONGEST_NAME:
        raise Problem(invalid_request("filename must be at most 255 bytes"))
    now = state.clock.now()
    return StoredFile(
        id=new_id(),
        name=name,
        content=data,
        content_type=given.get("type") or content.content_type or "application/octet-stream",
        metadata=await _metadata(form.get("metadata")),
        created=now,
        expires=now + state.clock.span(state.options.file_retention),
    )


async def list_files(request: Request) -> Response:
    """`GET /v1/files`, newest first. One page holds them all: a sandbox has few."""
    state: SandboxState = request.app.state.sandbox
    results = [_document(state, file) for file in reversed(state.files.values())]
    return JSON({"next": None, "previous": None, "results": results})


async def one_file(request: Request) -> Response:
    """`GET` and `DELETE /v1/files/{id}`"""
    state: SandboxState = request.app.state.sandbox
    file = state.files.get(request.path_params["id"])
    if file is None:
        return file_not_found()
    if request.method == "DELETE":
        del state.files[file.id]
        return Response(status_code=204)
    return JSON(_document(state, file))


async def _metadata(value: UploadFile | str | None) -> dict[str, Any]:
    text = await value.read() if isinstance(value, UploadFile) else value or "{}"
    try:
        metadata = json.loads(text)
    except ValueError:
        metadata = None
    if not isinstance(metadata, dict):
        raise Problem(invalid_request("metadata must be a JSON object"))
    return metadata


def _document(state: SandboxState, file: StoredFile) -> dict[str, Any]:
    md5 = hashlib.md5(file.content, usedforsecurity=False).hexdigest()
    return {
        "id": file.id,
        "name": file.name,
        "content_type": file.content_type,
        "size": len(file.content),
        "etag": md5,
        "checksums": {"sha256": hashlib.sha256(file.content).hexdigest(), "md5": md5},
        "metadata": file.metadata,
        "created_at": stamp(file.created, file.id + "created"),
        "expires_at": stamp(file.expires, file.id + "expires"),
        "urls": {"get": f"{state.url}/v1/files/{file.id}"},
    }
