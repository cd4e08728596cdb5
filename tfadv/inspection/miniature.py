"""Images as 8x8 grey levels, by which copies are recognized that were resized or compressed."""

import functools

import numpy as np

SIDE = 8
_FEW = 64
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
    transform = _cosines()
    signs = transform @ miniatures.astype(np.float32) @ transform.T > 0
    signs = signs.reshape(len(miniatures), SIDE * SIDE)
    signs[:, 0] = False
    return np.packbits(signs, axis=1).view(np.uint64)[:, 0]


def _eighths(values: np.ndarray) -> np.ndarray:
    """Returns the means of eight parts of an array [n, ...] as float32 [8, ...]."""
    if len(values) < _FEW:  # whose eighths would differ in length
        values = np.repeat(values, SIDE, axis=0)
    edges = np.arange(SIDE + 1) * len(values) // SIDE
    flat = values.reshape(len(values), -1)  # one long row is added up fastest
    exact = np.uint32 if values.dtype == np.uint8 else np.float32
    means = [
        flat[a:b].sum(0, dtype=exact) / (b - a) for a, b in zip(edges, edges[1:], strict=False)
    ]
    return np.stack(means).astype(np.float32).reshape(SIDE, *values.shape[1:])


@functools.cache
def _cosines() -> np.ndarray:
    """Returns the matrix of the discrete cosine transform of 8 values."""
    place = np.arange(SIDE)
    return np.cos(np.pi / SIDE * (place[None] + 0.5) * place[:, None]).astype(np.float32)
