"""Random crops and flips of small images."""

import tensorflow as tf

from tfadv import randomness
from tfadv.errors import check
from tfadv.registry import configurable


@configurable
class CropAndFlip:
    """The standard augmentation of small images.

    Args:
        padding: black pixels added on every side before a random crop back to
            the image's size; 0 for none.
        flip: whether to mirror left and right with probability 1/2.
    """

    def __init__(self, padding: int, flip: bool):
        check(padding >= 0, "CropAndFlip.padding", "be >= 0", padding)
        self.padding = padding
        self.flip = flip

    def __call__(self, image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Augments one image.

        Args:
            image: float32 [H, W, C].
            seed: int64 [2], this example's stream.

        Returns:
            float32 [H, W, C].
        """
        if self.padding:
            pad = self.padding
            corner = self._draw(seed, "crop", 2 * pad + 1, (2,))
            padded = tf.pad(image, [[pad, pad], [pad, pad], [0, 0]])
            image = tf.slice(padded, tf.concat([corner, [0]], 0), image.shape)
        if self.flip:
            mirrored = self._draw(seed, "flip", 2, ()) == 1
            image = tf.where(mirrored, image[:, ::-1], image)
        return image

    @staticmethod
    def _draw(seed, purpose, bound, shape):
        return tf.random.stateless_uniform(
            shape,
            randomness.for_purpose(seed, purpose),
            0,
            bound,
            tf.int32,
            randomness.ALGORITHM,
        )
