"""What a file is, told by its content alone, and how large its picture claims to be, without decoding it."""

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass

from core.images.limits import MAX_CHUNKS, MAX_JPEG_JUNK


class Kind(enum.StrEnum):
    """The formats that are read."""

    JPEG = "JPEG"
    PNG = "PNG"
    WEBP = "WEBP"
    HEIC = "HEIC"

    @property
    def content_type(self) -> str:
        return f"image/{self.value.lower()}"


@dataclass(frozen=True)
class Header:
    """What a file says about itself before anything is decoded: pixels as stored, not turned.

    `complete` is false when the file ends before its picture does; `scans` counts the passes of a JPEG.
    """

    width: int
    height: int
    complete: bool
    animated: bool = False
    scans: int = 1


class BrokenHeader(Exception):
    """The file begins like a picture but its structure makes no sense."""


_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# ISO/IEC 23008-12: still pictures and sequences coded with HEVC; `mif1` and `msf1` leave the codec open.
_HEVC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_OPEN_BRANDS = {b"mif1", b"msf1", b"mif2"}
_AVIF_BRANDS = {b"avif", b"avis"}


def identify(content: bytes) -> Kind | None:
    """Return the format of a file that we read, or None."""
    if content.startswith(b"\xff\xd8\xff"):
        return Kind.JPEG
    if content.startswith(_PNG_SIGNATURE):
        return Kind.PNG
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return Kind.WEBP
    brands = _brands(content)
    if brands & _HEVC_BRANDS or (brands & _OPEN_BRANDS and not brands & _AVIF_BRANDS):
        return Kind.HEIC
    return None


def read_header(kind: Kind, content: bytes) -> Header:
    """Read the size of a JPEG, PNG or WEBP. Raises BrokenHeader."""
    readers = {Kind.JPEG: _jpeg_header, Kind.PNG: _png_header, Kind.WEBP: _webp_header}
    return readers[kind](content)


def webp_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and content of each whole chunk of a WEBP file. Raises BrokenHeader."""
    at = 12
    for _ in range(MAX_CHUNKS):
        name, size = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        if len(name) < 4 or at + 8 + size > len(content):
            return
        yield name, content[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    raise BrokenHeader("too many chunks")


def heic_complete(content: bytes) -> bool:
    """Tell whether all top-level boxes of a HEIC file lie within it (ISO/IEC 14496-12, section 4.2)."""
    at = 0
    for _ in range(MAX_CHUNKS):
        size = _big(content, at, 4)
        if size == 1:  # the size follows in 64 bits
            size = _big(content, at + 8, 8)
        if size == 0 or at + size == len(content):  # zero: up to the end of the file
            return True
        if size < 8 or at + size > len(content):
            return False
        at += size
    raise BrokenHeader("too many boxes")


def _brands(content: bytes) -> set[bytes]:
    if content[4:8] != b"ftyp":
        return set()
    box = content[8 : min(int.from_bytes(content[:4], "big"), 256)]
    return {box[:4]} | {box[at : at + 4] for at in range(8, len(box) - 3, 4)}


# A marker is FF and a code; FF 00 is a data byte, FF FF padding, and D0 to D7 are restarts within a scan.
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_JPEG_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_SCAN, _JPEG_END = 0xDA, 0xD9


def _jpeg_header(content: bytes) -> Header:
    width = height = scans = junk = 0
    at = 2
    for _ in range(MAX_CHUNKS):
        marker = _JPEG_MARKER.search(content, at)
        if marker is None:
            break
        start, code = marker.start(), content[marker.start() + 1]
        junk += 0 if scans else start - at
        if junk > MAX_JPEG_JUNK:
            raise BrokenHeader("junk between segments")
        if code == _JPEG_END:
            return _checked(Header(width, height, complete=True, scans=scans))
        if code in _JPEG_FRAMES:
            height, width = _big(content, start + 5, 2), _big(content, start + 7, 2)
        scans += code == _JPEG_SCAN
        at = start + 2 + (0 if code in (0x01, 0xD8) else _big(content, start + 2, 2))
    return _checked(Header(width, height, complete=False, scans=scans))


def _png_header(content: bytes) -> Header:
    if content[12:16] != b"IHDR":
        raise BrokenHeader("no header chunk")
    width, height = _big(content, 16, 4), _big(content, 20, 4)
    animated, at = False, 8
    for _ in range(MAX_CHUNKS):
        name, size = content[at + 4 : at + 8], _big(content, at, 4)
        fits = at + 12 + size <= len(content)
        if name == b"IEND" or not fits:
            return _checked(Header(width, height, complete=fits, animated=animated))
        if name == b"acTL":
            animated = animated or _big(content, at + 8, 4) > 1
        at += 12 + size
    raise BrokenHeader("too many chunks")


def _webp_header(content: bytes) -> Header:
    complete = int.from_bytes(content[4:8], "little") + 8 <= len(content)
    name, body = content[12:16], content[20:30]
    if len(body) < 10:
        raise BrokenHeader("no picture chunk")
    if name == b"VP8X":
        width, height = int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
        return _checked(Header(width, height, complete, animated=bool(body[0] & 0x02)))
    if name == b"VP8 ":
        size = int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
        return _checked(Header(*size, complete))
    if name == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return _checked(Header((bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1, complete))
    raise BrokenHeader("no picture chunk")


def _checked(header: Header) -> Header:
    # A JPEG cut off before its frame has no size yet; that is told as "ends early".
    if header.complete and (header.width == 0 or header.height == 0):
        raise BrokenHeader("no size")
    return header


def _big(content: bytes, at: int, length: int) -> int:
    return int.from_bytes(content[at : at + length], "big")
