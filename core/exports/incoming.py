"""A file that claims to be an export: read within bounds, and refused with a sentence where it is none."""

import contextlib
import dataclasses
import hashlib
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from core.experiments.keys import image_key
from core.exports.bundle import DOCUMENT, expected, image_name, selfie_name
from core.exports.document import FORMAT, VERSION, Cell, Document, Image, hash_of
from core.foundation.errors import InvalidInput
from core.images.formats import Kind, identify
from core.images.output import AvatarRejected, check_avatar, decode_picture

Model = TypeVar("Model", bound=BaseModel)
MEGABYTE = 1024 * 1024
NO_EXPORT = "This is no export of an experiment. Choose the ZIP or JSON file of one."
# 4,000 cells with all their facts stay below.
LARGEST_DOCUMENT = 16 * MEGABYTE
LARGEST_IMAGE = 25 * MEGABYTE
LARGEST_SELFIE = 5 * MEGABYTE
LARGEST_BUNDLE = 4096 * MEGABYTE
# Pictures are stored as they are; a document of repeated words shrinks by some ten times.
MOST_SHRUNK = 200


class _Head(BaseModel):
    """What tells a file's kind, before all of it is looked at."""

    model_config = ConfigDict(strict=True, extra="ignore")

    format: str
    version: int


@dataclasses.dataclass(frozen=True)
class Incoming:
    """A checked document, and the archive that holds its pictures; None where it came alone."""

    document: Document
    archive: zipfile.ZipFile | None
    names: frozenset[str]

    def image(self, wanted: Image) -> bytes | None:
        """The checked bytes of an image; None where the file does not hold it. Raises InvalidInput."""
        name = image_name(wanted.sha256, wanted.content_type)
        content = self._read(name, wanted.size_bytes)
        if content is None:
            return None
        if len(content) != wanted.size_bytes:
            raise InvalidInput(f"{name} has {len(content):,} bytes instead of {wanted.size_bytes:,}.")
        _check_sha256(name, content, wanted.sha256)
        kind = identify(content)
        if kind is None or kind.content_type != wanted.content_type:
            raise InvalidInput(f"{name} is not the kind of image that it is named after.")
        try:
            check_avatar(content, size=(wanted.width, wanted.height))
        except AvatarRejected as exc:
            raise InvalidInput(f"{name} cannot be taken. {exc.sentence}") from exc
        return content

    def selfie(self, sha256: str) -> bytes | None:
        """The checked bytes of a selfie; None where the file does not hold it. Raises InvalidInput."""
        name = selfie_name(sha256)
        content = self._read(name, LARGEST_SELFIE)
        if content is None:
            return None
        _check_sha256(name, content, sha256)
        if identify(content) is not Kind.JPEG:
            raise InvalidInput(f"{name} is no JPEG, as every selfie is.")
        try:
            decode_picture(content)
        except AvatarRejected as exc:
            raise InvalidInput(f"{name} cannot be taken. {exc.sentence}") from exc
        return content

    def _read(self, name: str, most: int) -> bytes | None:
        if self.archive is None or name not in self.names:
            return None
        return _entry(self.archive, name, most)


@contextlib.contextmanager
def opened(file: BinaryIO) -> Iterator[Incoming]:
    """The export in this file: a ZIP, or the document alone. Pictures are checked when they are asked for.

    Raises InvalidInput with what is wrong.
    """
    beginning = file.read(4)
    file.seek(0)
    if not beginning:
        raise InvalidInput("The file is empty. Choose the ZIP or JSON file of an export.")
    if not beginning.startswith(b"PK"):
        content = file.read(LARGEST_DOCUMENT + 1)
        yield Incoming(read_document(content), None, frozenset())
        return
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as exc:
        raise InvalidInput("The ZIP file is damaged. Download the export again.") from exc
    with archive:
        names = _names(archive)
        document = read_document(_entry(archive, DOCUMENT, LARGEST_DOCUMENT))
        if strange := sorted(names - expected(document)):
            raise InvalidInput(f"The ZIP file holds {_quoted(strange[0])}, which the export does not name.")
        yield Incoming(document, archive, frozenset(names))


def read_document(content: bytes) -> Document:
    """The document in these bytes. Raises InvalidInput with the first thing that is wrong."""
    if len(content) > LARGEST_DOCUMENT:
        raise InvalidInput(f"The JSON has more than {LARGEST_DOCUMENT // MEGABYTE} MB; no export has.")
    if not content.lstrip().startswith(b"{"):
        raise InvalidInput(NO_EXPORT)
    head = _parsed(_Head, content, "This is no export of an experiment.")
    if head.format != FORMAT:
        raise InvalidInput(NO_EXPORT)
    if head.version != VERSION:
        raise InvalidInput(f"The export has version {head.version} and only version {VERSION} is read here.")
    document = _parsed(Document, content, "The export is not as it must be.")
    _check(document)
    return document


