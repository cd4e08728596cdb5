"""A bundle's own reference: test images, and what the original model said of them."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfadv.errors import UserError
from tfadv.files import read_arrays
from tfadv.interop.bundle_format import REFERENCE, REMEDY

# What other devices may change, in parts of the largest logit; another branch changes more.
_TOLERANCE = 1e-2
# Real images use most of their range.
_LEAST_SPAN = 0.02


def read(folder: Path, metadata: Mapping) -> dict[str, np.ndarray]:
    """Returns a bundle's ``images``, ``labels``, ``logits_BRANCH`` and ``gradient_BRANCH``.

    Raises:
        UserError: the file is missing or damaged, lacks one of them, or its images are not of
            the shape and range that the metadata states.
    """
    found = read_arrays(folder / REFERENCE, REMEDY)
    parts = ("logits", "gradient")
    wanted = ["images", "labels", *(f"{p}_{b}" for b in metadata["endpoints"] for p in parts)]
    for name in wanted:
        if name not in found:
            raise UserError(f"'{folder / REFERENCE}' is damaged, it has no {name}: {REMEDY}")
    images, shape = found["images"], tuple(metadata["input_shape"])
    if images.shape[1:] != shape:
        raise UserError(
            f"'{folder}': its metadata says that it takes images of {shape}, and its reference "
            f"images are {images.shape[1:]}: {REMEDY}"
        )
    low, high = metadata["pixel_range"]
    least, most = float(images.min()), float(images.max())
    room, span = 1e-4 * (high - low), most - least
    if not (low - room <= least <= most <= high + room and span > _LEAST_SPAN * (high - low)):
        raise UserError(
            f"'{folder}': its metadata says that it takes images in {low:g}..{high:g}, and its "
            f"reference images are in {least:.4g}..{most:.4g}: {REMEDY}"
        )
    return found


def check(
    folder: Path, metadata: Mapping, functions: Mapping[str, Callable[[tf.Tensor], tf.Tensor]]
) -> None:
    """Raises `UserError` unless a bundle's branches say of its reference what the model said.

    Args:
        folder: the bundle.
        metadata: of it.
        functions: of each branch, from images in the bundle's range to logits.
    """
    reference = read(folder, metadata)
    images = tf.constant(reference["images"])
    for branch, function in functions.items():
        found = np.asarray(function(images))
        if distance(found, reference[f"logits_{branch}"]) <= _TOLERANCE:
            continue
        others = (name for name in functions if name != branch)
        same = [b for b in others if distance(found, reference[f"logits_{b}"]) <= _TOLERANCE]
        said = f"those of '{same[0]}'" if same else "others"
        raise UserError(
            f"'{folder}' gives other logits than the model that it was exported from: on its own "
            f"reference images branch '{branch}' gives {said}: {REMEDY}"
        )


def distance(found: np.ndarray, expected: np.ndarray) -> float:
    """Returns the largest difference, in parts of the largest logit."""
    if found.shape != expected.shape:
        return np.inf
    distance = np.abs(found - expected).max() / np.abs(expected).max()
    return float(distance) if np.isfinite(distance) else np.inf
