"""Brings colours to sRGB."""

import io

from PIL import Image, ImageCms


def to_srgb(image: Image.Image, icc: bytes | None) -> Image.Image:
    """Return an RGB picture in sRGB. Without a profile, or with a broken one, colours stay as they are."""
    if icc:
        try:
            converted = ImageCms.profileToProfile(
                image,
                ImageCms.ImageCmsProfile(io.BytesIO(icc)),
                ImageCms.createProfile("sRGB"),
                renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
                outputMode="RGB",
            )
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            # Broken profiles are common in edited photos; a slightly wrong hue beats a refusal.
            converted = None
        if converted is not None:
            return converted
    return image.convert("RGB")
