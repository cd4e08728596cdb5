"""RandAugment: some operations out of fourteen, all of one magnitude."""

import functools
from collections.abc import Callable

import tensorflow as tf

from tfadv.data import image_operations as ops
from tfadv.data.augmentation import Augmentation, draw
from tfadv.errors import check
from tfadv.registry import AUGMENTATIONS

# What an operation does at the largest magnitude in AutoAugment's ranges (Cubuk et al., 2019).
MOST = 10
DEGREES, SHEAR, SHIFT, BLEND, BITS = 30.0, 0.3, 0.45, 0.9, 4
# The published code's grey beyond the edges.
_FILL = 128.0

Operation = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]


def _shift(image, strength, axis):
    return strength * SHIFT * tf.cast(tf.shape(image)[axis], tf.float32)


# Each of an image, the magnitude over `MOST` in 0..1, and the same with a random sign.
OPERATIONS: dict[str, Operation] = {
    "identity": lambda image, m, s: image,
    "autocontrast": lambda image, m, s: ops.autocontrast(image),
    "equalize": lambda image, m, s: ops.equalize(image),
    "rotate": lambda image, m, s: ops.rotate(image, DEGREES * s, _FILL),
    "solarize": lambda image, m, s: ops.solarize(image, ops.LEVELS * (1 - m)),
    "color": lambda image, m, s: ops.color(image, 1 + BLEND * s),
    "posterize": lambda image, m, s: ops.posterize(
        image, 8 - tf.cast(tf.round(BITS * m), tf.int32)
    ),
    "contrast": lambda image, m, s: ops.contrast(image, 1 + BLEND * s),
    "brightness": lambda image, m, s: ops.brightness(image, 1 + BLEND * s),
    "sharpness": lambda image, m, s: ops.sharpness(image, 1 + BLEND * s),
    "shear_x": lambda image, m, s: ops.shear(image, SHEAR * s, 0.0, _FILL),
    "shear_y": lambda image, m, s: ops.shear(image, 0.0, SHEAR * s, _FILL),
    "translate_x": lambda image, m, s: ops.translate(image, _shift(image, s, 1), 0.0, _FILL),
    "translate_y": lambda image, m, s: ops.translate(image, 0.0, _shift(image, s, 0), _FILL),
}


@AUGMENTATIONS.register("rand_augment", paper="Cubuk et al., 2020, section 3")
class RandAugment(Augmentation):
    """Does some operations one after the other, each any of the paper's fourteen.

    At magnitude M of 10 an image is turned by ±3·M°, sheared by ±0.03·M, moved by ±0.045·M of its
    side, blended with grey, black or a smooth one by a factor of 1 ± 0.09·M, inverted from level
    ``256·(1 - M/10)`` on, or keeps ``8 - 0.4·M`` bits. Every operation is the stronger the
    greater M is; the published code, whose ranges these are, has some that are the weaker.

    Args:
        operations: N, how many are done (ResNet-50 on ImageNet: 2).
        magnitude: M in 0..10 (ResNet-50 on ImageNet: 9).
    """

    channels = 3

    def __init__(self, operations: int = 2, magnitude: float = 9.0):
        check(operations >= 1, "RandAugment.operations", "be >= 1", operations)
        check(0 <= magnitude <= MOST, "RandAugment.magnitude", f"be in 0..{MOST}", magnitude)
        self.operations = operations
        self.magnitude = magnitude

    def __call__(self, image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Augments one image; see `Augmentation.__call__`."""
        count = (self.operations,)
        chosen = draw(seed, "operations", count, 0, len(OPERATIONS), tf.int32)
        signs = 2 * draw(seed, "signs", count, 0, 2, tf.int32) - 1
        strength = tf.constant(self.magnitude / MOST, tf.float32)
        for place in range(self.operations):
            signed = strength * tf.cast(signs[place], tf.float32)
            done = [functools.partial(o, image, strength, signed) for o in OPERATIONS.values()]
            image = tf.ensure_shape(tf.switch_case(chosen[place], done), image.shape)
        return image
