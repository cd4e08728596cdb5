"""Between pixels of 0..255, as everywhere inside, and the range that others feed."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

# Images are float RGB in this range everywhere outside the model.
PIXEL_RANGE = (0.0, 255.0)

PixelRange = tuple[float, float]
Images = np.ndarray | tf.Tensor
# From float32 images [N, H, W, C] in 0..255 to float32 logits [N, K].
LogitsFn = Callable[[tf.Tensor], tf.Tensor]


def units_per_pixel(pixel_range: PixelRange) -> float:
    """Returns how much of `pixel_range` is one pixel step of 0..255."""
    low, high = pixel_range
    return (high - low) / (PIXEL_RANGE[1] - PIXEL_RANGE[0])


def to_pixels(images: Images, pixel_range: PixelRange) -> Images:
    """Maps images of `pixel_range` to 0..255."""
    return (images - pixel_range[0]) / units_per_pixel(pixel_range) + PIXEL_RANGE[0]


def from_pixels(images: Images, pixel_range: PixelRange) -> Images:
    """Maps images of 0..255 to `pixel_range`."""
    return (images - PIXEL_RANGE[0]) * units_per_pixel(pixel_range) + pixel_range[0]
