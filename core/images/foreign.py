"""Names for files that are no picture we read, so that a refusal can say what was uploaded instead."""

import codecs

_BY_PREFIX: tuple[tuple[bytes, str], ...] = (
    (b"GIF8", "a GIF picture"),
    (b"BM", "a BMP picture"),
    (b"II*\x00", "a TIFF or raw camera picture"),
    (b"MM\x00*", "a TIFF or raw camera picture"),
    (b"%PDF", "a PDF document"),
    (b"8BPS", "a Photoshop document"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture"),
    (b"\x00\x00\x01\x00", "an icon"),
    (b"PK\x03\x04", "a ZIP archive or office document"),
    (b"\x1f\x8b", "a compressed archive"),
    (b"MZ", "a program"),
    (b"\x7fELF", "a program"),
    (b"RIFF", "a sound or film"),
    (b"\x1a\x45\xdf\xa3", "a film"),
)


def name_foreign(content: bytes) -> str | None:
    """Return what a file is, with its article ("a GIF picture"), or None where that is unknown."""
    for prefix, name in _BY_PREFIX:
        if content.startswith(prefix):
            return name
    if content[4:8] == b"ftyp":
        return "an AVIF picture" if b"avif" in content[8:64] else "a film"
    return _name_text(content[:2048])


def _name_text(beginning: bytes) -> str | None:
    try:
        # Incrementally, because the last character may be cut in the middle.
        text = codecs.getincrementaldecoder("utf-8")().decode(beginning)
    except UnicodeDecodeError:
        return None
    if not text or any(not (c.isprintable() or c.isspace()) for c in text):
        return None
    lowered = text.lower()
    if "<svg" in lowered:
        return "an SVG drawing"
    if "<html" in lowered or "<!doctype html" in lowered:
        return "a web page"
    return "a text file"
