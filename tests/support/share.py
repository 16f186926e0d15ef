"""Exports as bytes, imports of bytes, and what lies in a ZIP."""

import io
import uuid
import zipfile

from core.exports.exports import Wish, prepare
from core.exports.imports import import_experiment
from tests.support.desk import TestDesk


def export(desk: TestDesk, wish: Wish) -> bytes:
    return b"".join(prepare(desk.services, actor=desk.admin, wish=wish).chunks())


def import_file(desk: TestDesk, content: bytes, *, token: str | None = None) -> int:
    return import_experiment(
        desk.database,
        desk.services.objects,
        actor=desk.admin,
        file=io.BytesIO(content),
        token=token or uuid.uuid4().hex,
    )


def unpacked(content: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(name)


def file_names(content: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.namelist()


def packed(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()