def _parsed(model: type[Model], content: bytes, sentence: str) -> Model:
    try:
        return model.model_validate_json(content)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False, include_context=False)[0]
        if first["type"] == "json_invalid":
            if "recursion" in first["msg"]:
                raise InvalidInput("The JSON is nested too deep; no export is.") from exc
            raise InvalidInput("The file is no readable JSON. Download the export again.") from exc
        where = ".".join(str(part) for part in first["loc"]) or "its beginning"
        raise InvalidInput(f"{sentence} {_quoted(where)}: {first['msg']}.") from exc


def _check(document: Document) -> None:
    """What no single value tells: that positions, cells, keys and hash belong together."""
    for what, found in (("variants", document.variants), ("selfies", document.selfies)):
        if [each.position for each in found] != list(range(1, len(found) + 1)):
            raise InvalidInput(f"The {what} of the export are not numbered from 1 on.")
    for variant in document.variants:
        made = hashlib.md5(variant.template.encode(), usedforsecurity=False).hexdigest()
        if made != variant.template_hash:
            raise InvalidInput(f"The text of variant {variant.position} does not fit its hash.")
    _check_cells(document)
    if hash_of(document) != document.hash:
        raise InvalidInput("The grid does not fit its hash: the file was changed after its export.")


def _check_cells(document: Document) -> None:
    places = Counter(cell.place for cell in document.cells)
    if twice := [place for place, times in places.items() if times > 1]:
        repeat, selfie, variant = twice[0]
        raise InvalidInput(
            f"The cell of variant {variant}, selfie {selfie} and sample {repeat} is there twice."
        )
    wanted = {
        (repeat, selfie.position, variant.position)
        for repeat in range(1, document.experiment.repeats + 1)
        for selfie in document.selfies
        for variant in document.variants
    }
    if places.keys() != wanted:
        raise InvalidInput("The cells of the export do not make its grid: some are missing, or too many.")
    for cell in document.cells:
        _check_cell(document, cell)


def _check_cell(document: Document, cell: Cell) -> None:
    variant, selfie = document.variants[cell.variant - 1], document.selfies[cell.selfie - 1]
    key = image_key(
        prompt=variant.prompt,
        selfie_sha256=selfie.sha256,
        model=variant.model,
        parameters=variant.parameters,
        repeat=cell.repeat,
    )
    where = f"variant {cell.variant}, selfie {cell.selfie} and sample {cell.repeat}"
    if key != cell.key:
        raise InvalidInput(f"The key of {where} is not that of its prompt, selfie and parameters.")
    if (cell.state == "done") != (cell.image is not None):
        raise InvalidInput(f"The cell of {where} tells of an image that it cannot have.")


def _names(archive: zipfile.ZipFile) -> set[str]:
    """The names in the archive, once its directory is harmless."""
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    if len(entries) > 2 * 4000 + 1:
        raise InvalidInput(f"The ZIP file holds {len(entries):,} files; no export does.")
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        raise InvalidInput(f"The ZIP file holds {_quoted(twice[0])} twice.")
    if DOCUMENT not in names:
        raise InvalidInput(f"The ZIP file holds no {DOCUMENT}: it is no export of an experiment.")
    for entry in entries:
        _check_entry(entry)
    if sum(entry.file_size for entry in entries) > LARGEST_BUNDLE:
        raise InvalidInput(f"The ZIP file unpacks to more than {LARGEST_BUNDLE // MEGABYTE:,} MB.")
    return set(names)


def _check_entry(entry: zipfile.ZipInfo) -> None:
    name = _quoted(entry.filename)
    if not re.fullmatch(r"(images/|selfies/)?[0-9A-Za-z]+\.[a-z]{3,4}", entry.filename):
        raise InvalidInput(f"The ZIP file holds {name}, which is no name of a file in an export.")
    if entry.flag_bits & 0x1:
        raise InvalidInput("The ZIP file is encrypted. Unpack it and pack it again without a password.")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InvalidInput(f"{name} is packed in a way that is not read here.")
    if entry.file_size > max(LARGEST_IMAGE, LARGEST_DOCUMENT):
        raise InvalidInput(
            f"{name} unpacks to {entry.file_size / MEGABYTE:,.0f} MB; nothing in an export does."
        )
    if entry.file_size > MOST_SHRUNK * max(entry.compress_size, 1024):
        raise InvalidInput(f"{name} unpacks to far more than it holds. It is not read.")


def _entry(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """One file of the archive; never more than `most` bytes are unpacked, whatever it says of itself."""
    try:
        with archive.open(name) as file:
            content = file.read(most + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as exc:
        raise InvalidInput(f"{name} in the ZIP file is damaged. Download the export again.") from exc
    if len(content) > most:
        raise InvalidInput(f"{name} unpacks to more than the {most:,} bytes that it may have.")
    return content


def _check_sha256(name: str, content: bytes, sha256: str) -> None:
    if hashlib.sha256(content).hexdigest() != sha256:
        raise InvalidInput(f"The content of {name} does not fit its sha256: it was changed or damaged.")


def _quoted(name: str) -> str:
    """A name out of the file, short and harmless to show."""
    return repr(name[:80])
