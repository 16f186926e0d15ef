"""Turns pictures the way their EXIF says they were held."""

from PIL import Image

# EXIF 2.32, tag 0x0112: 1 is upright.
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def exif_orientation(exif: bytes | None) -> int:
    """Return EXIF's number of the orientation, 1 where there is none or the EXIF is broken."""
    tags = Image.Exif()
    try:
        tags.load(exif or b"")
        return int(tags.get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001  Broken EXIF raises anything; the picture is fine without it.
        return 1


def is_sideways(orientation: int) -> bool:
    """Tell whether turning upright exchanges width and height."""
    return orientation in (5, 6, 7, 8)


def turn_upright(image: Image.Image, orientation: int) -> Image.Image:
    """Return the picture turned and mirrored; unknown numbers leave it as it is."""
    turn = _TURNS.get(orientation)
    return image.transpose(turn) if turn is not None else image
