"""Augmentations of training images, each a pure function of an image and a seed."""

from typing import Any

import tensorflow as tf

from tfadv import randomness
from tfadv.data.stored_image import StoredImage
from tfadv.errors import check
from tfadv.registry import AUGMENTATIONS

Plan = Any


class Augmentation:
    """Base class of the augmentations.

    Attributes:
        takes_original: whether it wants the image as it was stored, of any
            size, instead of the evaluation's view of it.
        image_size: height and width of what it makes; None keeps the image's.
        channels: how many an image must have; None takes any.
    """

    takes_original = False
    image_size: int | None = None
    channels: int | None = None

    @property
    def parts(self) -> tuple["Augmentation", ...]:
        """What it is made of: itself, if not of others."""
        return (self,)

    def __call__(self, image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Augments one image.

        Args:
            image: float32 [h, w, 3] in 0..255.
            seed: int64 [2], this example's stream.

        Returns:
            float32 [H, W, 3] in 0..255, the model's size.
        """
        raise TypeError(f"{type(self).__name__} defines no __call__(image, seed)")

    def at_size(self, size: int) -> "Augmentation":
        """Returns the augmentation that makes images of another size.

        Here that is what this one makes, resized. One that resizes anyway should override this.

        Args:
            size: height and width in pixels.
        """
        return Resized(self, size)

    def plan(self, shapes: tf.Tensor, seeds: tf.Tensor) -> Plan:
        """Draws what is to be done with some images as they were stored, before any is decoded.

        Here that is left to the seeds. An augmentation that takes a part of an image alone
        should override this and `apply`: whatever doesn't depend on pixels is computed for
        many images at once, and `apply` decodes the part.

        Args:
            shapes: heights and widths, int32 [N, 2].
            seeds: int64 [N, 2], a stream for each.

        Returns:
            Tensors, nested, of N rows, none of which is empty.
        """
        return seeds

    def apply(self, image: StoredImage, plan: Plan) -> tf.Tensor:
        """Augments one image as it was stored by its row of a plan.

        Returns:
            As `__call__`, or whole pixels as uint8.
        """
        return self(tf.cast(image.whole(), tf.float32), plan)

    def augment(self, image: StoredImage, seed: tf.Tensor) -> tf.Tensor:
        """Augments one image as it was stored, planned alone; see `__call__`."""
        plan = self.plan(image.shape[tf.newaxis], seed[tf.newaxis])
        return self.apply(image, tf.nest.map_structure(lambda rows: rows[0], plan))


class Resized(Augmentation):
    """What another augmentation makes, resized: bilinear, and antialiased where it shrinks.

    Args:
        augmentation: the other.
        image_size: height and width in pixels.
    """

    def __init__(self, augmentation: Augmentation, image_size: int):
        self._augmentation = augmentation
        self.takes_original = augmentation.takes_original
        self.channels = augmentation.channels
        self.image_size = image_size

    def __call__(self, image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Augments one image; see `Augmentation.__call__`."""
        return self._resized(self._augmentation(image, seed))

    def plan(self, shapes: tf.Tensor, seeds: tf.Tensor) -> Plan:
        """Returns the other's; see `Augmentation.plan`."""
        return self._augmentation.plan(shapes, seeds)

    def apply(self, image: StoredImage, plan: Plan) -> tf.Tensor:
        """Augments one image as it was stored; see `Augmentation.apply`."""
        return self._resized(self._augmentation.apply(image, plan))

    def _resized(self, image):
        size = (self.image_size, self.image_size)
        return tf.image.resize(tf.cast(image, tf.float32), size, antialias=True)


# More pixels around an image than any has of its own.
_MOST_PADDING = 1024


@AUGMENTATIONS.register("crop_and_flip", paper="He et al., 2016, section 4.2")
class CropAndFlip(Augmentation):
    """The standard augmentation of small images.

    Args:
        padding: black pixels added on every side before a random crop back to
            the image's size; 0 for none.
        flip: whether to mirror left and right with probability 1/2.
    """

    def __init__(self, padding: int, flip: bool):
        rule = f"be 0..{_MOST_PADDING}"
        check(0 <= padding <= _MOST_PADDING, "CropAndFlip.padding", rule, padding)
        self.padding = padding
        self.flip = flip

    def __call__(self, image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Augments one image; see `Augmentation.__call__`."""
        if self.padding:
            pad = self.padding
            corner = draw(seed, "crop", (2,), 0, 2 * pad + 1, tf.int32)
            padded = tf.pad(image, [[pad, pad], [pad, pad], [0, 0]])
            image = tf.slice(padded, tf.concat([corner, [0]], 0), image.shape)
        return mirrored_at_random(image, seed) if self.flip else image


def mirrored_at_random(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Mirrors an image left and right with probability 1/2."""
    flips = draw(seed, "flip", (), 0, 2, tf.int32) == 1
    # Picking the columns is five times as fast as reversing the axis.
    backwards = tf.range(tf.shape(image)[1] - 1, -1, -1)
    return tf.cond(flips, lambda: tf.gather(image, backwards, axis=1), lambda: image)


def draw(seed: tf.Tensor, purpose: str, shape, low, high, dtype: tf.DType) -> tf.Tensor:
    """Draws uniform values in [low, high) from the stream of a purpose."""
    seed = randomness.for_purpose(seed, purpose)
    return tf.random.stateless_uniform(shape, seed, low, high, dtype, randomness.ALGORITHM)
