"""An experiment as a ZIP: the document and its images, and selfies only where they were asked for."""

import zipfile
from typing import BinaryIO

from core.exports.document import Document
from core.exports.gather import Shared
from core.foundation.errors import NotFound
from core.storage.objects import ObjectStore

DOCUMENT = "experiment.json"
EXTENSIONS = {"image/png": "png", "image/webp": "webp", "image/jpeg": "jpg"}
# The same content is the same file, whenever it was written.
NO_DATE = (1980, 1, 1, 0, 0, 0)


def write_bundle(shared: Shared, objects: ObjectStore, out: BinaryIO, *, selfies: bool) -> None:
    """Write the ZIP, one picture in memory at a time. A picture that is no longer there is left out.

    Raises ServiceUnavailable where the object store does not answer.
    """
    with zipfile.ZipFile(out, "w") as archive:
        _add(archive, DOCUMENT, shared.document.as_json(), zipfile.ZIP_DEFLATED)
        for name, key in places(shared, selfies=selfies).items():
            try:
                content = objects.get(key)
            except NotFound:
                continue  # deleted since; the document still says what it was
            # Pictures are compressed already.
            _add(archive, name, content, zipfile.ZIP_STORED)


def places(shared: Shared, *, selfies: bool) -> dict[str, str]:
    """Name in the file and key in our store of every picture, in the order of the document."""
    found = {}
    for cell in shared.document.cells:
        if cell.image is not None and (picture := shared.image_of(cell)) is not None:
            found[image_name(cell.image.sha256, cell.image.content_type)] = picture.object_key
    if selfies:
        for selfie in shared.document.selfies:
            if (picture := shared.selfies.get(selfie.position)) is not None:
                found[selfie_name(selfie.sha256)] = picture.object_key
    return found


def image_name(sha256: str, content_type: str) -> str:
    return f"images/{sha256}.{EXTENSIONS[content_type]}"


def selfie_name(sha256: str) -> str:
    return f"selfies/{sha256}.jpg"


def expected(document: Document) -> set[str]:
    """Every name that a ZIP with this document may hold."""
    images = {image_name(each.image.sha256, each.image.content_type) for each in document.cells if each.image}
    return {DOCUMENT, *images, *(selfie_name(each.sha256) for each in document.selfies)}


def _add(archive: zipfile.ZipFile, name: str, content: bytes, how: int) -> None:
    told = zipfile.ZipInfo(name, NO_DATE)
    told.external_attr = 0o644 << 16
    told.compress_type = how
    archive.writestr(told, content)
