"""Images as 8x8 grey levels, by which copies are recognized that were resized or compressed."""

import functools
import math

import numpy as np

SIDE = 8
_CHUNK = 2**16  # miniatures at a time
# Of red, green and blue in grey (ITU-R BT.601).
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def miniature(pixels: np.ndarray) -> np.ndarray:
    """Returns the mean grey level of each of 8x8 equal parts of an image.

    Args:
        pixels: [h, w, 3] of any size in 0..255.

    Returns:
        uint8 [8, 8].
    """
    rows = _eighths(pixels)
    parts = _eighths(np.ascontiguousarray(rows.swapaxes(0, 1)))
    return np.rint(parts.swapaxes(0, 1) @ _LUMA).astype(np.uint8)


def fingerprints(miniatures: np.ndarray) -> np.ndarray:
    """Returns 63 bits of each miniature: the signs of its cosine transform but the mean's.

    Args:
        miniatures: uint8 [N, 8, 8].

    Returns:
        uint64 [N]; images that look alike differ in few bits.
    """
    some = np.split(miniatures, range(_CHUNK, len(miniatures), _CHUNK))
    return np.concatenate([_fingerprints(one.astype(np.float32)) for one in some])


def _fingerprints(miniatures: np.ndarray) -> np.ndarray:
    transform = _cosines()
    signs = (transform @ miniatures @ transform.T > 0).reshape(len(miniatures), SIDE * SIDE)
    signs[:, 0] = False
    return np.packbits(signs, axis=1).view(np.uint64)[:, 0]


def _eighths(values: np.ndarray) -> np.ndarray:
    """Returns the means of eight parts of an array [n, ...] as float32 [8, ...]."""
    flat = values.reshape(len(values), -1)  # one long row is added up fastest
    exact = np.uint32 if values.dtype == np.uint8 else np.float32
    found = np.empty((SIDE, flat.shape[1]), np.float32)
    for part in range(SIDE):
        low, high = part * len(values) / SIDE, (part + 1) * len(values) / SIDE
        first, end = int(low), math.ceil(high)
        found[part] = flat[first:end].sum(0, dtype=exact)
        found[part] -= (low - first) * flat[first] + (end - high) * flat[end - 1]
        found[part] /= high - low
    return found.reshape(SIDE, *values.shape[1:])


@functools.cache
def _cosines() -> np.ndarray:
    """Returns the matrix of the discrete cosine transform of 8 values."""
    place = np.arange(SIDE)
    return np.cos(np.pi / SIDE * (place[None] + 0.5) * place[:, None]).astype(np.float32)
