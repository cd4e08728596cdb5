"""Image files made in memory."""

import io

import numpy as np
from PIL import Image

NOISE = np.random.default_rng(0).integers(0, 256, (9, 13, 4), np.uint8)


def encoded(mode: str, kind: str, pixels: np.ndarray = NOISE, **options) -> bytes:
    """Returns a file of some pixels.

    Args:
        mode: Pillow's name of the channels, such as ``LA``.
        kind: Pillow's name of the format.
        pixels: uint8 [h, w, 3 or 4].
        **options: of Pillow's ``save``.
    """
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, kind, **options)
    return file.getvalue()


def with_orientation(number: int) -> bytes:
    """Returns a JPEG whose EXIF data says how it lies."""
    exif = Image.Exif()
    exif[0x0112] = number
    return encoded("RGB", "jpeg", exif=exif)


def animation(kind: str) -> bytes:
    """Returns a file of three pictures that differ."""
    frames = [Image.fromarray(NOISE[..., :3] // number) for number in (1, 2, 3)]
    file = io.BytesIO()
    frames[0].save(file, kind, save_all=True, append_images=frames[1:])
    return file.getvalue()
