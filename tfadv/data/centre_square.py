"""The view of an image that evaluation has."""

import dataclasses

import tensorflow as tf

from tfadv.data.bicubic import Bicubic
from tfadv.data.stored_image import DecodedImage, StoredImage
from tfadv.errors import check


@dataclasses.dataclass(frozen=True)
class CentreSquare:
    """The centre of an image whose shorter side was resized.

    The longer side and the centre are rounded as the released pipeline rounds them
    (TensorPack's ``ResizeShortestEdge`` and ``CenterCrop``): a side becomes
    ``⌊s·side/min(h, w) + ½⌋``, and where an odd number of pixels is left over, one more is
    cut off at the end.

    Attributes:
        image_size: height and width in pixels.
        shorter_side: s, of the resized image, before the crop.
        bicubic: how it is resized.
        dataset: whose parameters these are, for messages.
    """

    image_size: int
    shorter_side: int
    bicubic: Bicubic
    dataset: str = "image_folder"

    def __post_init__(self):
        size, side, a = self.image_size, self.shorter_side, self.bicubic.cubic_a
        check(size > 0, f"{self.dataset}.image_size", "be > 0", size)
        check(side >= size, f"{self.dataset}.shorter_side", f"be >= image_size = {size}", side)
        check(-1 <= a <= 0, f"{self.dataset}.cubic_a", "be in -1..0", a)

    @classmethod
    def of(
        cls,
        dataset: str,
        image_size: int,
        shorter_side: int | None,
        antialias: bool,
        cubic_a: float,
        whole_pixels: bool,
    ) -> "CentreSquare":
        """Returns the view that a data set's parameters describe.

        Args:
            dataset: its name.
            image_size: height and width in pixels.
            shorter_side: in pixels before the crop; None takes `image_size`.
            antialias: see `Bicubic`.
            cubic_a: see `Bicubic`.
            whole_pixels: see `Bicubic`.
        """
        side = image_size if shorter_side is None else shorter_side
        return cls(image_size, side, Bicubic(cubic_a, antialias, whole_pixels), dataset)

    def __call__(self, image: tf.Tensor) -> tf.Tensor:
        """Maps an image [h, w, 3] in 0..255 to float32 [image_size, image_size, 3]."""
        return self.centre(DecodedImage(image))

    def centre(self, image: StoredImage) -> tf.Tensor:
        """Maps an image as it was stored, of which the centre alone is decoded; see `__call__`."""
        size = sides(image.shape, self.shorter_side)
        window = (self.image_size, self.image_size)
        return self.bicubic(image, size, (size - self.image_size) // 2, window)


def sides(shape: tf.Tensor, shorter_side: int) -> tf.Tensor:
    """Returns heights and widths, int32 [..., 2], once the shorter ones have a given length."""
    shape = tf.cast(shape, tf.float64)
    # In this order and precision, like the released pipeline: its halves round alike.
    scale = tf.cast(shorter_side, tf.float64) / tf.reduce_min(shape, -1, keepdims=True)
    return tf.cast(tf.floor(scale * shape + 0.5), tf.int32)
